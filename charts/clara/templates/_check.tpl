{{- define "clara.checkSelectorLabels" -}}
{{ include "clara.selectorLabels" . }}
app.kubernetes.io/component: check
{{- end -}}

{{/* URL of the service for a pod of this namespace. */}}
{{- define "clara.serveUrl" -}}
{{ ternary "https" "http" (ne .Values.serveTls.secretName "") }}://{{ include "clara.serveService" . }}.{{ .Release.Namespace }}.svc:{{ include "clara.port" "serve" }}
{{- end -}}

{{- define "clara.checkPod" -}}
metadata:
  labels:
    {{- include "clara.checkSelectorLabels" . | nindent 4 }}
  annotations:
    helm.sh/hook: test
    # Keep the pod until the next check: `helm test --logs` reads its log after the hooks are done.
    helm.sh/hook-delete-policy: before-hook-creation
spec:
  {{- with include "clara.placement" (dict "root" . "group" .Values.jobs "name" "jobs") | trim }}{{ . | nindent 2 }}{{ end }}
  restartPolicy: Never
  automountServiceAccountToken: false
  securityContext:
    {{- include "clara.podSecurityContext" . | nindent 4 }}
  {{- with include "clara.pullSecrets" . | trim }}{{ . | nindent 2 }}{{ end }}
  containers:
    - name: check
      image: {{ include "clara.image" . | quote }}
      imagePullPolicy: {{ .Values.image.pullPolicy }}
      command: [clara, check]
      args:
        - {{ include "clara.serveUrl" . }}
        - --timeout-s={{ include "clara.requestSeconds" . }}
        {{- if .Values.serveTls.secretName }}
        - --ca-file=/var/run/secrets/clara/serve-tls/ca.crt
        {{- end }}
        {{- if .Values.check.apiKeySecretName }}
        - --key-file=/var/run/secrets/clara/check/api-key
        {{- end }}
      resources:
        requests: {cpu: 100m, memory: 256Mi}
        limits: {cpu: 500m, memory: 256Mi}
      securityContext:
        {{- include "clara.securityContext" . | nindent 8 }}
      {{- with include "clara.checkMounts" . | trim }}
      volumeMounts: {{- . | nindent 8 }}
      {{- end }}
  {{- with include "clara.checkVolumes" . | trim }}
  volumes: {{- . | nindent 4 }}
  {{- end }}
{{- end -}}

{{- define "clara.checkMounts" -}}
{{- include "clara.serveTlsMount" . }}
{{- if .Values.check.apiKeySecretName }}
- {name: check, mountPath: /var/run/secrets/clara/check, readOnly: true}
{{- end }}
{{- end -}}

{{- define "clara.checkVolumes" -}}
{{- include "clara.serveTlsVolume" . }}
{{- with .Values.check.apiKeySecretName }}
- name: check
  secret: {secretName: {{ . }}, defaultMode: 0440}
{{- end }}
{{- end -}}
