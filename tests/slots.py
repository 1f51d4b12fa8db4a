"""Slots in virtual time, and calls that wait for them."""

import asyncio
import time

from serve_app.admission.slots import FairSlots
from serve_app.domain.call import Call, Principal
from serve_app.settings import AdmissionSettings


def call_of(tenant: str, subject: str = "one", *, priority: int = 0, timeout_s: float = 1e6) -> Call:
    return Call("request", Principal(subject, tenant, frozenset()), time.time() + timeout_s, priority, {})


def slots_of(num_slots: int, **settings: object) -> FairSlots:
    values = {"max_wait_s": 1e6, **settings}
    return FairSlots(AdmissionSettings.model_validate(values), num_slots, lambda: asyncio.get_running_loop().time())
