{{/* Where this release's Triton answers. */}}
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

{{/* One token for real: Triton calls a model ready whose process has died. One with too much to do is alive. */}}
{{- define "clara.tritonCheck" -}}
import asyncio
import contextlib

from serve_app.domain.errors import Overloaded
from serve_app.engines.triton_engine import TritonEngine
from serve_app.settings import TritonSettings

with contextlib.suppress(Overloaded):
    asyncio.run(TritonEngine(TritonSettings()).start())
{{- end -}}
