{{- define "clara.migrateSelectorLabels" -}}
{{ include "clara.selectorLabels" . }}
app.kubernetes.io/component: migrate
{{- end -}}

{{/*
Spec of the Job. Separate from the Job, whose name contains its hash, because an existing Job can't change: another image or
another database makes another Job. It is no hook of Helm's, so that every tool that applies manifests runs it; the gateway's
pods wait for it.
*/}}
{{- define "clara.migrateSpec" -}}
backoffLimit: 20
template:
  {{- include "clara.extendedPod" (dict "root" . "group" .Values.jobs "pod" (include "clara.migratePod" . | fromYaml)) | nindent 2 }}
{{- end -}}

{{- define "clara.migratePod" -}}
metadata:
  labels:
    {{- include "clara.migrateSelectorLabels" . | nindent 4 }}
  annotations:
    # The settings are in a ConfigMap; without this another database would not make another Job.
    clara/records: {{ include "clara.records" . | sha256sum | trunc 8 | quote }}
spec:
  {{- with include "clara.placement" (dict "root" . "group" .Values.jobs "name" "jobs") | trim }}{{ . | nindent 2 }}{{ end }}
  restartPolicy: OnFailure
  automountServiceAccountToken: false
  securityContext:
    {{- include "clara.podSecurityContext" . | nindent 4 }}
  {{- with include "clara.pullSecrets" . | trim }}{{ . | nindent 2 }}{{ end }}
  containers:
    - name: migrate
      image: {{ include "clara.image" . | quote }}
      imagePullPolicy: {{ .Values.image.pullPolicy }}
      command: [clara, db, upgrade]
      env:
        - {name: HOME, value: /tmp}
        {{- include "clara.recordsEnv" . | nindent 8 }}
      resources:
        {{- include "clara.canonicalResources" .Values.database.migrationResources | nindent 8 }}
      securityContext:
        {{- include "clara.securityContext" . | nindent 8 }}
      volumeMounts:
        {{- include "clara.recordsMounts" . | trim | nindent 8 }}
  volumes:
    {{- include "clara.recordsVolumes" . | trim | nindent 4 }}
{{- end -}}
