{{/*
Every port of the chart by name. Containers, Services, probes, NetworkPolicies and the notes take the numbers from here.
*/}}
{{- define "clara.ports" -}}
{{- /* On every Ray node: Serve's proxy, and Ray's metrics. */}}
serve: 8000
metrics: 8080
{{- /* On the head only: the cluster's state, Ray's API, and the metrics of autoscaler and dashboard. */}}
gcs-server: 6379
dashboard: 8265
as-metrics: 44217
dash-metrics: 44227
{{- /* On a node with HAProxy: the gateway's replicas, one port each. */}}
replicas-from: 30000
replicas-to: 30100
{{- /* Triton. */}}
triton: 8001
triton-metrics: 8002
{{- /* Outside the release. Some clusters' DNS pods really listen on dns-pod. */}}
dns: 53
dns-pod: 5353
http: 80
https: 443
gke-metadata: 988
{{- /* An unused port, the target of reports that must not leave. */}}
discard: 9
{{- end -}}

{{/* One port. Takes its name. */}}
{{- define "clara.port" -}}
{{- $port := get (include "clara.ports" . | fromYaml) . -}}
{{- required (printf "the chart has no port called %s" .) (toString $port) -}}
{{- end -}}
