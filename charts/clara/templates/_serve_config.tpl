{{/*
The args of build_app: `app` without what `deployments` says. Helm drops nulls; the two engine settings whose absence
would mean the demo's number rather than "none" get theirs back. tests/deploy holds this list against Settings.
*/}}
{{- define "clara.args" -}}
{{- $app := deepCopy .Values.app -}}
{{- range $step, $settings := $app -}}{{- $_ := set $app $step (omit $settings "scaling") -}}{{- end -}}
{{- $engine := default dict $app.engine -}}
{{- range $key := list "kv_cache_bytes" "block_size_tokens" -}}
{{- if not (hasKey $engine $key) -}}{{- $_ := set $engine $key nil -}}{{- end -}}
{{- end -}}
{{- if .Values.triton.enabled -}}
{{- $_ := set $engine "triton" (merge (dict "address" (include "clara.tritonAddress" .)) (default dict $engine.triton)) -}}
{{- end -}}
{{- toYaml (set $app "engine" $engine) -}}
{{- end -}}

{{/* The Serve config file: one application, `app` in two parts: what it is, and how it scales. */}}
{{- define "clara.serveConfig" -}}
proxy_location: EveryNode
http_options:
  host: 0.0.0.0
  port: 8000
  {{- if .Values.serveTls.secretName }}
  ssl_certfile: /var/run/secrets/clara/serve-tls/tls.crt
  ssl_keyfile: /var/run/secrets/clara/serve-tls/tls.key
  {{- end }}
logging_config:
  encoding: JSON
  # A line per request names nothing useful that the metrics don't count.
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
