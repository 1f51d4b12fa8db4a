{{/* Writable folders beside the read-only root: Ray's sessions, and the caches of vLLM and torch. */}}
{{- define "clara.scratchMounts" -}}
- {name: scratch, mountPath: /tmp}
- {name: home, mountPath: /home/clara}
{{- end -}}

{{- define "clara.scratchVolumes" -}}
- name: scratch
  emptyDir: {sizeLimit: {{ .Values.scratchSizeLimit }}}
- name: home
  emptyDir: {sizeLimit: {{ .Values.scratchSizeLimit }}}
{{- end -}}

{{/* The gateway's certificate, for every node that may run a Serve proxy. */}}
{{- define "clara.serveTlsMount" -}}
{{- if .Values.serveTls.secretName }}
- {name: serve-tls, mountPath: /var/run/secrets/clara/serve-tls, readOnly: true}
{{- end }}
{{- end -}}

{{- define "clara.serveTlsVolume" -}}
{{- with .Values.serveTls.secretName }}
- name: serve-tls
  secret: {secretName: {{ . }}, defaultMode: 0440}
{{- end }}
{{- end -}}

{{/* The model, from an image, a claim or the node's disk. */}}
{{- define "clara.modelMount" -}}
- {name: models, mountPath: /models{{ if .Values.models.image }}, readOnly: true{{ end }}}
{{- end -}}

{{- define "clara.modelVolume" -}}
- name: models
  {{- if .Values.models.image }}
  image: {reference: {{ .Values.models.image | quote }}, pullPolicy: {{ .Values.image.pullPolicy }}}
  {{- else if include "clara.modelClaim" . }}
  persistentVolumeClaim: {claimName: {{ include "clara.modelClaim" . }}}
  {{- else }}
  emptyDir: {sizeLimit: {{ .Values.models.sizeLimit }}}
  {{- end }}
{{- end -}}

{{/* Additional mounts of a pod that runs the engine: the model, if it holds one, and the key of a model server. */}}
{{- define "clara.engineMounts" -}}
{{- if include "clara.engineHoldsModel" . }}
{{ include "clara.modelMount" . }}
{{- end }}
{{- if .Values.modelServer.apiKeySecretName }}
- {name: model-server, mountPath: /var/run/secrets/clara/model-server, readOnly: true}
{{- end }}
{{- end -}}

{{- define "clara.engineVolumes" -}}
{{- if include "clara.engineHoldsModel" . }}
{{ include "clara.modelVolume" . }}
{{- end }}
{{- with .Values.modelServer.apiKeySecretName }}
- name: model-server
  secret: {secretName: {{ . }}, defaultMode: 0440}
{{- end }}
{{- end -}}

{{/* Mounts of a Ray node besides its scratch folders. Takes the dict of clara.pod. */}}
{{- define "clara.nodeMounts" -}}
{{- include "clara.serveTlsMount" .root }}
{{- if .runsGateway }}{{ include "clara.recordsMounts" .root }}{{ end }}
{{- if .runsEngine }}{{ include "clara.engineMounts" .root }}{{ end }}
{{- end -}}

{{- define "clara.nodeVolumes" -}}
{{- include "clara.serveTlsVolume" .root }}
{{- if .runsGateway }}{{ include "clara.recordsVolumes" .root }}{{ end }}
{{- if .runsEngine }}{{ include "clara.engineVolumes" .root }}{{ end }}
{{- end -}}
