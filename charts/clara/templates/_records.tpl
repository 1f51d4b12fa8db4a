{{/* "true" where every caller must prove who it is. */}}
{{- define "clara.isAuthenticated" -}}
{{- if eq (dig "access" "mode" "open" .Values.app) "required" -}}true{{- end -}}
{{- end -}}

{{/* "true" where there is a database that all pods share. */}}
{{- define "clara.hasDatabase" -}}
{{- $records := default dict .Values.app.records -}}
{{- $isFile := not (has (dig "url_file" "none" $records) (list "" "none")) -}}
{{- if or .Values.database.secretName $isFile (hasPrefix "postgresql" (dig "url" "auto" $records)) -}}true{{- end -}}
{{- end -}}

{{/* `app.records` and `app.audit`, with the files that the Secrets of `database` are mounted as. */}}
{{- define "clara.records" -}}
{{- $records := deepCopy (default dict .Values.app.records) -}}
{{- $audit := deepCopy (default dict .Values.app.audit) -}}
{{- if .Values.database.secretName -}}
{{- $_ := set $records "url_file" "/var/run/secrets/clara/database/uri" -}}
{{- end -}}
{{- if .Values.database.keysSecretName -}}
{{- $_ := set $records "encryption_key_file" "/var/run/secrets/clara/keys/records.key" -}}
{{- $_ := set $audit "key_file" "/var/run/secrets/clara/keys/audit.pem" -}}
{{- end -}}
{{- toYaml (dict "records" $records "audit" $audit) -}}
{{- end -}}

{{/* Environment, mounts and volumes of a container in which operators' commands and the gateway open the database. */}}
{{- define "clara.recordsEnv" -}}
{{- if include "clara.hasDatabase" . }}
- {name: CLARA_CONFIG, value: /etc/clara/settings.yaml}
{{- end }}
{{- end -}}

{{- define "clara.recordsMounts" -}}
{{- if include "clara.hasDatabase" . }}
- {name: settings, mountPath: /etc/clara, readOnly: true}
{{- end }}
{{- if .Values.database.secretName }}
- {name: database, mountPath: /var/run/secrets/clara/database, readOnly: true}
{{- end }}
{{- if .Values.database.keysSecretName }}
- {name: keys, mountPath: /var/run/secrets/clara/keys, readOnly: true}
{{- end }}
{{- end -}}

{{- define "clara.recordsVolumes" -}}
{{- if include "clara.hasDatabase" . }}
- name: settings
  configMap: {name: {{ include "clara.name" . }}-settings}
{{- end }}
{{- with .Values.database.secretName }}
- name: database
  secret: {secretName: {{ . }}, defaultMode: 0440}
{{- end }}
{{- with .Values.database.keysSecretName }}
- name: keys
  secret: {secretName: {{ . }}, defaultMode: 0440}
{{- end }}
{{- end -}}

{{/* Init container of the gateway's pods: the gateway does not start on tables of another release. */}}
{{- define "clara.waitForDatabase" -}}
{{- if include "clara.hasDatabase" . }}
- name: wait-for-database
  image: {{ include "clara.image" . | quote }}
  imagePullPolicy: {{ .Values.image.pullPolicy }}
  command: [sh, -c, "until clara db check; do sleep 5; done"]
  env:
    - {name: HOME, value: /tmp}
    {{- include "clara.recordsEnv" . | nindent 4 }}
  resources:
    requests: {cpu: 100m, memory: 256Mi}
    limits: {cpu: "1", memory: 256Mi}
  securityContext:
    {{- include "clara.securityContext" . | nindent 4 }}
  volumeMounts:
    {{- include "clara.recordsMounts" . | trim | nindent 4 }}
{{- end }}
{{- end -}}

{{- define "clara.checkRecords" -}}
{{- $records := default dict .Values.app.records -}}
{{- $file := dig "url_file" "none" $records -}}
{{- if and (include "clara.isAuthenticated" .) (not (include "clara.hasDatabase" .)) -}}
{{- fail (printf "app.access.mode is required, but app.records.url is %s, a SQLite file of each pod's own: set database.secretName to the Secret of a PostgreSQL database" (dig "url" "auto" $records)) -}}
{{- end -}}
{{- $ownKeys := list (dig "encryption_key_file" "auto" $records) (dig "key_file" "auto" (default dict .Values.app.audit)) -}}
{{- if and (include "clara.isAuthenticated" .) (not .Values.database.keysSecretName) (has "auto" $ownKeys) -}}
{{- fail "app.access.mode is required, but every replica would make keys of its own for what it encrypts and signs: set database.keysSecretName to a Secret with records.key and audit.pem" -}}
{{- end -}}
{{- if and .Values.database.keysSecretName (or (ne (first $ownKeys) "auto") (ne (last $ownKeys) "auto")) -}}
{{- fail "database.keysSecretName is set, but so is app.records.encryption_key_file or app.audit.key_file: leave them out, the chart sets them" -}}
{{- end -}}
{{- if and .Values.database.secretName (ne $file "none") -}}
{{- fail (printf "database.secretName is set, but app.records.url_file is %s: leave it out, the chart sets it" $file) -}}
{{- end -}}
{{- if and .Values.database.secretName (hasKey $records "url") -}}
{{- fail (printf "database.secretName is set, but app.records.url is %s: the address comes from one of them only" $records.url) -}}
{{- end -}}
{{- end -}}
