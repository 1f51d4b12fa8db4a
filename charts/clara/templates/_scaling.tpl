{{/*
Scaling of every step, as a map from the step's name: `app` over the defaults of serve_app/settings, without the keys set to
"none". Complete, because Serve fills gaps in an entry of `deployments` with defaults of its own.
*/}}
{{- define "clara.scaling" -}}
{{- $steps := .Files.Get "files/scaling.yaml" | fromYaml -}}
{{- range $step, $defaults := $steps -}}
{{- range $key, $value := dig $step "scaling" dict $.Values.app -}}{{- $_ := set $defaults $key $value -}}{{- end -}}
{{- range $key, $value := $defaults -}}{{- if eq (toString $value) "none" -}}{{- $_ := unset $defaults $key -}}{{- end -}}{{- end -}}
{{- end -}}
{{- toYaml $steps -}}
{{- end -}}

{{/* The same, for the steps that are deployments of their own. */}}
{{- define "clara.runningSteps" -}}
{{- $steps := include "clara.scaling" . | fromYaml -}}
{{- if ne (dig "orchestrator" "placement" "gateway" .Values.app) "separate" -}}{{- $steps = omit $steps "orchestrator" -}}{{- end -}}
{{- toYaml $steps -}}
{{- end -}}

{{/*
How Serve scales each step. Not part of the args, because a change there replaces every replica of the application. A
change of num_cpus, num_gpus, memory_bytes or max_replicas_per_node replaces the step's replicas; any other keeps them.
*/}}
{{- define "clara.deployments" -}}
{{- range $step, $scaling := include "clara.runningSteps" . | fromYaml }}
- name: {{ $step }}
  autoscaling_config:
    {{- pick $scaling "min_replicas" "max_replicas" "target_ongoing_requests" "upscale_delay_s" "downscale_delay_s" | toYaml | nindent 4 }}
  ray_actor_options:
    {{- include "clara.actorOptions" $scaling | nindent 4 }}
    {{- if ne $step "engine" }}
    {{- with include "clara.poolLabels" (dict "root" $ "name" "cpu") | trim }}
    label_selector:
      {{- . | nindent 6 }}
    {{- end }}
    {{- end }}
  {{- with $scaling.max_replicas_per_node }}
  max_replicas_per_node: {{ int . }}
  {{- end }}
  {{- pick $scaling "max_ongoing_requests" "max_queued_requests" "max_surge_percent" "health_check_period_s" "health_check_timeout_s" | toYaml | nindent 2 }}
  {{- /* With HAProxy a gateway first takes what still comes, and Serve counts that in. */}}
  graceful_shutdown_timeout_s: {{ include "clara.requestSeconds" $ | int | add $.Values.endpointDrainSeconds }}
{{- end }}
{{- end -}}

{{/* Resources that Ray reserves for a replica. Takes a step's scaling. */}}
{{- define "clara.actorOptions" -}}
{{- $options := pick . "num_cpus" "num_gpus" -}}
{{- with .memory_bytes -}}{{- $_ := set $options "memory" . -}}{{- end -}}
{{- toYaml $options -}}
{{- end -}}
