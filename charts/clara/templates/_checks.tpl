{{/* Reject values that pass the schema one by one but contradict each other. */}}
{{- define "clara.checks" -}}
{{- include "clara.checkName" . -}}
{{- include "clara.checkScaling" . -}}
{{- include "clara.checkPools" . -}}
{{- include "clara.checkGpus" . -}}
{{- include "clara.checkModel" . -}}
{{- include "clara.checkServers" . -}}
{{- include "clara.checkGcs" . -}}
{{- include "clara.checkEdge" . -}}
{{- include "clara.checkService" . -}}
{{- include "clara.checkBounds" . -}}
{{- include "clara.checkProxy" . -}}
{{- include "clara.checkPrefetch" . -}}
{{- include "clara.checkAlerts" . -}}
{{- include "clara.checkRecords" . -}}
{{- end -}}

{{- define "clara.checkAlerts" -}}
{{- if and .Values.prometheusRule.enabled (not .Values.podMonitor.enabled) -}}
{{- fail "prometheusRule.enabled is true, but podMonitor.enabled is false: the alerts would read a job that Prometheus does not scrape" -}}
{{- end -}}
{{- end -}}

{{- define "clara.checkScaling" -}}
{{- range $step, $scaling := include "clara.scaling" . | fromYaml -}}
{{- if gt ($scaling.min_replicas | int) ($scaling.max_replicas | int) -}}
{{- fail (printf "app.%s.scaling.min_replicas is %d, more than its max_replicas, %d: Serve would refuse the application" $step (int $scaling.min_replicas) (int $scaling.max_replicas)) -}}
{{- end -}}
{{- end -}}
{{- end -}}

{{- define "clara.checkGpus" -}}
{{- $numGpus := (include "clara.scaling" . | fromYaml).engine.num_gpus | float64 -}}
{{- $gpuWorkers := .Values.gpuWorkers -}}
{{- $backend := include "clara.backend" . -}}
{{- if and (gt $numGpus 0.0) (not (include "clara.engineHoldsModel" .)) -}}
{{- fail (printf "app.engine.backend is %s, whose replicas only call a server, but app.engine.scaling.num_gpus is above 0: set it to 0, or they would hold GPUs and not use them" $backend) -}}
{{- end -}}
{{- if and (not $gpuWorkers.enabled) (gt $numGpus 0.0) -}}
{{- fail "app.engine.scaling.num_gpus is above 0, but gpuWorkers.enabled is false: the engine would wait for a GPU for ever" -}}
{{- end -}}
{{- if and $gpuWorkers.enabled (eq $numGpus 0.0) -}}
{{- fail "gpuWorkers.enabled is true, but app.engine.scaling.num_gpus is 0: the GPUs would idle" -}}
{{- end -}}
{{- if and $gpuWorkers.enabled (gt $numGpus ($gpuWorkers.gpusPerPod | float64)) -}}
{{- fail (printf "app.engine.scaling.num_gpus is %g, more than the %d of gpuWorkers.gpusPerPod: no pod could hold a replica" $numGpus (int $gpuWorkers.gpusPerPod)) -}}
{{- end -}}
{{- end -}}

{{- define "clara.checkModel" -}}
{{- $models := .Values.models -}}
{{- $source := dig "model" "source" "demo" .Values.app -}}
{{- $isMounted := hasPrefix "/models/" $source -}}
{{- $claim := include "clara.modelClaim" . -}}
{{- if and $models.image $claim -}}
{{- fail "models.image is set beside a claim (models.claimName or models.create): the model can come from one of them only" -}}
{{- end -}}
{{- if and $isMounted (not $models.image) (not $claim) -}}
{{- fail (printf "app.model.source is %s, but there is neither models.claimName, models.create nor models.image: the folder would be empty" $source) -}}
{{- end -}}
{{- if and $models.image (not $isMounted) -}}
{{- fail (printf "models.image is set, but app.model.source is %s, which is not under /models: the image would not be read" $source) -}}
{{- end -}}
{{- if and .Values.airGapped (ne $source "demo") (not (hasPrefix "/" $source)) (not $claim) -}}
{{- fail (printf "airGapped is true, but app.model.source is the hub id %s and models.claimName is empty: there is nothing to load it from" $source) -}}
{{- end -}}
{{- end -}}

{{- define "clara.checkServers" -}}
{{- $backend := include "clara.backend" . -}}
{{- $keyFile := dig "engine" "openai" "api_key_file" "" .Values.app -}}
{{- $mounted := "/var/run/secrets/clara/model-server/api-key" -}}
{{- if and .Values.modelServer.apiKeySecretName (ne $keyFile $mounted) -}}
{{- fail (printf "modelServer.apiKeySecretName is set, but app.engine.openai.api_key_file is not %s: no key would be sent" $mounted) -}}
{{- end -}}
{{- if and .Values.triton.enabled (ne $backend "triton") -}}
{{- fail (printf "triton.enabled is true, but app.engine.backend is %s: no engine would use Triton" $backend) -}}
{{- end -}}
{{- if and (eq $backend "openai") (not (dig "engine" "openai" "base_url" "" .Values.app)) -}}
{{- fail "app.engine.backend is openai: set app.engine.openai.base_url to your server, or the engine would call its own pod" -}}
{{- end -}}
{{- $address := dig "engine" "triton" "address" "" .Values.app -}}
{{- $ours := include "clara.tritonAddress" . -}}
{{- if and .Values.triton.enabled $address (ne $address $ours) -}}
{{- fail (printf "triton.enabled is true, but app.engine.triton.address is %s: leave it out; this release's Triton is %s" $address $ours) -}}
{{- end -}}
{{- if and (eq $backend "triton") (not .Values.triton.enabled) (not $address) -}}
{{- fail "app.engine.backend is triton: set app.engine.triton.address to your server, or triton.enabled to run one here" -}}
{{- end -}}
{{- end -}}
