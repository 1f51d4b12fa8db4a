{{/* Reject resources and times that Kubernetes, Ray or vLLM could not keep. */}}
{{- define "clara.checkBounds" -}}
{{- include "clara.checkResources" . -}}
{{- include "clara.checkParallel" . -}}
{{- include "clara.checkClaim" . -}}
{{- include "clara.checkDeadline" . -}}
{{- end -}}

{{- define "clara.checkResources" -}}
{{- range $group := list "head" "autoscaler" "cpuWorkers" "gpuWorkers" "triton" "prefetch" -}}
{{- $resources := include "clara.canonicalResources" (get $.Values $group).resources | fromYaml -}}
{{- range $name, $limit := $resources.limits -}}
{{- $request := get (default dict $resources.requests) $name -}}
{{- if and $request (gt (include "clara.amount" $request | float64) (include "clara.amount" $limit | float64)) -}}
{{- fail (printf "%s.resources requests %s of %s, more than its limit, %s: the API server would refuse the pods" $group $request $name $limit) -}}
{{- end -}}
{{- end -}}
{{- end -}}
{{- end -}}

{{- define "clara.checkParallel" -}}
{{- $parallel := dig "engine" "tensor_parallel_size" 1 .Values.app | int -}}
{{- $numGpus := (include "clara.scaling" . | fromYaml).engine.num_gpus | float64 -}}
{{- if and (include "clara.engineHoldsModel" .) .Values.gpuWorkers.enabled (gt (float64 $parallel) $numGpus) (gt $parallel 1) -}}
{{- fail (printf "app.engine.tensor_parallel_size is %d, more than app.engine.scaling.num_gpus, %g: a replica would not get the GPUs that share its weights" $parallel $numGpus) -}}
{{- end -}}
{{- end -}}

{{/* Claim that several pods would mount: the chart's own, or an existing one where the cluster can be asked. */}}
{{- define "clara.checkClaim" -}}
{{- $models := .Values.models -}}
{{- $group := include "clara.engineGroup" . -}}
{{- $pods := (get (include "clara.podBounds" . | fromYaml) $group).maxReplicas | int -}}
{{- if .Values.triton.enabled -}}{{- $pods = int .Values.triton.replicas -}}{{- end -}}
{{- $modes := list $models.accessMode -}}
{{- if not $models.create -}}
{{- $claim := lookup "v1" "PersistentVolumeClaim" .Release.Namespace $models.claimName -}}
{{- $modes = dig "spec" "accessModes" (list "ReadWriteMany") (default dict $claim) -}}
{{- end -}}
{{- if and (include "clara.modelClaim" .) (gt $pods 1) (not (or (has "ReadWriteMany" $modes) (has "ReadOnlyMany" $modes))) -}}
{{- fail (printf "the claim of the model is %s, but up to %d pods would mount it: pods on a second node would never start. Use a ReadWriteMany claim, or let the engine have one pod only" (first $modes) $pods) -}}
{{- end -}}
{{- $holder := ternary "triton" (printf "%sWorkers" $group) .Values.triton.enabled -}}
{{- $node := .Values.jobs.nodeSelector -}}
{{- if and .Values.prefetch.enabled (has "ReadWriteOnce" $modes) (not (has "ReadWriteMany" $modes)) (or (not $node) (ne (toJson $node) (toJson (get .Values $holder).nodeSelector))) -}}
{{- fail (printf "the claim of the model is ReadWriteOnce, and prefetch.enabled is true: on two nodes the Job and the engine would wait for each other for ever. Name the same node in jobs.nodeSelector and %s.nodeSelector, such as kubernetes.io/hostname, or use a ReadWriteMany claim" $holder) -}}
{{- end -}}
{{- end -}}

{{/* A pod waits endpointDrainSeconds, then its replicas may take as long as `clara.deployments` says, then Ray ends. */}}
{{- define "clara.checkDeadline" -}}
{{- $grace := .Values.terminationGracePeriodSeconds | int -}}
{{- $drain := .Values.endpointDrainSeconds | int -}}
{{- $needed := include "clara.requestSeconds" . | int | add $drain $drain 10 -}}
{{- if gt $needed $grace -}}
{{- fail (printf "terminationGracePeriodSeconds is %d, less than the %d s that app.gateway.max_upload_s, app.gateway.deadline_s, twice endpointDrainSeconds and 20 s make: a stopping pod would cut off reports within their deadline" $grace $needed) -}}
{{- end -}}
{{- end -}}
