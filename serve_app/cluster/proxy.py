"""What Serve's own proxy wraps around every request; loaded by Ray, by name (`cluster.environment`)."""

from starlette.middleware import Middleware

from serve_app.api.door.middleware import (
    LastResort,
    PlainErrors,
    ProxyOutcomeReport,
    RequestContext,
    Unanswered,
)
from serve_app.api.factory import REPORT_PATHS
from serve_app.cluster.environment import log_to_serve
from serve_app.cluster.recorder import Recorder


def middleware() -> list[Middleware]:
    """Turn plain errors into problems, and use one request id where the proxy appends its own; innermost first."""
    log_to_serve()
    return [
        Middleware(PlainErrors),
        Middleware(Unanswered),
        Middleware(LastResort),
        Middleware(ProxyOutcomeReport, paths=REPORT_PATHS, metrics=Recorder()),
        Middleware(RequestContext),
    ]
