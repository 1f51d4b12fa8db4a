{{/* Security context of every container: the restricted Pod Security Standard, and a read-only root. */}}
{{- define "clara.securityContext" -}}
allowPrivilegeEscalation: false
readOnlyRootFilesystem: true
runAsNonRoot: true
capabilities:
  drop: [ALL]
{{- end -}}

{{- define "clara.podSecurityContext" -}}
runAsNonRoot: true
{{- range $key, $id := .Values.podSecurity }}
{{- if ne (toString $id) "auto" }}
{{ $key }}: {{ int $id }}
{{- end }}
{{- end }}
fsGroupChangePolicy: OnRootMismatch
seccompProfile: {type: RuntimeDefault}
{{- end -}}

{{- define "clara.pullSecrets" -}}
{{- with .Values.image.pullSecrets }}
imagePullSecrets:
  {{- range . }}
  - name: {{ . }}
  {{- end }}
{{- end }}
{{- end -}}

{{/* Resources of a group, GPUs included. Takes a dict: group (its values), gpus (a count, possibly 0). */}}
{{- define "clara.resources" -}}
{{- $resources := deepCopy .group.resources -}}
{{- if .gpus -}}
{{- $_ := set $resources "limits" (merge (dict .group.gpuResourceName (int .gpus)) (default dict $resources.limits)) -}}
{{- end -}}
{{- include "clara.canonicalResources" $resources -}}
{{- end -}}

{{/*
The pod template of a Ray node. Takes a dict: root, group (its values), name (of the group at KubeRay), ports
(their names), isHead, runsGateway, runsEngine, gpus (a count, possibly 0).
KubeRay adds the probes that fit Ray's version and the kind of node: a worker is ready when its raylet and its Serve proxy
are, leaves the Service at the first failure, and restarts when its raylet is gone.
*/}}
{{- define "clara.pod" -}}
{{- include "clara.extendedPod" (dict "root" .root "group" .group "pod" (include "clara.ownPod" . | fromYaml)) -}}
{{- end -}}

{{- define "clara.ownPod" -}}
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
    {{- include "clara.podSecurityContext" $root | nindent 4 }}
  {{- with include "clara.pullSecrets" $root | trim }}{{ . | nindent 2 }}{{ end }}
  {{- with include "clara.placement" (dict "root" $root "group" .group "name" .name) | trim }}{{ . | nindent 2 }}{{ end }}
  {{- with include "clara.initContainers" . | trim }}
  initContainers: {{- . | nindent 4 }}
  {{- end }}
  containers:
    - name: {{ ternary "ray-head" "ray-worker" .isHead }}
      image: {{ include "clara.image" $root | quote }}
      imagePullPolicy: {{ $root.Values.image.pullPolicy }}
      ports:
        {{- range .ports }}
        - {name: {{ . }}, containerPort: {{ include "clara.port" . }}}
        {{- end }}
      env:
        {{- include "clara.env" . | trim | nindent 8 }}
        {{- if .runsGateway }}
        {{- with include "clara.recordsEnv" $root | trim }}{{ . | nindent 8 }}{{ end }}
        {{- end }}
      resources:
        {{- include "clara.resources" . | nindent 8 }}
      securityContext:
        {{- include "clara.securityContext" $root | nindent 8 }}
      {{- if and $root.Values.serveTls.secretName (not .isHead) }}
      {{- /* KubeRay's own probe speaks plain HTTP. */}}
      readinessProbe:
        httpGet: {scheme: HTTPS, port: serve, path: /-/healthz}
        initialDelaySeconds: 10
        periodSeconds: 5
        timeoutSeconds: 2
        failureThreshold: 1
      {{- end }}
      {{- if not .isHead }}
      lifecycle:
        preStop:
          {{- /* Clients that still have this pod's address may send requests; then Ray starts to drain. */}}
          exec: {command: [sleep, {{ $root.Values.endpointDrainSeconds | int | quote }}]}
      {{- end }}
      volumeMounts:
        {{- include "clara.scratchMounts" $root | nindent 8 }}
        {{- with include "clara.nodeMounts" . | trim }}{{ . | nindent 8 }}{{ end }}
  volumes:
    {{- include "clara.scratchVolumes" $root | nindent 4 }}
    {{- with include "clara.nodeVolumes" . | trim }}{{ . | nindent 4 }}{{ end }}
{{- end -}}

{{/* What a node waits for before Ray starts on it. Takes the dict of clara.pod. */}}
{{- define "clara.initContainers" -}}
{{- if and .runsEngine (include "clara.engineHoldsModel" .root) -}}{{- include "clara.waitForModel" .root -}}{{- end -}}
{{- if .runsGateway -}}{{- include "clara.waitForDatabase" .root -}}{{- end -}}
{{- end -}}
