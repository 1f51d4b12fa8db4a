"""Two gateways over one database, as two replicas: a stop at one ends the drafts of the other; one log has it all."""

import asyncio
import io
from collections import Counter
from dataclasses import dataclass

import httpx
import numpy as np
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from fastapi import FastAPI
from PIL import Image

from serve_app.access.local import LocalAuthenticator
from serve_app.admission.quotas import Quotas
from serve_app.admission.slots import FairSlots
from serve_app.api.factory import Ports, create_api
from serve_app.domain.audit import AuditEntry
from serve_app.domain.stop import Stop, StopKind
from serve_app.engines.dialogue import EngineChat
from serve_app.engines.scripted_engine import ScriptedEngine
from serve_app.imaging.preparer import LocalPreparer
from serve_app.ports import Oversight
from serve_app.reasoning.reporter import TwoTurnReporter
from serve_app.reasoning.stoppable import StoppableModel, StoppableReporter
from serve_app.records.audit import StoredAudit
from serve_app.records.audit_keys import Signer
from serve_app.records.audit_read import AuditReader
from serve_app.records.audited import AuditedReporter, drafting_settings
from serve_app.records.database import Database
from serve_app.records.stops import PolledStops, StoredStops
from serve_app.settings import AccessSettings, AdmissionSettings, GatewaySettings, ScriptedSettings, Settings
from tests.api.conftest import Outcomes, ScriptedService, describe, ready

SETTINGS = Settings.model_validate({"preprocessor": {"screen": {"policy": "record"}}})
SIGNER = Signer(Ed25519PrivateKey.generate())


@dataclass
class Gateway:
    """A replica: its own engine, switch and log, over the shared database."""

    app: FastAPI
    oversight: Oversight

    def client(self) -> httpx.AsyncClient:
        """Open a client that talks to it in process."""
        return httpx.AsyncClient(transport=httpx.ASGITransport(self.app), base_url="http://clara")

    async def post(self) -> httpx.Response:
        async with self.client() as client:
            return await client.post("/v1/reports", files={"image": film()})

    async def stop_of(self, reason: str) -> None:
        async with self.client() as client:
            (await client.post("/v1/stops", json={"reason": reason})).raise_for_status()


def film() -> bytes:
    buffer = io.BytesIO()
    Image.fromarray(np.random.default_rng(1).integers(0, 255, (160, 140), np.uint8)).save(buffer, "PNG")
    return buffer.getvalue()


def gateway(database: Database, token_s: float) -> Gateway:
    stops = StoredStops(database)
    log = StoredAudit(database, SIGNER, SETTINGS.audit)
    oversight = Oversight(log, AuditReader(database), stops, PolledStops(stops, poll_s=0.1))
    model = StoppableModel(EngineChat(ScriptedEngine(ScriptedSettings(token_s=token_s))), oversight.switch)
    reporter = TwoTurnReporter(LocalPreparer(SETTINGS.preprocessor), model, SETTINGS.orchestrator)
    watched = AuditedReporter(StoppableReporter(reporter, oversight.switch), log, drafting_settings(SETTINGS))
    service = ScriptedService(ready, describe)
    ports = Ports(
        reporter=watched,
        service=service,
        metrics=Outcomes([]),
        authenticator=LocalAuthenticator(),
        quotas=Quotas(GatewaySettings(), AdmissionSettings()),
        slots=FairSlots(AdmissionSettings(), 8),
        answers=None,
        keys=None,
        oversight=oversight,
    )
    return Gateway(create_api(ports, GatewaySettings(), AccessSettings()), oversight)


async def entries(database: Database) -> list[AuditEntry]:
    return [entry async for entry in AuditReader(database).entries("local")]


@pytest.fixture
def slow(database: Database) -> tuple[Gateway, Gateway]:
    """Two gateways whose engines would write for minutes."""
    return gateway(database, token_s=5), gateway(database, token_s=5)


async def test_a_stop_at_one_gateway_ends_a_report_at_the_other(
    slow: tuple[Gateway, Gateway], database: Database
) -> None:
    first, second = slow
    reporting = asyncio.create_task(first.post())
    await asyncio.sleep(1)
    await second.stop_of("drill")
    async with asyncio.timeout(60):
        ended, refused = await reporting, await first.post()
    written = [(entry.action, entry.details.get("code")) for entry in await entries(database)]

    assert (ended.status_code, ended.json()["code"]) == (503, "drafting-stopped")
    assert (refused.status_code, refused.json()["facts"]["reason"]) == (503, "drill")
    assert Counter(written) == {("stop.set", None): 1, ("report.refused", "drafting-stopped"): 2}
    assert await AuditReader(database).verify("local", SIGNER.trusted) == []


async def test_a_stopped_model_is_ended_while_it_writes(slow: tuple[Gateway, Gateway]) -> None:
    first, second = slow
    reporting = asyncio.create_task(first.post())
    await asyncio.sleep(1)
    await second.oversight.stops.put(Stop(StopKind.MODEL, "scripted", "recall", 1.0))
    async with asyncio.timeout(60):
        ended = await reporting

    assert ended.json()["facts"] == {"stopped": "model", "reason": "recall"}


async def test_reports_of_two_gateways_are_in_one_chain(database: Database) -> None:
    gateways = [gateway(database, token_s=0) for _ in range(2)]
    answers = await asyncio.gather(*(gateways[n % 2].post() for n in range(20)))
    written = await entries(database)

    assert {answer.status_code for answer in answers} == {200}
    assert {entry.object for entry in written} == {answer.json()["id"] for answer in answers}
    assert [entry.sequence for entry in written] == list(range(1, 21))
    assert await AuditReader(database).verify("local", SIGNER.trusted) == []
