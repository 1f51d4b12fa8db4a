{{/* The environment of a Ray node; takes the dict of clara.pod. The operator adds RAY_AUTH_TOKEN, from authOptions. */}}
{{- define "clara.env" -}}
{{- $values := .root.Values -}}
{{- /* A user without an entry in /etc/passwd needs both to be named. */}}
- {name: HOME, value: /home/clara}
- {name: USER, value: clara}
{{- /* With an operator too old for authOptions Ray then refuses to start, instead of starting open. */}}
- {name: RAY_AUTH_MODE, value: token}
{{- /* Ray drains for 30 s unless told, however long the pod may take. The last 10 s are for its own teardown. */}}
- name: RAY_GRACEFUL_SHUTDOWN_DRAIN_TIMEOUT_S
  value: {{ sub (int $values.terminationGracePeriodSeconds) (add $values.endpointDrainSeconds 10) | quote }}
- {name: RAY_USAGE_STATS_ENABLED, value: "0"}
{{- /* Switched off, Ray still reports that it is off, unless there is nowhere to report to. */}}
- {name: RAY_USAGE_STATS_REPORT_URL, value: "http://127.0.0.1:{{ include "clara.port" "discard" }}"}
- {name: VLLM_NO_USAGE_STATS, value: "1"}
- {name: DO_NOT_TRACK, value: "1"}
- {name: HF_HUB_DISABLE_TELEMETRY, value: "1"}
- {name: TOKENIZERS_PARALLELISM, value: "false"}
{{- /* vLLM would speak gRPC to telemetry.otlp_endpoint, which is an address for HTTP. */}}
- {name: OTEL_EXPORTER_OTLP_TRACES_PROTOCOL, value: http/protobuf}
{{- /* Replicas speak gRPC to each other, with Ray's token: less to do for every film and word than actor calls. */}}
- {name: RAY_SERVE_USE_GRPC_BY_DEFAULT, value: "1"}
{{- /* 4 MB unless told; -1 is no bound: how large a film may be is decided at the door. */}}
- {name: RAY_SERVE_REPLICA_GRPC_MAX_MESSAGE_LENGTH, value: "-1"}
- {name: RAY_SERVE_HTTP_PROXY_CALLBACK_IMPORT_PATH, value: "serve_app.cluster.proxy:middleware"}
{{- include "clara.proxyEnv" .root }}
{{- if $values.app.engine.enforce_eager }}
{{- /* Some samplers compile themselves with a C++ compiler otherwise, in the middle of a request. */}}
- {name: TORCHDYNAMO_DISABLE, value: "1"}
{{- end }}
{{- $holdsModel := and .runsEngine (include "clara.engineHoldsModel" .root) }}
{{- if $holdsModel }}
{{- /* vLLM would find its own address by way of a public one. */}}
- name: VLLM_HOST_IP
  valueFrom:
    fieldRef: {fieldPath: status.podIP}
{{- end }}
{{- include "clara.hubEnv" (dict "root" .root "holdsModel" $holdsModel) }}
{{- end -}}

{{/* Whether and how the hub is asked. Takes a dict: root, holdsModel. */}}
{{- define "clara.hubEnv" -}}
{{- if include "clara.isOffline" .root }}
- {name: HF_HUB_OFFLINE, value: "1"}
{{- end }}
{{- if and .holdsModel (not .root.Values.models.image) }}
- {name: HF_HOME, value: /models/huggingface}
{{- with .root.Values.huggingFace.tokenSecretName }}
- name: HF_TOKEN
  valueFrom:
    secretKeyRef: {name: {{ . }}, key: token}
{{- end }}
{{- end }}
{{- end -}}
