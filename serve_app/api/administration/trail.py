"""How the routes of administrators write down what was done: who, from the request; what, from the route."""

from fastapi import Request

from serve_app.api.door.access import principal_of
from serve_app.api.door.problems import request_id_of
from serve_app.domain.audit import Action, AuditEvent, Facts
from serve_app.ports import Oversight


class Trail:
    """Appends entries to the audit log; where there is none it does nothing."""

    def __init__(self, oversight: Oversight | None) -> None:
        self._log = None if oversight is None else oversight.log

    async def note(self, request: Request, action: Action, tenant: str, obj: str, details: Facts) -> None:
        """Write down what the caller did to an object of a tenant.

        Raises:
            AuditUnavailable: it cannot be written.
        """
        caller = principal_of(request)
        by_other = {"by_tenant": caller.tenant} if caller.tenant != tenant else {}
        event = AuditEvent(tenant, caller.subject, action, obj, request_id_of(request.scope), {**details, **by_other})
        if self._log is not None:
            await self._log.append(event)
