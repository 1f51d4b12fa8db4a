{{- define "clara.checkSelectorLabels" -}}
{{ include "clara.selectorLabels" . }}
app.kubernetes.io/component: check
{{- end -}}

{{/* URL of the service for a pod of this namespace. */}}
{{- define "clara.serveUrl" -}}
{{ ternary "https" "http" (ne .Values.serveTls.secretName "") }}://{{ include "clara.serveService" . }}.{{ .Release.Namespace }}.svc:{{ include "clara.port" "serve" }}
{{- end -}}
