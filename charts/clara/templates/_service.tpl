{{/* IP families of a Service. */}}
{{- define "clara.ipFamilies" -}}
{{- with .Values.service.ipFamilyPolicy }}
ipFamilyPolicy: {{ . }}
{{- end }}
{{- with .Values.service.ipFamilies }}
ipFamilies: {{ toJson . }}
{{- end }}
{{- end -}}

{{/* What KubeRay's Service in front of the workers has besides its defaults; empty for those. */}}
{{- define "clara.serveServiceOptions" -}}
{{- $service := .Values.service -}}
{{- if or (ne $service.type "ClusterIP") $service.annotations $service.ipFamilyPolicy $service.ipFamilies }}
serveService:
  metadata:
    {{- with $service.annotations }}
    annotations:
      {{- toYaml . | nindent 6 }}
    {{- else }} {}
    {{- end }}
  spec:
    type: {{ $service.type }}
    {{- with include "clara.ipFamilies" . | trim }}{{ . | nindent 4 }}{{ end }}
  status: {loadBalancer: {}}
{{- end }}
{{- end -}}

{{- define "clara.checkService" -}}
{{- $isOpen := ne .Values.service.type "ClusterIP" -}}
{{- if and $isOpen (not .Values.edge.authenticatedBefore) -}}
{{- fail (printf "service.type is %s, but the service has no authentication yet: anyone who reaches it could send images and read reports. Set edge.authenticatedBefore once something in front of it authenticates clients" .Values.service.type) -}}
{{- end -}}
{{- if and $isOpen .Values.networkPolicy.enabled (not .Values.networkPolicy.admitCidrs) -}}
{{- fail (printf "service.type is %s, but networkPolicy.admitCidrs is empty: no client outside the cluster would be admitted" .Values.service.type) -}}
{{- end -}}
{{- end -}}
