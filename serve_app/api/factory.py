"""The web application, put together from what it is given; it holds no globals and knows no engine."""

from collections.abc import Callable
from typing import Any

from fastapi import FastAPI

from serve_app.api.docs import add_docs_page
from serve_app.api.door import problems
from serve_app.api.door.middleware import BodyLimit, HeadAsGet, LastResort, OutcomeReport, RequestContext
from serve_app.api.door.problems import Problem
from serve_app.api.reports.routes import reports_router
from serve_app.api.service import CheckReadiness, DescribeService, service_router
from serve_app.api.v0 import seed_router
from serve_app.domain.report import DISCLAIMER
from serve_app.ports import Reporter
from serve_app.settings import GatewaySettings

API_VERSION = "1.0.0"
REPORT_PATHS = ("/v1/reports", "/predict")

_TAGS = [
    {"name": "reports", "description": "Draft reports from chest X-rays."},
    {"name": "service", "description": "For operators: liveness, readiness, version."},
    {"name": "first version", "description": "Deprecated routes that keep their shapes."},
]


def create_api(
    reporter: Reporter,
    readiness: CheckReadiness,
    describe: DescribeService,
    settings: GatewaySettings,
    on_outcome: Callable[[str], None] = lambda outcome: None,
) -> FastAPI:
    """Make the door.

    `on_outcome` is called once a report request with how it ended: ok, bad_request, refused, unavailable, error
    or client_gone.
    """
    # FastAPI's own documentation pages load scripts from elsewhere; ours serves them.
    app = _Door(
        title="CLARA",
        version=API_VERSION,
        description=f"Draft reports in Vietnamese from chest X-rays.\n\n{DISCLAIMER}",
        openapi_tags=_TAGS,
        docs_url=None,
        redoc_url=None,
        redirect_slashes=False,
    )
    for router in (
        reports_router(reporter, settings),
        service_router(readiness, describe, settings.readiness_timeout_s),
        seed_router(reporter, settings),
    ):
        app.include_router(router)
    add_docs_page(app)
    problems.register(app)
    # The last one added is the outermost.
    app.add_middleware(BodyLimit, max_upload_bytes=settings.max_upload_bytes)
    app.add_middleware(HeadAsGet)
    app.add_middleware(LastResort)
    app.add_middleware(OutcomeReport, paths=REPORT_PATHS, on_outcome=on_outcome)
    app.add_middleware(RequestContext)
    return app


class _Door(FastAPI):
    """FastAPI, whose document also knows what a problem looks like."""

    def openapi(self) -> dict[str, Any]:
        """Write the OpenAPI document, once."""
        if self.openapi_schema is None:
            document = super().openapi()
            document["components"]["schemas"]["Problem"] = Problem.model_json_schema()
        return super().openapi()
