{{/* Every Ray node of this release; the operator adds the last label. During an upgrade both clusters match. */}}
{{- define "clara.rayNodeLabels" -}}
{{ include "clara.selectorLabels" . }}
ray.io/is-ray-node: "yes"
{{- end -}}

{{/* The group whose pods run the engine. */}}
{{- define "clara.engineGroup" -}}
{{- ternary "gpu" "cpu" .Values.gpuWorkers.enabled -}}
{{- end -}}

{{/* The port of an address that may be a URL: its own, or its scheme's. Takes the address. */}}
{{- define "clara.portOf" -}}
{{- $host := . -}}
{{- if contains "://" . -}}{{- $host = (urlParse .).host -}}{{- end -}}
{{- $port := regexFind ":[0-9]+$" $host | trimPrefix ":" -}}
{{- default (ternary (include "clara.port" "https") (include "clara.port" "http") (hasPrefix "https://" .)) $port -}}
{{- end -}}

{{/* Egress to any address on these ports: a NetworkPolicy can't express the servers' DNS names. Takes the ports. */}}
{{- define "clara.egressToPorts" -}}
- ports:
    {{- range . }}
    - {port: {{ . }}, protocol: TCP}
    {{- end }}
{{- end -}}

{{/* The ports on which the keys of the tokens' issuers are read. Takes `app`. */}}
{{- define "clara.issuerPorts" -}}
{{- $ports := list -}}
{{- $proxy := dig "access" "issuer_keys" "proxy" "none" . -}}
{{- range dig "access" "issuers" list . -}}
{{- $url := dig "jwks_url" "discover" . -}}
{{- range ternary (list .issuer ($url | replace "discover" .issuer)) (list $proxy) (eq $proxy "none") -}}
{{- $ports = append $ports (include "clara.portOf" . | int) -}}
{{- end -}}
{{- end -}}
{{ $ports | uniq | toYaml }}
{{- end -}}

{{/* Egress to DNS, on the Service's port and on the port that some clusters' DNS pods really listen on. */}}
{{- define "clara.egressToDns" -}}
- ports:
    {{- range list (include "clara.port" "dns") (include "clara.port" "dns-pod") }}
    - {port: {{ . }}, protocol: UDP}
    - {port: {{ . }}, protocol: TCP}
    {{- end }}
{{- end -}}

{{/* A peer: every pod of a namespace. Takes its name. */}}
{{- define "clara.namespacePeer" -}}
- namespaceSelector:
    matchLabels: {kubernetes.io/metadata.name: {{ . | quote }}}
{{- end -}}
