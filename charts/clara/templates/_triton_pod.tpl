{{/* The pod of a Triton server. */}}
{{- define "clara.tritonPod" -}}
{{- $triton := .Values.triton -}}
metadata:
  labels:
    {{- include "clara.tritonSelectorLabels" . | nindent 4 }}
  annotations:
    # Triton reads its settings only when it starts.
    checksum/settings: {{ include "clara.args" . | sha256sum }}
spec:
  automountServiceAccountToken: false
  terminationGracePeriodSeconds: {{ .Values.terminationGracePeriodSeconds | int }}
  securityContext:
    {{- include "clara.podSecurityContext" . | nindent 4 }}
  {{- with include "clara.pullSecrets" . | trim }}{{ . | nindent 2 }}{{ end }}
  {{- with include "clara.placement" (dict "root" . "group" $triton "name" "triton") | trim }}{{ . | nindent 2 }}{{ end }}
  {{- with include "clara.waitForModel" . | trim }}
  initContainers:
    {{- . | nindent 4 }}
  {{- end }}
  containers:
    - name: triton
      image: {{ include "clara.tritonImage" . | quote }}
      imagePullPolicy: {{ .Values.image.pullPolicy }}
      args:
        {{- $isV6 := eq .Values.listenAddress "::" }}
        - {{ printf "--grpc-address=%s" (ternary "[::]" .Values.listenAddress $isV6) | quote }}
        - {{ printf "--metrics-address=%s" (ternary "ipv6:::" .Values.listenAddress $isV6) | quote }}
        # Requests in progress may finish; the last 10 s are for the server's own shutdown.
        - --exit-timeout-secs={{ sub (int .Values.terminationGracePeriodSeconds) 10 }}
      ports:
        - {name: grpc, containerPort: {{ include "clara.port" "triton" }}}
        - {name: metrics, containerPort: {{ include "clara.port" "triton-metrics" }}}
      env:
        - {name: CLARA_SETTINGS, value: /etc/clara/settings.yaml}
        {{- include "clara.hubEnv" (dict "root" . "holdsModel" true) | trim | nindent 8 }}
      resources:
        {{- include "clara.resources" (dict "group" $triton "gpus" $triton.gpus) | nindent 8 }}
      securityContext:
        {{- include "clara.securityContext" . | nindent 8 }}
      startupProbe:
        grpc: {port: {{ include "clara.port" "triton" }}}
        periodSeconds: 10
        failureThreshold: 180
      readinessProbe:
        grpc: {port: {{ include "clara.port" "triton" }}}
      livenessProbe:
        exec: {command: [/opt/clara/venv/bin/python, /etc/clara/check.py]}
        periodSeconds: 60
        timeoutSeconds: 60
      volumeMounts:
        - {name: scratch, mountPath: /tmp}
        - {name: shared-memory, mountPath: /dev/shm}
        - {name: settings, mountPath: /etc/clara, readOnly: true}
        {{- include "clara.modelMount" . | nindent 8 }}
  volumes:
    - name: scratch
      emptyDir: {sizeLimit: {{ .Values.scratchSizeLimit }}}
    # The Python backend and the server pass images through it; a container's default 64 MB are too small.
    - name: shared-memory
      emptyDir: {medium: Memory, sizeLimit: 1Gi}
    - name: settings
      configMap: {name: {{ include "clara.name" . }}-triton}
    {{- include "clara.modelVolume" . | nindent 4 }}
{{- end -}}
