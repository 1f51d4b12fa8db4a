"""Calls as tests make them."""

import time
from collections.abc import Mapping

from serve_app.domain.call import Call, Principal
from serve_app.domain.study import Patient, Study, StudyImage


def call(
    tenant: str = "hospital",
    *,
    timeout_s: float = 300.0,
    priority: int = 0,
    trace_context: Mapping[str, str] | None = None,
) -> Call:
    """Call on behalf of a tenant; it ends `timeout_s` from now."""
    principal = Principal("tester", tenant, frozenset({"reports:write"}))
    return Call("request-of-a-test", principal, time.time() + timeout_s, priority, trace_context or {})


def study_of(data: bytes = b"film", patient: Patient | None = None) -> Study:
    """Put one image into a study."""
    return Study((StudyImage(data),), patient or Patient())
