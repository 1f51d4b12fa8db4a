{{/*
Fail when the cluster lacks a custom resource. Takes a dict: root, api ("group/version/Kind"), value (the setting that needs
it) and provider (what to install).
*/}}
{{- define "clara.requireCrd" -}}
{{- if not (or .root.Values.assumeCrds (.root.Capabilities.APIVersions.Has .api)) -}}
{{- fail (printf "%s is set, but this cluster has no %s: install %s, or set assumeCrds when rendering without a cluster" .value (splitList "/" .api | last) .provider) -}}
{{- end -}}
{{- end -}}
