{{/* Number of cores that Ray counts in a pod; the operator rounds up. Empty when unknown. Takes resources. */}}
{{- define "clara.cores" -}}
{{- $cpu := dig "limits" "cpu" (dig "requests" "cpu" "" .) . | toString -}}
{{- if hasSuffix "m" $cpu -}}{{- $cpu = divf (trimSuffix "m" $cpu | float64) 1000.0 -}}{{- end -}}
{{- with $cpu -}}{{ float64 . | ceil | int }}{{- end -}}
{{- end -}}

{{/*
Number of GPU pods that the engine needs. Takes a dict: root, bound (min_replicas or max_replicas). A pod holds as many
replicas as its GPUs, its cores and max_replicas_per_node allow, so the group grows exactly as far as app.engine.scaling,
including the extra replicas of max_surge_percent.
*/}}
{{- define "clara.gpuPods" -}}
{{- $engine := (include "clara.scaling" .root | fromYaml).engine -}}
{{- $perPod := divf (.root.Values.gpuWorkers.gpusPerPod | float64) ($engine.num_gpus | float64) | floor -}}
{{- $cores := include "clara.cores" .root.Values.gpuWorkers.resources -}}
{{- if and $cores $engine.num_cpus -}}{{- $perPod = minf $perPod (divf (float64 $cores) (float64 $engine.num_cpus) | floor) -}}{{- end -}}
{{- $perPod = maxf 1.0 $perPod -}}
{{- with $engine.max_replicas_per_node -}}{{- $perPod = minf $perPod . -}}{{- end -}}
{{- $num := get $engine .bound | float64 -}}
{{- if eq .bound "max_replicas" -}}{{- $num = addf $num (divf (mulf $num $engine.max_surge_percent) 100.0 | ceil) -}}{{- end -}}
{{- divf $num $perPod | ceil | int -}}
{{- end -}}

{{/*
Label of a group's Ray nodes, where there are two groups. Serve spreads replicas over all nodes with room; without the label
other steps would take a GPU node's cores and keep the node after its engine stops. Takes a dict: root, name (of the group).
*/}}
{{- define "clara.poolLabels" -}}
{{- if .root.Values.gpuWorkers.enabled }}
clara-pool: {{ .name }}
{{- end }}
{{- end -}}

{{/* Fewest and most pods of each worker group, as a map from the group's name at KubeRay. */}}
{{- define "clara.podBounds" -}}
cpu: {minReplicas: {{ .Values.cpuWorkers.minReplicas | int }}, maxReplicas: {{ .Values.cpuWorkers.maxReplicas | int }}}
{{- if .Values.gpuWorkers.enabled }}
gpu:
  minReplicas: {{ include "clara.gpuPods" (dict "root" . "bound" "min_replicas") }}
  maxReplicas: {{ include "clara.gpuPods" (dict "root" . "bound" "max_replicas") }}
{{- end }}
{{- end -}}

{{/*
Fewest serving pods of each group, as a map; a worker without a replica is not ready. The engine's minimum replicas fill
every GPU pod; on CPU pods only max_replicas_per_node keeps all replicas from ending up on one.
*/}}
{{- define "clara.servingPods" -}}
{{- $cpu := 1 -}}
{{- range $step, $scaling := include "clara.runningSteps" . | fromYaml -}}
{{- if and $scaling.max_replicas_per_node (not (and (eq $step "engine") $.Values.gpuWorkers.enabled)) -}}
{{- $cpu = max $cpu (divf $scaling.min_replicas $scaling.max_replicas_per_node | ceil | int) -}}
{{- end -}}
{{- end -}}
cpu: {{ $cpu }}
{{- if .Values.gpuWorkers.enabled }}
gpu: {{ include "clara.gpuPods" (dict "root" . "bound" "min_replicas") }}
{{- end }}
{{- end -}}

{{- define "clara.checkPools" -}}
{{- $cpu := .Values.cpuWorkers -}}
{{- if gt (int $cpu.minReplicas) (int $cpu.maxReplicas) -}}
{{- fail (printf "cpuWorkers.minReplicas is %d, more than cpuWorkers.maxReplicas, %d: the operator would refuse the cluster" (int $cpu.minReplicas) (int $cpu.maxReplicas)) -}}
{{- end -}}
{{- $needed := 0.0 -}}
{{- range $step, $scaling := include "clara.runningSteps" . | fromYaml -}}
{{- $pool := ternary "gpuWorkers" "cpuWorkers" (and (eq $step "engine") $.Values.gpuWorkers.enabled) -}}
{{- $cores := include "clara.cores" (get $.Values $pool).resources -}}
{{- if and $cores (gt (float64 $scaling.num_cpus) (float64 $cores)) -}}
{{- fail (printf "app.%s.scaling.num_cpus is %g, more than the %s cores of a pod of %s: no pod could hold a replica" $step (float64 $scaling.num_cpus) $cores $pool) -}}
{{- end -}}
{{- if eq $pool "cpuWorkers" -}}{{- $needed = addf $needed (mulf $scaling.min_replicas $scaling.num_cpus) -}}{{- end -}}
{{- end -}}
{{- $cores := include "clara.cores" $cpu.resources -}}
{{- if and $cores (gt $needed (mulf $cores $cpu.maxReplicas)) -}}
{{- fail (printf "cpuWorkers.maxReplicas is %d, of %s cores each, but the minimum replicas of app take %g cores: some would wait for ever" (int $cpu.maxReplicas) $cores $needed) -}}
{{- end -}}
{{- end -}}
