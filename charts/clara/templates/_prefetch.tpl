{{/* Name of the claim that holds the model: an existing one, or the chart's own. Empty when there is neither. */}}
{{- define "clara.modelClaim" -}}
{{- if .Values.models.create -}}{{ include "clara.name" . }}-models{{- else -}}{{ .Values.models.claimName }}{{- end -}}
{{- end -}}

{{/* The settings `app.model`, without the revision "auto", which means the hub's default branch. */}}
{{- define "clara.prefetchModel" -}}
{{- $model := default dict .Values.app.model -}}
{{- if eq (default "auto" $model.revision) "auto" -}}{{- $model = omit $model "revision" -}}{{- end -}}
{{- toYaml $model -}}
{{- end -}}

{{/* Eight characters that identify the fetched model: engines wait for this one and no other. */}}
{{- define "clara.prefetchId" -}}
{{- $model := include "clara.prefetchModel" . | fromYaml -}}
{{- list $model.source $model.revision .Values.prefetch.bucket | toJson | sha256sum | trunc 8 -}}
{{- end -}}

{{- define "clara.prefetchMarker" -}}
/models/.fetched/{{ include "clara.prefetchId" . }}
{{- end -}}

{{- define "clara.prefetchSelectorLabels" -}}
{{ include "clara.selectorLabels" . }}
app.kubernetes.io/component: prefetch
{{- end -}}

{{/* Init container that waits until the model is fetched. */}}
{{- define "clara.waitForModel" -}}
{{- if .Values.prefetch.enabled }}
- name: wait-for-model
  image: {{ include "clara.image" . | quote }}
  imagePullPolicy: {{ .Values.image.pullPolicy }}
  command:
    - sh
    - -c
    - until [ -e {{ include "clara.prefetchMarker" . }} ]; do echo "The model is still being fetched"; sleep 5; done
  resources:
    requests: {cpu: 10m, memory: 32Mi}
    limits: {cpu: 100m, memory: 32Mi}
  securityContext:
    {{- include "clara.securityContext" . | nindent 4 }}
  volumeMounts:
    {{- include "clara.modelMount" . | nindent 4 }}
{{- end }}
{{- end -}}

{{/* rclone's name of the bucket: s3://b/p becomes :s3:b/p, gs://b/p becomes :gcs:b/p. */}}
{{- define "clara.rcloneSource" -}}
{{- .Values.prefetch.bucket | replace "s3://" ":s3:" | replace "gs://" ":gcs:" -}}
{{- end -}}

{{- define "clara.checkPrefetch" -}}
{{- $prefetch := .Values.prefetch -}}
{{- $source := dig "model" "source" "demo" .Values.app -}}
{{- if and .Values.models.create .Values.models.claimName -}}
{{- fail "models.create and models.claimName are both set: let the chart create the claim, or name an existing one" -}}
{{- end -}}
{{- if and $prefetch.enabled (not (include "clara.modelClaim" .)) -}}
{{- fail "prefetch.enabled is true, but there is no claim to fetch into: set models.claimName or models.create" -}}
{{- end -}}
{{- if and $prefetch.enabled (not $prefetch.bucket) (or (eq $source "demo") (hasPrefix "/" $source)) -}}
{{- fail (printf "prefetch.enabled is true, but app.model.source is %s, which is not a hub id: set prefetch.bucket to the bucket that holds it" $source) -}}
{{- end -}}
{{- if and $prefetch.bucket (not $prefetch.enabled) -}}
{{- fail "prefetch.bucket is set, but prefetch.enabled is false: nothing would be copied from it" -}}
{{- end -}}
{{- if and $prefetch.enabled $prefetch.bucket (not (hasPrefix "/models/" $source)) -}}
{{- fail (printf "prefetch.bucket is set, but app.model.source is %s: name the folder under /models to copy it to" $source) -}}
{{- end -}}
{{- if and $prefetch.enabled $prefetch.bucket (not $prefetch.copier.repository) -}}
{{- fail "prefetch.bucket is set, but prefetch.copier.repository is empty: name an image that contains rclone" -}}
{{- end -}}
{{- if and .Values.airGapped $prefetch.enabled (not $prefetch.bucket) -}}
{{- fail "airGapped is true, but prefetch would download from a hub: use a bucket of this site, or fill the claim by hand" -}}
{{- end -}}
{{- end -}}
