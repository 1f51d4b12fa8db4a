{{/* Environment of a Ray node. Takes the dict of clara.pod. The operator adds RAY_AUTH_TOKEN from authOptions. */}}
{{- define "clara.env" -}}
{{- $values := .root.Values -}}
{{- /* A user without an entry in /etc/passwd needs both. */}}
- {name: HOME, value: /home/clara}
- {name: USER, value: clara}
{{- /* With an operator too old for authOptions Ray then refuses to start, instead of starting without authentication. */}}
- {name: RAY_AUTH_MODE, value: token}
{{- /* Ray's default drain is 30 s, however long the pod may take. The last 10 s are for Ray's own teardown. */}}
- name: RAY_GRACEFUL_SHUTDOWN_DRAIN_TIMEOUT_S
  value: {{ sub (int $values.terminationGracePeriodSeconds) (add $values.endpointDrainSeconds 10) | quote }}
- {name: RAY_USAGE_STATS_ENABLED, value: "0"}
{{- /* Even when disabled, Ray reports that it is disabled, unless the address is unreachable. */}}
- {name: RAY_USAGE_STATS_REPORT_URL, value: "http://127.0.0.1:{{ include "clara.port" "discard" }}"}
- {name: VLLM_NO_USAGE_STATS, value: "1"}
- {name: DO_NOT_TRACK, value: "1"}
- {name: HF_HUB_DISABLE_TELEMETRY, value: "1"}
- {name: TOKENIZERS_PARALLELISM, value: "false"}
{{- /* vLLM's default is gRPC, but telemetry.otlp_endpoint is an HTTP address. */}}
- {name: OTEL_EXPORTER_OTLP_TRACES_PROTOCOL, value: http/protobuf}
{{- /* Replicas call each other by gRPC, with Ray's token: cheaper for each image and token than actor calls. */}}
- {name: RAY_SERVE_USE_GRPC_BY_DEFAULT, value: "1"}
{{- /* FlashInfer would compile its sampling kernel when the engine starts, with a CUDA toolkit that the image lacks. */}}
- {name: VLLM_USE_FLASHINFER_SAMPLER, value: "0"}
{{- /* vLLM's logging configuration closes Serve's log; a restarted controller then replaces every healthy engine. */}}
- {name: VLLM_CONFIGURE_LOGGING, value: "0"}
{{- /* The default is 4 MB; -1 sets no limit, because the gateway limits uploads. */}}
- {name: RAY_SERVE_REPLICA_GRPC_MAX_MESSAGE_LENGTH, value: "-1"}
{{- /* Ray's default of 10 s, three times, keeps a dead proxy for half a minute. */}}
- {name: RAY_SERVE_PROXY_HEALTH_CHECK_PERIOD_S, value: "1"}
- {name: RAY_SERVE_HTTP_PROXY_CALLBACK_IMPORT_PATH, value: "serve_app.cluster.proxy:middleware"}
{{- include "clara.proxyEnv" .root }}
{{- if $values.app.engine.enforce_eager }}
{{- /* Otherwise some samplers compile with a C++ compiler in the middle of a request. */}}
- {name: TORCHDYNAMO_DISABLE, value: "1"}
{{- end }}
{{- $holdsModel := and .runsEngine (include "clara.engineHoldsModel" .root) }}
{{- if $holdsModel }}
{{- /* Otherwise vLLM connects to a public address to find its own. */}}
- name: VLLM_HOST_IP
  valueFrom:
    fieldRef: {fieldPath: status.podIP}
{{- if and (include "clara.modelClaim" .root) (not $values.models.image) }}
{{- /* What vLLM compiles and inspects at a first start, 41 s on a GPU; with the home folder it would end with the pod. */}}
- {name: VLLM_CACHE_ROOT, value: /models/vllm-cache}
{{- end }}
{{- end }}
{{- include "clara.hubEnv" (dict "root" .root "holdsModel" $holdsModel) }}
{{- end -}}

{{/* Environment for the model hub. Takes a dict: root, holdsModel. */}}
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
