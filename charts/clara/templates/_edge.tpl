{{/* Refuse an edge that would be open to all, or that could not work. */}}
{{- define "clara.checkEdge" -}}
{{- $edge := .Values.edge -}}
{{- $isOn := or $edge.ingress.enabled $edge.gateway.enabled -}}
{{- if and $isOn (not $edge.authenticatedBefore) -}}
{{- fail "edge.ingress or edge.gateway is enabled, but the service has no authentication yet: whoever reaches the host could send and read. Set edge.authenticatedBefore when something in front of it asks who it is" -}}
{{- end -}}
{{- if and $isOn (not $edge.host) -}}
{{- fail "edge.ingress or edge.gateway is enabled, but edge.host is empty: every host's requests would come here" -}}
{{- end -}}
{{- if and $edge.ingress.enabled (not $edge.tlsSecretName) -}}
{{- fail "edge.ingress.enabled is true, but edge.tlsSecretName is empty: films would travel unencrypted" -}}
{{- end -}}
{{- if and $edge.gateway.enabled (not $edge.gateway.name) -}}
{{- fail "edge.gateway.enabled is true, but edge.gateway.name is empty: the route would belong to no Gateway" -}}
{{- end -}}
{{- if and $edge.issuer.name (not $edge.tlsSecretName) -}}
{{- fail "edge.issuer.name is set, but edge.tlsSecretName is empty: the certificate would have nowhere to go" -}}
{{- end -}}
{{- if and $edge.issuer.name (not $edge.host) -}}
{{- fail "edge.issuer.name is set, but edge.host is empty: the certificate would be for no name" -}}
{{- end -}}
{{- if and $edge.gateway.enabled .Values.serveTls.secretName (not $edge.gateway.backendCaConfigMapName) -}}
{{- fail "serveTls.secretName is set, but edge.gateway.backendCaConfigMapName is empty: the Gateway would speak plainly to a door that wants TLS" -}}
{{- end -}}
{{- $policy := .Values.networkPolicy -}}
{{- if and $isOn $policy.enabled (not $policy.admitNamespaces) (not $policy.admitCidrs) -}}
{{- fail "edge.ingress or edge.gateway is enabled, but networkPolicy admits nobody: name the controller's namespace in networkPolicy.admitNamespaces, or its networks in networkPolicy.admitCidrs" -}}
{{- end -}}
{{- if and $edge.gateway.backendCaConfigMapName (not .Values.serveTls.secretName) -}}
{{- fail "edge.gateway.backendCaConfigMapName is set, but serveTls.secretName is empty: the Gateway would speak TLS to a door without it" -}}
{{- end -}}
{{- end -}}

{{/* The Service that KubeRay keeps in front of the workers. */}}
{{- define "clara.serveService" -}}
{{ include "clara.name" . }}-serve-svc
{{- end -}}

{{/* How long a proxy must wait for a report: its deadline, and half a minute for the way and the queue. */}}
{{- define "clara.edgeTimeout" -}}
{{- dig "gateway" "deadline_s" 120 .Values.app | float64 | ceil | int | add 30 -}}
{{- end -}}

{{/* The largest request: the largest film, and a mebibyte for the rest of the form. */}}
{{- define "clara.edgeBodyBytes" -}}
{{- dig "gateway" "max_upload_bytes" 50000000 .Values.app | int | add 1048576 -}}
{{- end -}}

{{/*
What the usual Ingress controllers must be told: the size of a film, the length of a report, and not to hold its stream
back. Traefik has no such limits.
*/}}
{{- define "clara.ingressAnnotations" -}}
{{- $timeout := include "clara.edgeTimeout" . -}}
{{- $controller := .Values.edge.ingress.controller -}}
{{- if eq $controller "nginx" }}
nginx.ingress.kubernetes.io/proxy-body-size: {{ include "clara.edgeBodyBytes" . | quote }}
nginx.ingress.kubernetes.io/proxy-read-timeout: {{ $timeout | quote }}
nginx.ingress.kubernetes.io/proxy-send-timeout: {{ $timeout | quote }}
nginx.ingress.kubernetes.io/proxy-buffering: "off"
nginx.ingress.kubernetes.io/backend-protocol: {{ ternary "HTTPS" "HTTP" (ne .Values.serveTls.secretName "") }}
{{- else if eq $controller "haproxy" }}
haproxy-ingress.github.io/proxy-body-size: {{ include "clara.edgeBodyBytes" . | quote }}
haproxy-ingress.github.io/timeout-server: {{ $timeout }}s
haproxy-ingress.github.io/backend-protocol: {{ ternary "h1-ssl" "h1" (ne .Values.serveTls.secretName "") }}
{{- else if eq $controller "alb" }}
alb.ingress.kubernetes.io/load-balancer-attributes: idle_timeout.timeout_seconds={{ $timeout }}
alb.ingress.kubernetes.io/target-type: ip
alb.ingress.kubernetes.io/healthcheck-path: /-/healthz
alb.ingress.kubernetes.io/backend-protocol: {{ ternary "HTTPS" "HTTP" (ne .Values.serveTls.secretName "") }}
{{- end }}
{{- end -}}
