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
{{- if and $isOpen (not (include "clara.asksWhoItIs" .)) -}}
{{- fail (printf "service.type is %s, but nobody authenticates clients: anyone who reaches it could send images and read reports. Set app.access.mode to required, or edge.authenticatedBefore where something in front authenticates them" .Values.service.type) -}}
{{- end -}}
{{- if and $isOpen (not .Values.edge.authenticatedBefore) (not .Values.serveTls.secretName) -}}
{{- fail (printf "service.type is %s, but serveTls.secretName is empty: keys and images would travel unencrypted" .Values.service.type) -}}
{{- end -}}
{{- if and $isOpen .Values.networkPolicy.enabled (not .Values.networkPolicy.admitCidrs) -}}
{{- fail (printf "service.type is %s, but networkPolicy.admitCidrs is empty: no client outside the cluster would be admitted" .Values.service.type) -}}
{{- end -}}
{{- end -}}
