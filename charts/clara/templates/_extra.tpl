{{/*
A pod with its site's additions: those of everyPod, those of its group, and the way out (`outbound`). Environment, mounts
and the rest reach every container of the chart's own; a variable given here replaces ours of that name.
Takes a dict: root, group (its values), pod (a map: metadata, spec).
*/}}
{{- define "clara.extendedPod" -}}
{{- $root := .root -}}
{{- $pod := .pod -}}
{{- $spec := $pod.spec -}}
{{- $extra := include "clara.extra" . | fromYaml -}}
{{- $_ := set $pod.metadata "labels" (merge $pod.metadata.labels $extra.labels) -}}
{{- with $extra.annotations -}}{{- $_ := set $pod.metadata "annotations" (merge (default dict $pod.metadata.annotations) .) -}}{{- end -}}
{{- with $extra.serviceAccountName -}}{{- $_ := set $spec "serviceAccountName" . -}}{{- end -}}
{{- $ca := include "clara.outboundCa" $root | fromYaml -}}
{{- range $container := concat $spec.containers (default list $spec.initContainers) -}}
{{- $env := include "clara.mergedEnv" (dict "below" $container.env "above" (include "clara.outboundEnv" $root | fromYamlArray)) | fromYamlArray -}}
{{- $_ := set $container "env" (include "clara.mergedEnv" (dict "below" $env "above" $extra.env) | fromYamlArray) -}}
{{- $_ := set $container "envFrom" (concat (default list $container.envFrom) (default list $extra.envFrom)) -}}
{{- $_ := set $container "volumeMounts" (concat (default list $container.volumeMounts) (default list $ca.mounts) (default list $extra.volumeMounts)) -}}
{{- range list "env" "envFrom" "volumeMounts" -}}{{- if not (get $container .) -}}{{- $_ := unset $container . -}}{{- end -}}{{- end -}}
{{- end -}}
{{- range $container := concat (default list $extra.sidecars) (default list $extra.initContainers) -}}
{{- if not $container.securityContext -}}{{- $_ := set $container "securityContext" (include "clara.securityContext" $root | fromYaml) -}}{{- end -}}
{{- end -}}
{{- $_ := set $spec "containers" (concat $spec.containers (default list $extra.sidecars)) -}}
{{- with concat (default list $spec.initContainers) (default list $extra.initContainers) -}}{{- $_ := set $spec "initContainers" . -}}{{- end -}}
{{- with concat (default list $spec.volumes) (default list $ca.volumes) (default list $extra.volumes) -}}{{- $_ := set $spec "volumes" . -}}{{- end -}}
{{- toYaml $pod -}}
{{- end -}}

{{/* The additions to a group's pods, every key present. Takes a dict: root, group (its values). */}}
{{- define "clara.extra" -}}
{{- $every := .root.Values.everyPod -}}
{{- $own := .group.extra -}}
{{- $extra := dict "serviceAccountName" (default $every.serviceAccountName $own.serviceAccountName) -}}
{{- range list "labels" "annotations" -}}
{{- $_ := set $extra . (merge (deepCopy (default dict (get $own .))) (default dict (get $every .))) -}}
{{- end -}}
{{- range list "envFrom" "volumes" "volumeMounts" "initContainers" "sidecars" -}}
{{- $_ := set $extra . (concat (default list (get $every .)) (default list (get $own .))) -}}
{{- end -}}
{{- $_ := set $extra "env" (include "clara.mergedEnv" (dict "below" $every.env "above" $own.env) | fromYamlArray) -}}
{{- range $extra.env -}}
{{- if eq .name "RAY_AUTH_MODE" -}}{{- fail "an `extra` or everyPod sets RAY_AUTH_MODE: token authentication can't be turned off" -}}{{- end -}}
{{- end -}}
{{- toYaml $extra -}}
{{- end -}}

{{/* Two lists of environment variables as one; those above replace those below. Takes a dict: below, above. */}}
{{- define "clara.mergedEnv" -}}
{{- $names := dict -}}
{{- range .above -}}{{- $_ := set $names .name true -}}{{- end -}}
{{- $merged := list -}}
{{- range .below -}}{{- if not (hasKey $names .name) -}}{{- $merged = append $merged . -}}{{- end -}}{{- end -}}
{{- concat $merged (default list .above) | toYaml -}}
{{- end -}}
