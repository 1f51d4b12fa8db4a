"""The routes by which administrators stop drafting: for their own tenant; operators for all, a tenant or a model."""

import time
from datetime import UTC, datetime
from typing import Annotated

from fastapi import APIRouter, Depends, Request, Response

from serve_app.api.administration.trail import Trail
from serve_app.api.door.access import needs, principal_of
from serve_app.api.examples import ADMINISTRATION_ERRORS, STOP, answer, body_json, problem_answers
from serve_app.client.oversight import StopBody, StopRequest, StopsBody
from serve_app.client.oversight import StopKind as WireStopKind
from serve_app.domain.audit import Action
from serve_app.domain.call import Principal, Scope
from serve_app.domain.errors import Forbidden, NotFound
from serve_app.domain.stop import Stop, StopKind
from serve_app.ports import Oversight, StopStore

Caller = Annotated[Principal, Depends(principal_of)]
_ERRORS = problem_answers(ADMINISTRATION_ERRORS)
_ADMIN = needs(Scope.ADMIN)


def stops_router(oversight: Oversight | None, operator_tenant: str) -> APIRouter:
    """Make the routes under /v1/stops."""
    router = APIRouter(prefix="/v1/stops", tags=["administration"])
    managed, trail = _ManagedStops(oversight, operator_tenant), Trail(oversight)
    example, examples = body_json(_body(STOP)), body_json(StopsBody(stops=[_body(STOP)]))

    @router.post("", status_code=201, responses={201: answer(example, "The stop."), **_ERRORS}, openapi_extra=_ADMIN)
    async def stop_drafting(request: Request, caller: Caller, asked: StopRequest) -> StopBody:
        """Stop drafting; within five seconds no replica drafts, and reports in progress end with `drafting-stopped`."""
        stop = managed.asked_for(caller, asked)
        await managed.store.put(stop)
        await trail.note(request, Action.STOP_SET, managed.tenant_of(stop), stop.id, stop.facts)
        return _body(stop)

    @router.get("", responses={200: answer(examples, "The stops."), **_ERRORS}, openapi_extra=_ADMIN)
    async def list_stops(caller: Caller) -> StopsBody:
        """List the stops in effect: those of the caller's tenant, of everything and of models; operators see all."""
        return StopsBody(stops=[_body(stop) for stop in await managed.seen_by(caller)])

    @router.delete(
        "/{stop_id}", status_code=204, responses={**_ERRORS, 204: {"description": "Lifted."}}, openapi_extra=_ADMIN
    )
    async def lift_stop(request: Request, caller: Caller, stop_id: str) -> Response:
        """Lift a stop."""
        stop = await managed.found(caller, stop_id)
        await trail.note(request, Action.STOP_LIFTED, managed.tenant_of(stop), stop.id, stop.facts)
        await managed.store.lift(stop.id)
        return Response(status_code=204)

    return router


class _ManagedStops:
    """The stops as far as a caller may set, see and lift them."""

    def __init__(self, oversight: Oversight | None, operator_tenant: str) -> None:
        self._oversight = oversight
        self._operator_tenant = operator_tenant

    @property
    def store(self) -> StopStore:
        if self._oversight is None:
            raise NotFound("this platform has no database to keep stops in: end it instead")
        return self._oversight.stops

    def asked_for(self, caller: Principal, asked: StopRequest) -> Stop:
        kind = StopKind(asked.kind)
        name = {StopKind.ALL: "", StopKind.TENANT: asked.name or caller.tenant, StopKind.MODEL: asked.name or ""}[kind]
        stop = Stop(kind, name, asked.reason, time.time())
        if not self._is_managed_by(caller, stop):
            raise Forbidden("only operators stop more than their own tenant", Scope.ADMIN)
        return stop

    def tenant_of(self, stop: Stop) -> str:
        """Name the tenant whose audit log the stop belongs in."""
        return stop.name if stop.kind is StopKind.TENANT else self._operator_tenant

    async def seen_by(self, caller: Principal) -> list[Stop]:
        stops = await self.store.list_stops()
        return [stop for stop in stops if stop.kind is not StopKind.TENANT or self._is_managed_by(caller, stop)]

    async def found(self, caller: Principal, stop_id: str) -> Stop:
        for stop in await self.store.list_stops():
            if stop.id == stop_id and self._is_managed_by(caller, stop):
                return stop
        raise NotFound("there is no such stop, or only operators lift it")

    def _is_managed_by(self, caller: Principal, stop: Stop) -> bool:
        is_own = stop.kind is StopKind.TENANT and stop.name == caller.tenant
        return is_own or caller.tenant == self._operator_tenant


def _body(stop: Stop) -> StopBody:
    return StopBody(
        id=stop.id,
        kind=WireStopKind(stop.kind),
        name=stop.name,
        reason=stop.reason,
        since=datetime.fromtimestamp(stop.set_unix_s, UTC),
    )
