{{/* What makes Ray put HAProxy in the place of its own proxy; nothing otherwise. */}}
{{- define "clara.proxyEnv" -}}
{{- if eq .Values.proxy.kind "haproxy" }}
- {name: RAY_SERVE_ENABLE_HA_PROXY, value: "1"}
- {name: RAY_SERVE_HAPROXY_BINARY_PATH, value: /usr/sbin/haproxy}
{{- /* Where HAProxy finds the gateway's replicas of a node: as many ports as replicas that it has or had lately. */}}
- {name: RAY_SERVE_DIRECT_INGRESS_MIN_HTTP_PORT, value: {{ include "clara.port" "replicas-from" | quote }}}
- {name: RAY_SERVE_DIRECT_INGRESS_MAX_HTTP_PORT, value: {{ include "clara.port" "replicas-to" | quote }}}
{{- /* How long a replica that goes still takes what comes, until every HAProxy has heard. */}}
- {name: RAY_SERVE_DIRECT_INGRESS_MIN_DRAINING_PERIOD_S, value: {{ .Values.endpointDrainSeconds | quote }}}
{{- /* With other replicas comes another HAProxy; the one before it ends when the longest report must be done. */}}
- {name: RAY_SERVE_HAPROXY_HARD_STOP_AFTER_S, value: {{ include "clara.edgeTimeout" . | quote }}}
{{- /* Whose node is gone says nothing more, and HAProxy waits for ever unless told. */}}
- {name: RAY_SERVE_HAPROXY_TIMEOUT_SERVER_S, value: {{ include "clara.edgeTimeout" . | quote }}}
{{- end }}
{{- end -}}

{{- define "clara.checkProxy" -}}
{{- if and (eq .Values.proxy.kind "haproxy") .Values.serveTls.secretName -}}
{{- fail "proxy.kind is haproxy, but serveTls.secretName is set: Ray's HAProxy speaks no TLS, neither to the edge nor to the gateway" -}}
{{- end -}}
{{- end -}}
