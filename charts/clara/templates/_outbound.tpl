{{/*
Environment for the site's HTTP proxy and certificate authorities. Only the names in capitals: Python and rclone read those,
while gRPC reads only the others, and would send what Ray's nodes say to each other through the proxy.
*/}}
{{- define "clara.outboundEnv" -}}
{{- $outbound := .Values.outbound -}}
{{- $env := list -}}
{{- with $outbound.httpProxy -}}{{- $env = append $env (dict "name" "HTTP_PROXY" "value" .) -}}{{- end -}}
{{- with $outbound.httpsProxy -}}{{- $env = append $env (dict "name" "HTTPS_PROXY" "value" .) -}}{{- end -}}
{{- if or $outbound.httpProxy $outbound.httpsProxy -}}
{{- $direct := concat (list "localhost" "127.0.0.1" "::1" ".svc" ".cluster.local" (printf "%s-triton" (include "clara.name" .))) $outbound.noProxy -}}
{{- $env = append $env (dict "name" "NO_PROXY" "value" (join "," $direct)) -}}
{{- end -}}
{{- if $outbound.caConfigMapName -}}
{{- range list "SSL_CERT_FILE" "REQUESTS_CA_BUNDLE" -}}
{{- $env = append $env (dict "name" . "value" "/var/run/clara/ca/ca-bundle.crt") -}}
{{- end -}}
{{- end -}}
{{- toYaml $env -}}
{{- end -}}

{{- define "clara.outboundCa" -}}
{{- with .Values.outbound.caConfigMapName -}}
mounts: [{name: ca-bundle, mountPath: /var/run/clara/ca, readOnly: true}]
volumes: [{name: ca-bundle, configMap: {name: {{ . | quote }}}}]
{{- end -}}
{{- end -}}

{{/* Ports on which a hub or a bucket is reached, as a list: the endpoint's own, and the proxies'. Takes a dict: root, port. */}}
{{- define "clara.outboundPorts" -}}
{{- $ports := list (int .port) -}}
{{- range list .root.Values.outbound.httpProxy .root.Values.outbound.httpsProxy -}}
{{- with . -}}{{- $ports = append $ports (include "clara.portOf" . | int) -}}{{- end -}}
{{- end -}}
{{- uniq $ports | toYaml -}}
{{- end -}}
