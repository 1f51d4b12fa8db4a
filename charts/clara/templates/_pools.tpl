{{/*
How many pods of the GPU group the engine needs. Takes a dict: root, bound (min_replicas or max_replicas). A pod holds as
many replicas as its GPUs and max_replicas_per_node allow, so that the group grows exactly as far as app.engine.scaling does.
*/}}
{{- define "clara.gpuPods" -}}
{{- $engine := (include "clara.scaling" .root | fromYaml).engine -}}
{{- $perPod := divf (.root.Values.gpuWorkers.gpusPerPod | float64) ($engine.num_gpus | float64) | floor | maxf 1.0 -}}
{{- with $engine.max_replicas_per_node -}}{{- $perPod = minf $perPod . -}}{{- end -}}
{{- divf (get $engine .bound | float64) $perPod | ceil | int -}}
{{- end -}}

{{/* Where a group's pods may run. Takes a dict: root, group (its values) and name, the group's name at KubeRay. */}}
{{- define "clara.placement" -}}
{{- with .group.nodeSelector }}
nodeSelector:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- with .group.tolerations }}
tolerations:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- with .group.affinity }}
affinity:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- with .group.priorityClassName }}
priorityClassName: {{ . }}
{{- end }}
{{- with .group.runtimeClassName }}
runtimeClassName: {{ . }}
{{- end }}
{{- with .group.spreadOver }}
topologySpreadConstraints:
  {{- range . }}
  - maxSkew: 1
    topologyKey: {{ . }}
    # A preference: a report from a crowded node is better than none.
    whenUnsatisfiable: ScheduleAnyway
    labelSelector:
      matchLabels:
        {{- include "clara.selectorLabels" $.root | nindent 8 }}
        ray.io/group: {{ $.name }}
  {{- end }}
{{- end }}
{{- end -}}
