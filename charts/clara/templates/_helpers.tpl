{{/*
All helpers take the root context unless their comment says otherwise.
*/}}

{{/* The RayService's name. KubeRay appends to it, so it may have 47 characters. */}}
{{- define "clara.name" -}}
{{- $name := .Release.Name -}}
{{- if not (contains .Chart.Name $name) -}}{{- $name = printf "%s-%s" $name .Chart.Name -}}{{- end -}}
{{- $name | trunc 47 | trimSuffix "-" -}}
{{- end -}}

{{- define "clara.selectorLabels" -}}
app.kubernetes.io/name: {{ .Chart.Name }}
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end -}}

{{- define "clara.labels" -}}
{{ include "clara.selectorLabels" . }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
helm.sh/chart: {{ .Chart.Name }}-{{ .Chart.Version }}
{{- end -}}

{{- define "clara.image" -}}
{{- $image := .Values.image -}}
{{- $tag := default .Chart.AppVersion $image.tag -}}
{{- if eq $tag "latest" -}}{{- fail "image.tag must not be `latest`: name a release, or set image.digest" -}}{{- end -}}
{{- if $image.digest -}}{{ $image.repository }}@{{ $image.digest }}{{- else -}}{{ $image.repository }}:{{ $tag }}{{- end -}}
{{- end -}}

{{/* "true" when the model lies in the image or in a mounted folder, so nothing may be fetched. */}}
{{- define "clara.isOffline" -}}
{{- $source := dig "model" "source" "demo" .Values.app -}}
{{- if or (eq $source "demo") (hasPrefix "/" $source) -}}true{{- end -}}
{{- end -}}

{{/*
The args of build_app. Helm drops nulls; the two engine settings whose absence would mean the demo's number rather
than "none" get theirs back. tests/deploy holds this list against Settings.
*/}}
{{- define "clara.args" -}}
{{- $app := deepCopy .Values.app -}}
{{- $engine := default dict $app.engine -}}
{{- range $key := list "kv_cache_bytes" "block_size_tokens" -}}
{{- if not (hasKey $engine $key) -}}{{- $_ := set $engine $key nil -}}{{- end -}}
{{- end -}}
{{- toYaml (set $app "engine" $engine) -}}
{{- end -}}

{{/* The Serve config file: one application, whose args are `app`. */}}
{{- define "clara.serveConfig" -}}
proxy_location: EveryNode
http_options:
  host: 0.0.0.0
  port: 8000
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
{{- end -}}

{{/* Refuse values that each pass the schema but contradict each other. */}}
{{- define "clara.checks" -}}
{{- $numGpus := dig "engine" "scaling" "num_gpus" 0 .Values.app | float64 -}}
{{- $gpuWorkers := .Values.gpuWorkers -}}
{{- if and (not $gpuWorkers.enabled) (gt $numGpus 0.0) -}}
{{- fail "app.engine.scaling.num_gpus is above 0, but gpuWorkers.enabled is false: the engine would wait for a GPU for ever" -}}
{{- end -}}
{{- if and $gpuWorkers.enabled (eq $numGpus 0.0) -}}
{{- fail "gpuWorkers.enabled is true, but app.engine.scaling.num_gpus is 0: the GPUs would idle" -}}
{{- end -}}
{{- $wanted := mulf $numGpus (dig "engine" "scaling" "max_replicas" 1 .Values.app) -}}
{{- $given := mul $gpuWorkers.maxReplicas $gpuWorkers.gpusPerPod | float64 -}}
{{- if and $gpuWorkers.enabled (gt $wanted $given) -}}
{{- fail (printf "app.engine.scaling may ask for %g GPUs, but gpuWorkers gives %g at most: raise gpuWorkers.maxReplicas" $wanted $given) -}}
{{- end -}}
{{- $keyFile := dig "engine" "openai" "api_key_file" "" .Values.app -}}
{{- $mounted := "/var/run/secrets/clara/model-server/api-key" -}}
{{- if and .Values.modelServer.apiKeySecretName (ne $keyFile $mounted) -}}
{{- fail (printf "modelServer.apiKeySecretName is set, but app.engine.openai.api_key_file is not %s: no key would be sent" $mounted) -}}
{{- end -}}
{{- $grace := .Values.terminationGracePeriodSeconds | int -}}
{{- range $step := list "gateway" "orchestrator" "preprocessor" "engine" -}}
{{- $shutdown := dig $step "scaling" "graceful_shutdown_timeout_s" 0 $.Values.app | int -}}
{{- if gt (add $shutdown 30) $grace -}}
{{- fail (printf "terminationGracePeriodSeconds is %d, less than app.%s.scaling.graceful_shutdown_timeout_s (%d) and 30 s for Ray: reports would be cut off" $grace $step $shutdown) -}}
{{- end -}}
{{- end -}}
{{- end -}}
