{{/* Where Ray keeps the cluster's state, so that workers survive the death of the head. */}}
{{- define "clara.gcsFaultTolerance" -}}
{{- $gcs := .Values.gcsFaultTolerance -}}
{{- if $gcs.backend }}
gcsFaultToleranceOptions:
  backend: {{ $gcs.backend }}
  {{- if eq $gcs.backend "redis" }}
  redisAddress: {{ $gcs.redisAddress | quote }}
  {{- with $gcs.redisPasswordSecretName }}
  redisPassword:
    valueFrom:
      secretKeyRef: {name: {{ . }}, key: password}
  {{- end }}
  {{- else }}
  storage:
    size: {{ $gcs.rocksdbSize }}
    {{- with $gcs.rocksdbStorageClassName }}
    storageClassName: {{ . }}
    {{- end }}
  {{- end }}
{{- end }}
{{- end -}}
