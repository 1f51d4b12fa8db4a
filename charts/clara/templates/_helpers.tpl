{{/*
All helpers take the root context unless their comment says otherwise.
*/}}

{{/*
Name of the RayService: at most 45 characters, so that the longest suffix, the prefetch Job's 18, ends within the 63 of a
label, and KubeRay's own within its 47. A longer one ends in its hash, or two long releases could share their objects.
*/}}
{{- define "clara.name" -}}
{{- $name := .Release.Name -}}
{{- if not (contains .Chart.Name $name) -}}{{- $name = printf "%s-%s" $name .Chart.Name -}}{{- end -}}
{{- if gt (len $name) 45 -}}{{- $name = printf "%s-%s" (trunc 36 $name | trimSuffix "-") (sha256sum $name | trunc 8) -}}{{- end -}}
{{- $name -}}
{{- end -}}

{{- define "clara.checkName" -}}
{{- $name := include "clara.name" . -}}
{{- if not (regexMatch "^[a-z]([-a-z0-9]*[a-z0-9])?$" $name) -}}
{{- fail (printf "the release %s would make a RayService called %s, which KubeRay refuses: its name must begin with a letter and hold only small letters, digits and dashes" .Release.Name $name) -}}
{{- end -}}
{{- end -}}

{{- define "clara.selectorLabels" -}}
app.kubernetes.io/name: {{ .Chart.Name }}
app.kubernetes.io/instance: {{ .Release.Name | quote }}
{{- end -}}

{{- define "clara.labels" -}}
{{ include "clara.selectorLabels" . }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
{{- /* A version may hold a "+", which a label may not. */}}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version | replace "+" "_" | trunc 63 | trimSuffix "-" }}
{{- end -}}

{{/* Metadata of an object. Takes a dict: root, and suffix, appended to the release's name (possibly ""). */}}
{{- define "clara.metadata" -}}
name: {{ include "clara.name" .root }}{{ .suffix }}
namespace: {{ .root.Release.Namespace | quote }}
labels:
  {{- include "clara.labels" .root | nindent 2 }}
{{- end -}}

{{/* The reference of an image. Takes a dict: root, image (repository, tag, digest) and name, its key in the values. */}}
{{- define "clara.imageReference" -}}
{{- $tag := default .root.Chart.AppVersion .image.tag -}}
{{- if eq $tag "latest" -}}
{{- fail (printf "%s.tag must not be `latest`: name a release, or set %s.digest" .name .name) -}}
{{- end -}}
{{- $repository := .image.repository -}}
{{- with default .root.Values.global.imageRegistry .root.Values.image.registry -}}{{- $repository = printf "%s/%s" (trimSuffix "/" .) $repository -}}{{- end -}}
{{- if .image.digest -}}{{ $repository }}@{{ .image.digest }}{{- else -}}{{ $repository }}:{{ $tag }}{{- end -}}
{{- end -}}

{{- define "clara.image" -}}
{{- include "clara.imageReference" (dict "root" . "image" .Values.image "name" "image") -}}
{{- end -}}

{{/* Backend of the engine in `app`. */}}
{{- define "clara.backend" -}}
{{- dig "engine" "backend" "vllm" .Values.app -}}
{{- end -}}

{{/* "true" when the engine's replicas hold the model themselves, instead of calling a server or reciting a script. */}}
{{- define "clara.engineHoldsModel" -}}
{{- if has (include "clara.backend" .) (list "vllm" "transformers") -}}true{{- end -}}
{{- end -}}

{{/* "true" when no pod may download from a hub: the model is in the image, in a folder, or already fetched. */}}
{{- define "clara.isOffline" -}}
{{- $source := dig "model" "source" "demo" .Values.app -}}
{{- if or (eq $source "demo") (hasPrefix "/" $source) .Values.airGapped .Values.prefetch.enabled -}}true{{- end -}}
{{- end -}}
