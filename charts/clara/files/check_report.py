"""Asks a running platform for a report on a drawn film, and checks that one came: `helm test`, or by hand.

Needs Python only. Without --image it takes the film that comes with serve_app, so nobody's film travels.
"""

import argparse
import importlib.util
import json
import ssl
import sys
import time
import urllib.error
import urllib.request
import uuid
from pathlib import Path
from typing import Any

_FIELDS = {"age": "63", "sex": "nam", "view": "PA"}


def sample_film() -> Path:
    """Find the drawn film in the installed package, without importing it."""
    spec = importlib.util.find_spec("serve_app")
    if spec is None or spec.origin is None:
        raise SystemExit("serve_app is not installed here: name a film with --image")
    return Path(spec.origin).parent / "models" / "clara-demo" / "sample.png"


def form(image: bytes, fields: dict[str, str]) -> tuple[bytes, str]:
    """Write a multipart form; the second is its content type."""
    boundary = uuid.uuid4().hex
    parts = [
        f'--{boundary}\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n{value}\r\n'.encode()
        for name, value in fields.items()
    ]
    head = f'--{boundary}\r\nContent-Disposition: form-data; name="image"; filename="film"\r\n\r\n'.encode()
    return b"".join(
        [*parts, head, image, f"\r\n--{boundary}--\r\n".encode()]
    ), f"multipart/form-data; boundary={boundary}"


def faults(report: Any) -> list[str]:
    """Say in sentences what a report lacks; nothing where it is whole."""
    if not isinstance(report, dict):
        return ["The answer is no JSON object."]
    found = []
    if report.get("status") != "draft":
        found.append(f"It is not marked as a draft, but as {report.get('status')}.")
    for section in ("findings", "impression"):
        part = report.get(section) or {}
        if not part.get("text", "").strip():
            found.append(f"The {section} are empty.")
        elif part.get("status") != "complete":
            found.append(f"The {section} are {part.get('status')}, not complete.")
    if not report.get("disclaimer"):
        found.append("It carries no disclaimer.")
    if (report.get("patient") or {}).get("age_years") != int(_FIELDS["age"]):
        found.append("The patient's age is not the one that was sent.")
    return found


class Platform:
    """A platform by its address; every question has a time limit."""

    def __init__(self, url: str, ca_file: Path | None, timeout_s: float) -> None:
        context = ssl.create_default_context(cafile=str(ca_file) if ca_file else None)
        self._opener = urllib.request.build_opener(
            urllib.request.ProxyHandler({}), urllib.request.HTTPSHandler(context=context)
        )
        self._url, self._timeout_s = url.rstrip("/"), timeout_s

    def is_ready(self) -> bool:
        """Whether reports can be made now."""
        try:
            with self._opener.open(f"{self._url}/readyz", timeout=self._timeout_s):
                return True
        except OSError:
            return False

    def report(self, image: bytes) -> Any:
        """Ask for a report.

        Raises:
            OSError: refused or unreachable.
            ValueError: the answer is no JSON.
        """
        body, content_type = form(image, _FIELDS)
        headers = {"Content-Type": content_type, "Accept": "application/json"}
        request = urllib.request.Request(f"{self._url}/v1/reports", body, headers)
        with self._opener.open(request, timeout=self._timeout_s) as answer:
            return json.load(answer)


def main(arguments: list[str] | None = None) -> int:
    """Wait until the platform is ready, ask once, and say what came; 1 when it is not a whole report."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("url", help="such as http://127.0.0.1:8000")
    parser.add_argument("--image", type=Path)
    parser.add_argument("--ca-file", type=Path, help="who certifies the address, where the system does not know")
    parser.add_argument("--wait-s", type=float, default=60, help="how long it may take to be ready")
    parser.add_argument("--timeout-s", type=float, default=300, help="how long the report may take")
    given = parser.parse_args(arguments)
    platform = Platform(given.url, given.ca_file, given.timeout_s)
    deadline = time.monotonic() + given.wait_s
    while not platform.is_ready():
        if time.monotonic() > deadline:
            return _failed(f"{given.url} is not ready after {given.wait_s:g} s.")
        time.sleep(min(2.0, given.wait_s))
    try:
        report = platform.report((given.image or sample_film()).read_bytes())
    except urllib.error.HTTPError as error:
        return _failed(f"Refused with {error.code}: {error.read(2000).decode(errors='replace')}")
    except (OSError, ValueError) as error:
        return _failed(f"No report: {error}")
    if found := faults(report):
        return _failed(" ".join(found))
    print(f"A whole report by {report['model']} in {report['timings']['duration_s']:.1f} s.")
    return 0


def _failed(sentence: str) -> int:
    print(sentence, file=sys.stderr)
    return 1


if __name__ == "__main__":
    sys.exit(main())
