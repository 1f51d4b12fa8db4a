{{/* The args of build_app: `app` without the scaling, which `deployments` holds. */}}
{{- define "clara.args" -}}
{{- $app := deepCopy .Values.app -}}
{{- range $step, $settings := $app -}}{{- $_ := set $app $step (omit $settings "scaling") -}}{{- end -}}
{{- if or .Values.database.secretName .Values.database.keysSecretName -}}
{{- $app = merge (include "clara.records" . | fromYaml) $app -}}
{{- end -}}
{{- if .Values.triton.enabled -}}
{{- $engine := default dict $app.engine -}}
{{- $triton := merge (dict "address" (include "clara.tritonAddress" .)) (default dict $engine.triton) -}}
{{- $_ := set $app "engine" (set $engine "triton" $triton) -}}
{{- end -}}
{{- toYaml $app -}}
{{- end -}}

{{/* The Serve config file: one application; `app` becomes its args and the scaling in `deployments`. */}}
{{- define "clara.serveConfig" -}}
proxy_location: EveryNode
http_options:
  host: {{ .Values.listenAddress | quote }}
  port: {{ include "clara.port" "serve" }}
  # Longer than Envoy's 3600 s: a proxy's request on a connection that the worker closes at that moment would fail.
  keep_alive_timeout_s: 3700
  {{- if .Values.serveTls.secretName }}
  ssl_certfile: /var/run/secrets/clara/serve-tls/tls.crt
  ssl_keyfile: /var/run/secrets/clara/serve-tls/tls.key
  {{- end }}
logging_config:
  encoding: JSON
  # The metrics already count what a line per request would show.
  enable_access_log: false
  {{- with dig "telemetry" "log_level" "" .Values.app }}
  log_level: {{ . }}
  {{- end }}
applications:
  - name: clara
    import_path: serve_app.app:build_app
    route_prefix: /
    args:
      {{- include "clara.args" . | nindent 6 }}
    deployments:
      {{- include "clara.deployments" . | trim | nindent 6 }}
{{- end -}}
