{{/* A container that may do nothing but its work: the restricted Pod Security Standard, and a read-only root. */}}
{{- define "clara.securityContext" -}}
allowPrivilegeEscalation: false
readOnlyRootFilesystem: true
runAsNonRoot: true
capabilities:
  drop: [ALL]
{{- end -}}

{{/* What a read-only root leaves writable: Ray's sessions, and the caches of vLLM and torch. */}}
{{- define "clara.scratchMounts" -}}
- {name: scratch, mountPath: /tmp}
- {name: home, mountPath: /home/clara}
{{- end -}}

{{/*
The pod template of a Ray node. Takes a dict: root, name of the container, group (its values), ports (name: number),
isHead, hasModel (it runs the engine), gpus (a count, 0 for none).
Probes are left out on purpose: KubeRay adds those that fit Ray's version and the kind of node.
*/}}
{{- define "clara.pod" -}}
{{- $root := .root -}}
metadata:
  labels:
    {{- /* No version here: a new chart version alone must not make a new cluster. */}}
    {{- include "clara.selectorLabels" $root | nindent 4 }}
spec:
  {{- if not .isHead }}
  {{- /* The head keeps its token: the autoscaler beside it talks to the API server. */}}
  automountServiceAccountToken: false
  {{- end }}
  terminationGracePeriodSeconds: {{ $root.Values.terminationGracePeriodSeconds | int }}
  securityContext:
    runAsNonRoot: true
    runAsUser: 1000
    runAsGroup: 1000
    fsGroup: 1000
    fsGroupChangePolicy: OnRootMismatch
    seccompProfile: {type: RuntimeDefault}
  {{- with $root.Values.image.pullSecrets }}
  imagePullSecrets:
    {{- range . }}
    - name: {{ . }}
    {{- end }}
  {{- end }}
  {{- with .group.nodeSelector }}
  nodeSelector:
    {{- toYaml . | nindent 4 }}
  {{- end }}
  {{- with .group.tolerations }}
  tolerations:
    {{- toYaml . | nindent 4 }}
  {{- end }}
  containers:
    - name: {{ .name }}
      image: {{ include "clara.image" $root | quote }}
      imagePullPolicy: {{ $root.Values.image.pullPolicy }}
      ports:
        {{- range $name, $port := .ports }}
        - {name: {{ $name }}, containerPort: {{ $port }}}
        {{- end }}
      env:
        {{- include "clara.env" . | nindent 8 }}
      resources:
        {{- $resources := deepCopy .group.resources }}
        {{- if .gpus }}
        {{- $_ := set $resources "limits" (merge (dict "nvidia.com/gpu" (int .gpus)) (default dict $resources.limits)) }}
        {{- end }}
        {{- toYaml $resources | nindent 8 }}
      securityContext:
        {{- include "clara.securityContext" $root | nindent 8 }}
      volumeMounts:
        {{- include "clara.scratchMounts" $root | nindent 8 }}
        {{- if .hasModel }}
        - {name: model-cache, mountPath: /var/cache/huggingface}
        {{- if $root.Values.modelServer.apiKeySecretName }}
        - {name: model-server, mountPath: /var/run/secrets/clara/model-server, readOnly: true}
        {{- end }}
        {{- end }}
  volumes:
    - name: scratch
      emptyDir: {sizeLimit: {{ $root.Values.scratchSizeLimit }}}
    - name: home
      emptyDir: {sizeLimit: {{ $root.Values.scratchSizeLimit }}}
    {{- if .hasModel }}
    - name: model-cache
      {{- if $root.Values.modelCache.claimName }}
      persistentVolumeClaim: {claimName: {{ $root.Values.modelCache.claimName }}}
      {{- else }}
      emptyDir: {sizeLimit: {{ $root.Values.modelCache.sizeLimit }}}
      {{- end }}
    {{- with $root.Values.modelServer.apiKeySecretName }}
    - name: model-server
      secret: {secretName: {{ . }}, defaultMode: 0440}
    {{- end }}
    {{- end }}
{{- end -}}

{{/* The environment of a Ray node; takes the dict of clara.pod. The operator adds RAY_AUTH_TOKEN, from authOptions. */}}
{{- define "clara.env" -}}
{{- $offline := include "clara.isOffline" .root -}}
{{- /* A user without an entry in /etc/passwd needs both to be named. */}}
- {name: HOME, value: /home/clara}
- {name: USER, value: clara}
{{- /* With an operator too old for authOptions Ray then refuses to start, instead of starting open. */}}
- {name: RAY_AUTH_MODE, value: token}
- {name: RAY_USAGE_STATS_ENABLED, value: "0"}
{{- /* Switched off, Ray still reports that it is off, unless there is nowhere to report to. */}}
- {name: RAY_USAGE_STATS_REPORT_URL, value: "http://127.0.0.1:9"}
- {name: VLLM_NO_USAGE_STATS, value: "1"}
- {name: DO_NOT_TRACK, value: "1"}
- {name: HF_HUB_DISABLE_TELEMETRY, value: "1"}
- {name: TOKENIZERS_PARALLELISM, value: "false"}
{{- /* vLLM would speak gRPC to telemetry.otlp_endpoint, which is an address for HTTP. */}}
- {name: OTEL_EXPORTER_OTLP_TRACES_PROTOCOL, value: http/protobuf}
- {name: RAY_SERVE_HTTP_PROXY_CALLBACK_IMPORT_PATH, value: "serve_app.api.middleware:proxy_middleware"}
{{- if .root.Values.app.engine.enforce_eager }}
{{- /* Some samplers compile themselves with a C++ compiler otherwise, in the middle of a request. */}}
- {name: TORCHDYNAMO_DISABLE, value: "1"}
{{- end }}
{{- if $offline }}
- {name: HF_HUB_OFFLINE, value: "1"}
{{- end }}
{{- if .hasModel }}
{{- /* vLLM would find its own address by way of a public one. */}}
- name: VLLM_HOST_IP
  valueFrom:
    fieldRef: {fieldPath: status.podIP}
- {name: HF_HOME, value: /var/cache/huggingface}
{{- with .root.Values.huggingFace.tokenSecretName }}
- name: HF_TOKEN
  valueFrom:
    secretKeyRef: {name: {{ . }}, key: token}
{{- end }}
{{- end }}
{{- end -}}
