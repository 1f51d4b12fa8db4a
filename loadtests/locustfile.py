"""Posts drawn films and reads the reports as they stream: `locust -f loadtests/locustfile.py --host ...`.

Beside the request itself Locust lists time-to-first-token and time-to-report, named as in monitoring/slo.yaml.
"""

import time
from typing import Any

import requests
from locust import HttpUser, between, events, task

from loadtests.stream import ReportFailed, read_report
from loadtests.studies import Studies

REQUEST_NAME = "POST /v1/reports"
SEED = 2026
_TIMEOUT_S = 600.0


class Radiographer(HttpUser):
    """Sends a film, reads the whole draft, and takes a breath before the next."""

    wait_time = between(0.5, 1.5)
    studies: Studies

    @task
    def ask_for_a_report(self) -> None:
        """Send one film; everything but a whole report is a failure."""
        study = self.studies.next()
        started_s = time.perf_counter()
        with self.client.post(
            "/v1/reports",
            files={"image": ("film.png", study.image, "image/png")},
            data=study.fields,
            headers={"Accept": "text/event-stream"},
            stream=True,
            timeout=_TIMEOUT_S,
            catch_response=True,
            name=REQUEST_NAME,
        ) as response:
            if response.status_code != 200:
                response.failure(_problem(response))
                return
            try:
                for name, now_s in read_report(response.iter_content(chunk_size=None), time.perf_counter):
                    self._record(name, now_s - started_s)
            except (ReportFailed, requests.RequestException) as error:
                response.failure(error)

    def _record(self, name: str, duration_s: float) -> None:
        self.environment.events.request.fire(
            request_type="stream",
            name=name,
            response_time=duration_s * 1000,
            response_length=0,
            exception=None,
            context={},
        )


@events.test_start.add_listener  # type: ignore[untyped-decorator]
def _draw(**_: Any) -> None:
    Radiographer.studies = Studies(SEED)


def _problem(response: requests.Response) -> str:
    """Name what the problem document says; a connection that failed has no status."""
    if response.headers.get("content-type", "").startswith("application/problem+json"):
        return f"{response.status_code} {response.json()['code']}"
    return f"status {response.status_code}"
