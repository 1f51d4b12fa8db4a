"""What the door logs of a report: its ids, its outcome and its duration, once, and nothing that the client sent."""

import logging
import logging.handlers
import re
from collections.abc import Iterator

import pytest

from serve_app.cluster.environment import log_to_serve
from serve_app.domain.errors import Overloaded
from tests.api.conftest import Door, ScriptedReporter, open_door


@pytest.mark.parametrize("path", ["/v1/reports", "/predict"])
async def test_a_report_is_found_in_the_log_by_either_id(
    door: Door, path: str, replica_log: pytest.LogCaptureFixture
) -> None:
    answer = await door.post(path, sex="nam", age="63")

    ((_, _, report_id),) = door.reporter.asked
    (line,) = [record.getMessage() for record in replica_log.records if report_id in record.getMessage()]
    ids = f"request_id={answer.headers['x-request-id']} report_id={report_id}"
    assert re.fullmatch(rf"report request: {ids} outcome=ok duration_s=\d+\.\d\d", line)


async def test_a_request_without_a_report_is_logged_with_its_outcome(replica_log: pytest.LogCaptureFixture) -> None:
    await open_door().post(age="999")
    await open_door(ScriptedReporter([], Overloaded())).post()

    lines = [record.getMessage() for record in replica_log.records if "outcome=" in record.getMessage()]
    assert ["report_id=none outcome=bad_request" in lines[0], "outcome=unavailable" in lines[1]] == [True, True]


@pytest.fixture
def serves_own(monkeypatch: pytest.MonkeyPatch) -> Iterator[logging.Logger]:
    """Give Serve's logger handlers as a replica's has them: standard error, and a file behind a buffer."""
    serves_own, ours = logging.getLogger("ray.serve"), logging.getLogger("serve_app")
    monkeypatch.setattr(ours, "parent", ours.parent)
    monkeypatch.setattr(serves_own, "handlers", [logging.StreamHandler(), logging.handlers.MemoryHandler(1)])
    return serves_own


def test_each_line_is_written_once(serves_own: logging.Logger) -> None:
    log_to_serve()

    kinds = {type(handler) for handler in serves_own.handlers}
    assert logging.handlers.MemoryHandler in kinds and logging.StreamHandler not in kinds


def test_where_there_is_no_file_lines_are_still_written(serves_own: logging.Logger) -> None:
    serves_own.handlers = [logging.StreamHandler()]
    log_to_serve()

    assert logging.StreamHandler in {type(handler) for handler in serves_own.handlers}
