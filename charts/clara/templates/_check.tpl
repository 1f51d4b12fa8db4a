{{- define "clara.checkSelectorLabels" -}}
{{ include "clara.selectorLabels" . }}
app.kubernetes.io/component: check
{{- end -}}

{{/* Where a pod of this namespace finds the door. */}}
{{- define "clara.serveUrl" -}}
{{ ternary "https" "http" (ne .Values.serveTls.secretName "") }}://{{ include "clara.serveService" . }}.{{ .Release.Namespace }}.svc:{{ include "clara.port" "serve" }}
{{- end -}}
