"""The web application, composed from its ports; it has no globals and does not depend on an engine."""

from dataclasses import dataclass
from typing import Any

from fastapi import FastAPI
from starlette.middleware import Middleware

from serve_app.admission.quotas import Quotas
from serve_app.admission.slots import FairSlots
from serve_app.api.administration.keys import keys_router
from serve_app.api.docs import add_docs_page
from serve_app.api.door import problems
from serve_app.api.door.access import SECURITY_SCHEMES, Access, require_declared
from serve_app.api.door.admission import Admission
from serve_app.api.door.middleware import (
    HeadAsGet,
    LastResort,
    OutcomeReport,
    PlainErrors,
    RequestContext,
)
from serve_app.api.door.uploads import Uploads
from serve_app.api.reports.routes import reports_router
from serve_app.api.service import service_router
from serve_app.api.v0 import v0_router
from serve_app.client.schemas import Problem, V0ErrorBody
from serve_app.domain.report import DISCLAIMER
from serve_app.ports import AnswerStore, Authenticator, KeyStore, MetricSink, Reporter, Service
from serve_app.settings import AccessSettings, GatewaySettings

API_VERSION = "1.0.0"
REPORT_PATHS = ("/v1/reports", "/predict")

_TAGS = [
    {"name": "reports", "description": "Draft reports from chest X-rays."},
    {"name": "administration", "description": "For administrators: API keys."},
    {"name": "service", "description": "For operators: liveness, readiness, version."},
    {"name": "first version", "description": "Deprecated routes that keep their shapes."},
]


@dataclass(frozen=True, slots=True)
class Ports:
    """What the door opens on."""

    reporter: Reporter
    service: Service
    metrics: MetricSink
    authenticator: Authenticator
    quotas: Quotas
    slots: FairSlots
    answers: AnswerStore | None
    """None where nothing is kept for clients that ask again."""
    keys: KeyStore | None
    """None where nobody is authenticated by keys."""


def create_api(ports: Ports, settings: GatewaySettings, access: AccessSettings) -> FastAPI:
    """Make the door; every report request is counted by how it ended."""
    # FastAPI's own documentation pages load scripts from elsewhere; ours serves them.
    app = _Door(
        title="CLARA",
        version=API_VERSION,
        description=f"Draft reports in Vietnamese from chest X-rays.\n\n{DISCLAIMER}",
        openapi_tags=_TAGS,
        docs_url=None,
        redoc_url=None,
        redirect_slashes=False,
        middleware=_middleware(ports, settings),
    )
    for router in (
        reports_router(ports.reporter, ports.answers, settings),
        service_router(ports.service, settings.readiness_timeout_s),
        v0_router(ports.reporter, ports.answers, settings),
        keys_router(ports.keys, access.operator_tenant),
    ):
        app.include_router(router)
    add_docs_page(app)
    require_declared(app)
    problems.register(app)
    return app


def _middleware(ports: Ports, settings: GatewaySettings) -> list[Middleware]:
    """List what surrounds every request, outermost first."""
    return [
        Middleware(RequestContext),
        Middleware(OutcomeReport, paths=REPORT_PATHS, metrics=ports.metrics),
        Middleware(LastResort),
        Middleware(PlainErrors),
        Middleware(HeadAsGet),
        Middleware(Access, authenticator=ports.authenticator),
        Middleware(Admission, paths=REPORT_PATHS, quotas=ports.quotas, slots=ports.slots),
        Middleware(Uploads, paths=REPORT_PATHS, settings=settings),
    ]


class _Door(FastAPI):
    """FastAPI, whose document also has the schemas of errors."""

    def openapi(self) -> dict[str, Any]:
        """Write the OpenAPI document, once."""
        if self.openapi_schema is None:
            document = super().openapi()
            schemas = document["components"]["schemas"]
            schemas.update({model.__name__: model.model_json_schema() for model in (Problem, V0ErrorBody)})
            _mark_files(schemas)
            document["components"]["securitySchemes"] = SECURITY_SCHEMES
        return super().openapi()


def _mark_files(node: Any) -> None:
    """Mark every file as binary: OpenAPI 3.1 has `contentMediaType` for that, generators of clients read `format`."""
    if isinstance(node, dict):
        if node.get("contentMediaType") == "application/octet-stream":
            node["format"] = "binary"
        for child in node.values():
            _mark_files(child)
    elif isinstance(node, list):
        for child in node:
            _mark_files(child)
