{{/* Fewest and most pods of each worker group, in words. */}}
{{- define "clara.boundsNote" -}}
{{- $groups := list -}}
{{- range $name, $bounds := include "clara.podBounds" . | fromYaml -}}
{{- $groups = append $groups (printf "%s %d to %d pods" $name (int $bounds.minReplicas) (int $bounds.maxReplicas)) -}}
{{- end -}}
{{ join ", " $groups }}; a running RayCluster keeps its own until it is patched or replaced
{{- end -}}

{{/*
Commands that set the bounds of worker groups on this release's running clusters, where they differ: the operator applies them to new
clusters only. Empty where no cluster runs or none is visible.
*/}}
{{- define "clara.boundsPatches" -}}
{{- $bounds := include "clara.podBounds" . | fromYaml -}}
{{- range (lookup "ray.io/v1" "RayCluster" .Release.Namespace "").items -}}
{{- if eq (dig "metadata" "labels" "ray.io/originated-from-cr-name" "" .) (include "clara.name" $) -}}
{{- $patch := list -}}
{{- range $index, $group := .spec.workerGroupSpecs -}}
{{- range $key, $number := get $bounds $group.groupName -}}
{{- if ne (int $number) (get $group $key | int) -}}
{{- $path := printf "/spec/workerGroupSpecs/%d/%s" $index $key -}}
{{- $patch = append $patch (dict "op" "replace" "path" $path "value" (int $number)) -}}
{{- end -}}
{{- end -}}
{{- end -}}
{{- if $patch }}
  kubectl --namespace {{ $.Release.Namespace }} patch raycluster {{ .metadata.name }} --type json --patch '{{ toJson $patch }}'
{{- end -}}
{{- end -}}
{{- end -}}
{{- end -}}

{{/* Commands that delete this release's running clusters whose image differs. Empty where none does or none is visible. */}}
{{- define "clara.waitingClusters" -}}
{{- range (lookup "ray.io/v1" "RayCluster" .Release.Namespace "").items -}}
{{- if eq (dig "metadata" "labels" "ray.io/originated-from-cr-name" "" .) (include "clara.name" $) -}}
{{- if ne (first .spec.headGroupSpec.template.spec.containers).image (include "clara.image" $) }}
  kubectl --namespace {{ $.Release.Namespace }} delete raycluster {{ .metadata.name }}
{{- end -}}
{{- end -}}
{{- end -}}
{{- end -}}
