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

{{/* The API server would reject a change of `backend` too, with a less helpful message. */}}
{{- define "clara.checkGcs" -}}
{{- $gcs := .Values.gcsFaultTolerance -}}
{{- if and (eq $gcs.backend "redis") (not $gcs.redisAddress) -}}
{{- fail "gcsFaultTolerance.backend is redis, but gcsFaultTolerance.redisAddress is empty" -}}
{{- end -}}
{{- if and (ne $gcs.backend "redis") $gcs.redisAddress -}}
{{- fail "gcsFaultTolerance.redisAddress is set, but gcsFaultTolerance.backend is not redis: the cluster's state would not be kept there" -}}
{{- end -}}
{{- if and (ne $gcs.backend "redis") $gcs.redisPasswordSecretName -}}
{{- fail "gcsFaultTolerance.redisPasswordSecretName is set, but gcsFaultTolerance.backend is not redis: the password would not be used" -}}
{{- end -}}
{{- $running := lookup "ray.io/v1" "RayService" .Release.Namespace (include "clara.name" .) -}}
{{- $before := dig "spec" "rayClusterConfig" "gcsFaultToleranceOptions" "backend" "" (default dict $running) -}}
{{- if and $before $gcs.backend (ne $before $gcs.backend) -}}
{{- fail (printf "gcsFaultTolerance.backend is %s in the running release and can't become %s: uninstall the release, or install another one beside it" $before $gcs.backend) -}}
{{- end -}}
{{- end -}}
