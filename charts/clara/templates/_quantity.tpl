{{/*
A quantity as Kubernetes' Go library writes it: a whole number with the largest suffix, so that 2000m becomes 2 and 8192Mi
becomes 8Gi. Takes the quantity, a number or text.
*/}}
{{- define "clara.quantity" -}}
{{- $text := ternary (printf "%.3f" .) (toString .) (kindIs "float64" .) -}}
{{- if not (regexMatch "^[0-9]+(\\.[0-9]{1,3})?(m|[kMGTPE]|[KMGTPE]i)?$" $text) -}}
{{- fail (printf "the quantity %s can't be used here: write a number with at most three decimals and a suffix such as m, M, Mi or Gi" $text) -}}
{{- end -}}
{{- $number := regexFind "^[0-9.]+" $text -}}
{{- $suffix := trimPrefix $number $text -}}
{{- $isBinary := hasSuffix "i" $suffix -}}
{{- $suffixes := ternary (list "" "Ki" "Mi" "Gi" "Ti" "Pi" "Ei") (list "m" "" "k" "M" "G" "T" "P" "E") $isBinary -}}
{{- $step := ternary 1024 1000 $isBinary -}}
{{- $thousandths := regexFind "^[0-9]{3}" (printf "%s000" (regexFind "\\.[0-9]+" $number | trimPrefix ".")) | trimPrefix "0" | trimPrefix "0" | int -}}
{{- $below := mul $thousandths $step -}}
{{- /* Count in units of the suffix one smaller. */}}
{{- $amount := add (mul (regexFind "^[0-9]+" $number | int64) $step) (div $below 1000) -}}
{{- $at := -1 -}}
{{- range $index, $one := $suffixes -}}{{- if eq $one $suffix -}}{{- $at = sub $index 1 -}}{{- end -}}{{- end -}}
{{- range $index, $_ := $suffixes -}}
{{- if and (eq $index (add $at 1 | int)) (eq (mod $amount $step) 0) -}}
{{- $amount = div $amount $step -}}
{{- $at = $index -}}
{{- end -}}
{{- end -}}
{{- if or (lt (int $at) 0) (ne (mod $below 1000) 0) -}}
{{- fail (printf "the quantity %s is not a whole number of a smaller unit: write it with a smaller suffix" $text) -}}
{{- end -}}
{{- $written := printf "%d%s" $amount (index $suffixes (int $at)) -}}
{{- /* Bytes without a suffix are decimal: 32000 is 32k. */}}
{{- if not $amount -}}0{{- else if and $isBinary (eq (int $at) 0) -}}{{ include "clara.quantity" (toString $amount) }}{{- else -}}{{ $written }}{{- end -}}
{{- end -}}

{{/* A quantity as a number, to compare. Takes it in the form above. */}}
{{- define "clara.amount" -}}
{{- $factors := dict "m" 0.001 "" 1.0 "k" 1e3 "M" 1e6 "G" 1e9 "T" 1e12 "P" 1e15 "E" 1e18 -}}
{{- $binary := dict "Ki" 1024.0 "Mi" 1048576.0 "Gi" 1073741824.0 "Ti" 1099511627776.0 "Pi" 1125899906842624.0 "Ei" 1152921504606846976.0 -}}
{{- $number := regexFind "^[0-9]+" . -}}
{{- mulf (float64 $number) (get (merge $factors $binary) (trimPrefix $number .)) -}}
{{- end -}}

{{/* Resources with canonical quantities. Takes the resources. */}}
{{- define "clara.canonicalResources" -}}
{{- $resources := deepCopy . -}}
{{- $_ := include "clara.canonicalise" (dict "node" $resources) -}}
{{- toYaml $resources -}}
{{- end -}}
