{{/* Spec of the Job. Separate from the Job, whose name contains its hash, because an existing Job can't change. */}}
{{- define "clara.prefetchSpec" -}}
backoffLimit: 4
template:
  {{- include "clara.extendedPod" (dict "root" . "group" .Values.jobs "pod" (include "clara.prefetchPod" . | fromYaml)) | nindent 2 }}
{{- end -}}

{{- define "clara.prefetchPod" -}}
{{- $prefetch := .Values.prefetch -}}
{{- $model := include "clara.prefetchModel" . | fromYaml -}}
metadata:
  labels:
    {{- include "clara.prefetchSelectorLabels" . | nindent 4 }}
spec:
  {{- with include "clara.placement" (dict "root" . "group" .Values.jobs "name" "jobs") | trim }}{{ . | nindent 2 }}{{ end }}
  restartPolicy: OnFailure
  automountServiceAccountToken: false
  securityContext:
    {{- include "clara.podSecurityContext" . | nindent 4 }}
  {{- with include "clara.pullSecrets" . | trim }}{{ . | nindent 2 }}{{ end }}
  {{- if $prefetch.bucket }}
  initContainers:
    - name: copy
      image: {{ include "clara.imageReference" (dict "root" . "image" $prefetch.copier "name" "prefetch.copier") | quote }}
      imagePullPolicy: {{ .Values.image.pullPolicy }}
      command: [rclone, copy, --checksum, --stats=10s, --stats-one-line, --stats-log-level=NOTICE]
      args: [{{ include "clara.rcloneSource" . | quote }}, {{ $model.source | quote }}]
      env:
        - {name: HOME, value: /tmp}
        - {name: RCLONE_CONFIG, value: /tmp/rclone.conf}
        - {name: RCLONE_S3_ENV_AUTH, value: "true"}
        - {name: RCLONE_GCS_ENV_AUTH, value: "true"}
      {{- with $prefetch.bucketSecretName }}
      envFrom:
        - secretRef: {name: {{ . }}}
      {{- end }}
      resources:
        {{- include "clara.canonicalResources" $prefetch.resources | nindent 8 }}
      securityContext:
        {{- include "clara.securityContext" . | nindent 8 }}
      volumeMounts:
        - {name: scratch, mountPath: /tmp}
        {{- include "clara.modelMount" . | nindent 8 }}
  {{- end }}
  containers:
    - name: prefetch
      image: {{ include "clara.image" . | quote }}
      imagePullPolicy: {{ .Values.image.pullPolicy }}
      command: [python, /etc/clara/prefetch.py, --marker={{ include "clara.prefetchMarker" . }}]
      {{- if $prefetch.bucket }}
      args: [sums, {{ $model.source | quote }}]
      {{- else }}
      args:
        - hub
        - {{ $model.source | quote }}
        - --cache=/models/huggingface/hub
        {{- with $model.revision }}
        - --revision={{ . }}
        {{- end }}
      {{- end }}
      env:
        - {name: HOME, value: /tmp}
        - {name: HF_HOME, value: /models/huggingface}
        - {name: HF_HUB_DISABLE_TELEMETRY, value: "1"}
        {{- /* The script logs its progress; progress bars would fill the log. */}}
        - {name: HF_HUB_DISABLE_PROGRESS_BARS, value: "1"}
        {{- with .Values.huggingFace.tokenSecretName }}
        - name: HF_TOKEN
          valueFrom:
            secretKeyRef: {name: {{ . }}, key: token}
        {{- end }}
      resources:
        {{- include "clara.canonicalResources" $prefetch.resources | nindent 8 }}
      securityContext:
        {{- include "clara.securityContext" . | nindent 8 }}
      volumeMounts:
        - {name: scratch, mountPath: /tmp}
        - {name: script, mountPath: /etc/clara, readOnly: true}
        {{- include "clara.modelMount" . | nindent 8 }}
  volumes:
    - name: scratch
      emptyDir: {sizeLimit: {{ .Values.scratchSizeLimit }}}
    - name: script
      configMap: {name: {{ include "clara.name" . }}-prefetch}
    {{- include "clara.modelVolume" . | nindent 4 }}
{{- end -}}

{{- define "clara.prefetchJobName" -}}
{{ include "clara.name" . }}-prefetch-{{ include "clara.prefetchSpec" . | sha256sum | trunc 8 }}
{{- end -}}
