"""Posts drawn images and reads the streamed reports: `locust -f loadtests/locustfile.py --host ...`.

Besides the request itself, Locust lists time-to-first-token and time-to-report, named as in monitoring/slo.yaml.
"""

import time
from typing import Any

import requests
from gevent import GreenletExit
from locust import HttpUser, between, events, task
from locust.env import Environment

from loadtests.stream import ReportFailed, timed
from loadtests.studies import Studies
from serve_app.client import ClientError
from serve_app.client.answers import problem_of
from serve_app.client.events import EVENT_STREAM, read_events
from serve_app.client.form import report_form

REQUEST_NAME = "POST /v1/reports"
SEED = 2026
_TIMEOUT_S = 600.0


class Radiographer(HttpUser):
    """Sends an image, reads the whole draft, and pauses before the next."""

    wait_time = between(0.5, 1.5)
    studies: Studies

    @task
    def ask_for_a_report(self) -> None:
        """Send one image. Counts every image that was sent; anything but a complete report is a failure."""
        study = self.studies.next()
        form = report_form(study.image, study.fields)
        started_s = time.perf_counter()
        try:
            with self.client.post(
                "/v1/reports",
                files=form.files,
                data=form.data,
                headers={"Accept": EVENT_STREAM},
                stream=True,
                timeout=_TIMEOUT_S,
                catch_response=True,
                name=REQUEST_NAME,
            ) as response:
                _require_ok(response)
                events = read_events(response.iter_content(chunk_size=None))
                for name, now_s in timed(events, time.perf_counter):
                    self._record(name, now_s - started_s)
        # Locust does not count a request that ends in an exception.
        except GreenletExit:
            waited_s = time.perf_counter() - started_s
            # A user that was about to wake when the load ended is killed at once, before it sends an image.
            if waited_s >= self.environment.stop_timeout:
                self._record_failure(ReportFailed("cut off: the load ended first"), waited_s)
            raise
        except ClientError as error:
            self._record_failure(ReportFailed(f"{error.code}: {error}"), time.perf_counter() - started_s)
        except (requests.RequestException, ReportFailed) as error:
            self._record_failure(error, time.perf_counter() - started_s)

    def _record(self, name: str, duration_s: float) -> None:
        self._fire("stream", name, duration_s)

    def _record_failure(self, error: Exception, duration_s: float) -> None:
        self._fire("POST", REQUEST_NAME, duration_s, error)

    def _fire(self, kind: str, name: str, duration_s: float, error: Exception | None = None) -> None:
        self.environment.events.request.fire(
            request_type=kind,
            name=name,
            response_time=duration_s * 1000,
            response_length=0,
            exception=error,
            context={},
        )


@events.test_start.add_listener  # type: ignore[untyped-decorator]
def _draw(environment: Environment, **_: Any) -> None:
    # Each Locust worker has its own images.
    Radiographer.studies = Studies(SEED + getattr(environment.runner, "worker_index", 0))


def _require_ok(response: requests.Response) -> None:
    """Raise the problem document's code. A failed connection has no status."""
    if response.status_code != 200:
        problem = problem_of(response.content or b"", response.status_code, response.reason or "no answer")
        raise ReportFailed(f"{response.status_code} {problem.code}")
