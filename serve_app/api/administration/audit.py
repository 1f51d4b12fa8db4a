"""The route by which administrators read the audit log: their own tenant's, or any one's."""

from dataclasses import asdict
from typing import Annotated

from fastapi import APIRouter, Depends, Query

from serve_app.api.door.access import needs, principal_of
from serve_app.api.examples import ADMINISTRATION_ERRORS, AUDIT_ENTRY, answer, body_json, problem_answers
from serve_app.client.administration import Tenant
from serve_app.client.oversight import AuditEntryBody, AuditPageBody
from serve_app.domain.audit import AuditEntry
from serve_app.domain.call import Principal, Scope
from serve_app.domain.errors import Forbidden, NotFound
from serve_app.ports import Oversight

Caller = Annotated[Principal, Depends(principal_of)]
_MAX_LIMIT = 500


def audit_router(oversight: Oversight | None, operator_tenant: str) -> APIRouter:
    """Make the route under /v1/audit."""
    router = APIRouter(prefix="/v1/audit", tags=["administration"])
    example = body_json(_page([AUDIT_ENTRY], limit=1))

    @router.get(
        "",
        responses={200: answer(example, "Entries, oldest first."), **problem_answers(ADMINISTRATION_ERRORS)},
        openapi_extra=needs(Scope.ADMIN),
    )
    async def read_audit(
        caller: Caller,
        tenant: Annotated[Tenant | None, Query(description="Whose; by default the caller's own.")] = None,
        after: Annotated[int, Query(ge=0, description="The sequence after which to begin.")] = 0,
        limit: Annotated[int, Query(ge=1, le=_MAX_LIMIT, description="Most entries to return.")] = 100,
        since_unix_ms: Annotated[int, Query(ge=0, description="The time from which on.")] = 0,
    ) -> AuditPageBody:
        """Read the audit log of the caller's tenant; operators may name another."""
        if oversight is None:
            raise NotFound("this platform keeps no audit log")
        if tenant not in (None, caller.tenant) and caller.tenant != operator_tenant:
            raise Forbidden("only operators read another tenant's audit log", Scope.ADMIN)
        return _page(await oversight.entries.page(tenant or caller.tenant, after, limit, since_unix_ms), limit)

    return router


def _page(entries: list[AuditEntry], limit: int) -> AuditPageBody:
    next_after = entries[-1].sequence if len(entries) == limit else None
    return AuditPageBody(entries=[AuditEntryBody(**asdict(entry)) for entry in entries], next_after=next_after)
