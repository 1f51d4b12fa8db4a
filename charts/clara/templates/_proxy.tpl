{{/* Environment that makes Ray run HAProxy instead of its own proxy; empty for `serve`. */}}
{{- define "clara.proxyEnv" -}}
{{- if eq .Values.proxy.kind "haproxy" }}
- {name: RAY_SERVE_ENABLE_HA_PROXY, value: "1"}
- {name: RAY_SERVE_HAPROXY_BINARY_PATH, value: /usr/sbin/haproxy}
{{- /* Ports on which HAProxy reaches a node's gateway replicas, one each, including replicas that stopped lately. */}}
- {name: RAY_SERVE_DIRECT_INGRESS_MIN_HTTP_PORT, value: {{ include "clara.port" "replicas-from" | quote }}}
- {name: RAY_SERVE_DIRECT_INGRESS_MAX_HTTP_PORT, value: {{ include "clara.port" "replicas-to" | quote }}}
{{- /* Seconds a stopping replica still accepts requests, until every HAProxy knows. */}}
- {name: RAY_SERVE_DIRECT_INGRESS_MIN_DRAINING_PERIOD_S, value: {{ .Values.endpointDrainSeconds | quote }}}
{{- /* A change of replicas starts a new HAProxy; the old one stops when the longest report must be done. */}}
- {name: RAY_SERVE_HAPROXY_HARD_STOP_AFTER_S, value: {{ include "clara.requestSeconds" . | quote }}}
{{- /* A lost node closes no connection, and without a limit HAProxy would wait for ever. */}}
- {name: RAY_SERVE_HAPROXY_TIMEOUT_SERVER_S, value: {{ include "clara.requestSeconds" . | quote }}}
{{- end }}
{{- end -}}

{{- define "clara.checkProxy" -}}
{{- if and (eq .Values.proxy.kind "haproxy") .Values.serveTls.secretName -}}
{{- fail "proxy.kind is haproxy, but serveTls.secretName is set: Ray's HAProxy speaks no TLS, neither to the edge nor to the gateway" -}}
{{- end -}}
{{- end -}}
