{{/* Where the cluster's own state lives, so that a head that dies does not take the workers with it. */}}
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
