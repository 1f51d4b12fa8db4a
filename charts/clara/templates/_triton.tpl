{{/* Address of this release's Triton. */}}
{{- define "clara.tritonAddress" -}}
{{ include "clara.name" . }}-triton:{{ include "clara.port" "triton" }}
{{- end -}}

{{- define "clara.tritonSelectorLabels" -}}
{{ include "clara.selectorLabels" . }}
app.kubernetes.io/component: triton
{{- end -}}

{{- define "clara.tritonImage" -}}
{{- include "clara.imageReference" (dict "root" . "image" .Values.triton.image "name" "triton.image") -}}
{{- end -}}

{{/* Script that generates one token: Triton reports a model as ready even after its process died. An overloaded server is alive. */}}
{{- define "clara.tritonCheck" -}}
import asyncio
import contextlib

from serve_app.domain.errors import Overloaded
from serve_app.engines.triton_engine import TritonEngine
from serve_app.settings import TritonSettings

with contextlib.suppress(Overloaded):
    asyncio.run(TritonEngine(TritonSettings()).start())
{{- end -}}
