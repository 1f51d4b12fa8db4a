{{/*
Every port of the chart, by name: containers, Services, probes, NetworkPolicies and the notes take theirs from here. The names
of Ray's and Triton's ports are also those of the containers' ports.
*/}}
{{- define "clara.ports" -}}
{{- /* Every Ray node: Serve's proxy, and Ray's metrics. */}}
serve: 8000
metrics: 8080
{{- /* The head alone: the cluster's state, Ray's API, and the metrics of autoscaler and dashboard. */}}
gcs-server: 6379
dashboard: 8265
as-metrics: 44217
dash-metrics: 44227
{{- /* HAProxy reaches the gateway's replicas of a node on these, one port each. */}}
replicas-from: 30000
replicas-to: 30100
{{- /* Triton; an OpenAI server where app.engine.openai.base_url names none. */}}
triton: 8001
triton-metrics: 8002
openai: 8001
{{- /* The world outside. 5353 is where some clusters' DNS pods really listen. */}}
dns: 53
dns-pod: 5353
http: 80
https: 443
kube-api: 6443
gke-metadata: 988
{{- /* Nobody listens here: for reports that must go nowhere. */}}
discard: 9
{{- end -}}

{{/* One port. Takes its name. */}}
{{- define "clara.port" -}}
{{- $port := get (include "clara.ports" . | fromYaml) . -}}
{{- required (printf "the chart has no port called %s" .) (toString $port) -}}
{{- end -}}
