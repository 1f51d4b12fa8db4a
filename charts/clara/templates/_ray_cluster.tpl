{{/* The cluster of the RayService. */}}
{{- define "clara.rayCluster" -}}
{{- $values := .Values -}}
{{- $headPorts := list "as-metrics" "dash-metrics" "dashboard" "gcs-server" "metrics" "serve" -}}
rayVersion: "2.60.0"
authOptions:
  mode: token
  {{- with $values.rayAuth.secretName }}
  secretName: {{ . }}
  {{- end }}
{{- with include "clara.gcsFaultTolerance" . | trim }}{{ . | nindent 0 }}{{ end }}
enableInTreeAutoscaling: true
autoscalerOptions:
  version: v2
  idleTimeoutSeconds: {{ $values.autoscaler.idleTimeoutSeconds | int }}
  imagePullPolicy: {{ $values.image.pullPolicy }}
  resources:
    {{- toYaml $values.autoscaler.resources | nindent 4 }}
  env:
    - {name: HOME, value: /home/clara}
    - {name: USER, value: clara}
    - {name: RAY_USAGE_STATS_ENABLED, value: "0"}
  securityContext:
    {{- include "clara.securityContext" . | nindent 4 }}
  volumeMounts:
    {{- include "clara.scratchMounts" . | nindent 4 }}
headGroupSpec:
  rayStartParams:
    {{- /* No replica and no engine on the head: it must stay responsive. */}}
    num-cpus: "0"
  template:
    {{- include "clara.pod" (dict "root" . "name" "headgroup" "group" $values.head "ports" $headPorts "isHead" true "runsGateway" false "runsEngine" false "gpus" 0) | nindent 4 }}
workerGroupSpecs:
  {{- include "clara.workerGroup" (dict "root" . "name" "cpu" "group" $values.cpuWorkers "runsGateway" true "runsEngine" (not $values.gpuWorkers.enabled) "gpus" 0) | nindent 2 }}
  {{- if $values.gpuWorkers.enabled }}
  {{- include "clara.workerGroup" (dict "root" . "name" "gpu" "group" $values.gpuWorkers "runsGateway" false "runsEngine" true "gpus" $values.gpuWorkers.gpusPerPod) | nindent 2 }}
  {{- end }}
{{- end -}}

{{/*
One group of workers, as an item of a list. The list is one field at the server, so its defaults are written here too: a
second client that applies the same manifest then changes nothing. Takes a dict: root, name, group (its values),
runsGateway, runsEngine, gpus (a count, possibly 0).
*/}}
{{- define "clara.workerGroup" -}}
{{- $bounds := get (include "clara.podBounds" .root | fromYaml) .name -}}
- groupName: {{ .name }}
  replicas: {{ $bounds.minReplicas | int }}
  minReplicas: {{ $bounds.minReplicas | int }}
  maxReplicas: {{ $bounds.maxReplicas | int }}
  numOfHosts: 1
  priority: 0
  scaleStrategy: {}
  {{- with include "clara.poolLabels" . | trim }}
  labels:
    {{- . | nindent 4 }}
  {{- end }}
  rayStartParams:
    {{- if .gpus }}
    {{- /* Ray finds only resources that are called like a GPU, not every accelerator. */}}
    num-gpus: {{ .gpus | int | quote }}
    {{- else }} {}
    {{- end }}
  template:
    {{- include "clara.pod" (merge (dict "ports" (list "metrics" "serve") "isHead" false) .) | nindent 4 }}
{{- end -}}
