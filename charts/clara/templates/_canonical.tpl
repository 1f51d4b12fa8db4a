{{/*
Rewrite a map in place into the form in which the KubeRay operator writes a RayService back. It decodes the object into Go
types, which write quantities in one form, always write structs, and drop empty text and lists, and flags and numbers that
are off. A value in any other form would change, the operator would own its field, and each later upgrade would conflict.
Takes a dict: node.
*/}}
{{- define "clara.canonicalise" -}}
{{- $node := .node -}}
{{- $texts := list "labels" "annotations" "nodeSelector" "matchLabels" "rayStartParams" "volumeAttributes" "options" "httpHeaders" -}}
{{- $pointers := list "storageClassName" "volumeName" "runtimeClassName" "apiGroup" -}}
{{- $droppedMaps := list "labels" "annotations" "nodeSelector" "matchLabels" "requests" "limits" "volumeAttributes" "options" -}}
{{- $flags := list "readOnly" "stdin" "stdinOnce" "tty" "hostNetwork" "hostPID" "hostIPC" "chapAuthDiscovery" "chapAuthSession" "sslEnabled" -}}
{{- $numbers := list "hostPort" "initialDelaySeconds" "timeoutSeconds" "periodSeconds" "successThreshold" "failureThreshold" "partition" -}}
{{- range $key, $value := $node -}}
{{- if kindIs "map" $value -}}
{{- if has $key (list "requests" "limits") -}}
{{- range $name, $amount := $value -}}{{- $_ := set $value $name (include "clara.quantity" $amount) -}}{{- end -}}
{{- else if not (has $key $texts) -}}
{{- $_ := include "clara.canonicalise" (dict "node" $value) -}}
{{- end -}}
{{- if and (not $value) (has $key $droppedMaps) -}}{{- $_ := unset $node $key -}}{{- end -}}
{{- if eq $key "resourceFieldRef" -}}{{- $_ := set $value "divisor" (include "clara.quantity" (default "0" $value.divisor)) -}}{{- end -}}
{{- if eq $key "volumeClaimTemplate" -}}
{{- $_ := set $value "metadata" (default dict $value.metadata) -}}
{{- $_ := set $value.spec "resources" (default dict $value.spec.resources) -}}
{{- end -}}
{{- else if kindIs "slice" $value -}}
{{- range $item := $value -}}
{{- if and (kindIs "map" $item) (not (has $key $texts)) -}}
{{- if has $key (list "containers" "initContainers") -}}{{- $_ := set $item "resources" (default dict $item.resources) -}}{{- end -}}
{{- if and (eq $key "ports") (not $item.protocol) -}}{{- $_ := set $item "protocol" "TCP" -}}{{- end -}}
{{- $_ := include "clara.canonicalise" (dict "node" $item) -}}
{{- end -}}
{{- end -}}
{{- if not $value -}}{{- $_ := unset $node $key -}}{{- end -}}
{{- else if has $key (list "sizeLimit" "size") -}}
{{- $_ := set $node $key (include "clara.quantity" $value) -}}
{{- else if or (kindIs "invalid" $value) (and (not $value) (has $key (concat $flags $numbers))) (and (kindIs "string" $value) (not $value) (not (has $key $pointers))) -}}
{{- $_ := unset $node $key -}}
{{- end -}}
{{- end -}}
{{- end -}}
