{{/* Reject an edge that would be open to everyone, or that could not work. */}}
{{- define "clara.checkEdge" -}}
{{- $edge := .Values.edge -}}
{{- $isOn := or $edge.ingress.enabled $edge.gateway.enabled -}}
{{- if and $isOn (not (include "clara.asksWhoItIs" .)) -}}
{{- fail "edge.ingress or edge.gateway is enabled, but nobody authenticates clients: anyone who reaches the host could send images and read reports. Set app.access.mode to required, or edge.authenticatedBefore where something in front authenticates them" -}}
{{- end -}}
{{- if and $isOn (not $edge.host) -}}
{{- fail "edge.ingress or edge.gateway is enabled, but edge.host is empty: requests for every host would come here" -}}
{{- end -}}
{{- if and $edge.ingress.enabled (not $edge.tlsSecretName) -}}
{{- fail "edge.ingress.enabled is true, but edge.tlsSecretName is empty: images would travel unencrypted" -}}
{{- end -}}
{{- if and $edge.gateway.enabled (not $edge.gateway.name) -}}
{{- fail "edge.gateway.enabled is true, but edge.gateway.name is empty: the route would belong to no Gateway" -}}
{{- end -}}
{{- if and $edge.issuer.name (not $edge.tlsSecretName) -}}
{{- fail "edge.issuer.name is set, but edge.tlsSecretName is empty: cert-manager would have no Secret to write to" -}}
{{- end -}}
{{- if and $edge.issuer.name (not $edge.host) -}}
{{- fail "edge.issuer.name is set, but edge.host is empty: the certificate would name no host" -}}
{{- end -}}
{{- if and $edge.gateway.enabled .Values.serveTls.secretName (not $edge.gateway.backendCaConfigMapName) -}}
{{- fail "serveTls.secretName is set, but edge.gateway.backendCaConfigMapName is empty: the Gateway would speak plain HTTP to workers that accept TLS only" -}}
{{- end -}}
{{- $policy := .Values.networkPolicy -}}
{{- if and $isOn $policy.enabled (not $policy.admitNamespaces) (not $policy.admitCidrs) -}}
{{- fail "edge.ingress or edge.gateway is enabled, but networkPolicy admits no client: name the controller's namespace in networkPolicy.admitNamespaces, or its networks in networkPolicy.admitCidrs" -}}
{{- end -}}
{{- if and $edge.gateway.backendCaConfigMapName (not .Values.serveTls.secretName) -}}
{{- fail "edge.gateway.backendCaConfigMapName is set, but serveTls.secretName is empty: the Gateway would speak TLS to workers that speak plain HTTP" -}}
{{- end -}}
{{- end -}}

{{/* "true" where clients are authenticated, here or in front. */}}
{{- define "clara.asksWhoItIs" -}}
{{- if or (include "clara.isAuthenticated" .) .Values.edge.authenticatedBefore -}}true{{- end -}}
{{- end -}}

{{/* Name of the Service that KubeRay creates in front of the workers. */}}
{{- define "clara.serveService" -}}
{{ include "clara.name" . }}-serve-svc
{{- end -}}

{{/* Seconds that proxies and stopping pods allow for a request: the longest upload, its report, and 10 s for the rest. */}}
{{- define "clara.requestSeconds" -}}
{{- $upload := dig "gateway" "max_upload_s" 120 .Values.app | float64 -}}
{{- $report := dig "gateway" "deadline_s" 120 .Values.app | float64 -}}
{{- addf $upload $report | ceil | int | add 10 -}}
{{- end -}}

{{/* Bytes of the largest request: the largest image, plus a mebibyte for the rest of the form. */}}
{{- define "clara.edgeBodyBytes" -}}
{{- dig "gateway" "max_upload_bytes" 50000000 .Values.app | int | add 1048576 -}}
{{- end -}}

{{/*
Annotations for the usual Ingress controllers: the largest upload, the longest report, and no buffering of its stream.
Traefik has no such limits.
*/}}
{{- define "clara.ingressAnnotations" -}}
{{- $timeout := include "clara.requestSeconds" . -}}
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
