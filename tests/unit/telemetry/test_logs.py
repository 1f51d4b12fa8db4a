"""What reaches a log: our lines, whose fields have forms, and of other libraries nothing that may repeat a value."""

import asyncio
import io
import logging
import re
import string
import warnings
from collections.abc import Callable, Iterator
from typing import get_type_hints

import httpx
import pytest
import sqlalchemy

from serve_app.telemetry.logs import FORMS, Event, Fields, Log, withhold_texts

SECRET = "NGUYEN^VAN^BIMAT"
HINTS = get_type_hints(Fields)


@pytest.fixture
def written() -> Iterator[io.StringIO]:
    """Collect what a process writes once its texts are withheld, at any level."""
    text, root = io.StringIO(), logging.getLogger()
    handler = logging.StreamHandler(text)
    level = root.level
    root.addHandler(handler)
    root.setLevel(logging.DEBUG)
    # Servers that earlier tests started keep what they log from the root.
    kept = [one for one in root.manager.loggerDict.values() if isinstance(one, logging.Logger) and not one.propagate]
    for one in kept:
        one.propagate = True
    withhold_texts()
    yield text
    for one in kept:
        one.propagate = False
    root.setLevel(level)
    root.removeHandler(handler)


def _raised(text: str) -> Exception:
    try:
        raise ValueError(text)
    except ValueError as error:
        return error


def _uncaught_in_a_task() -> None:
    async def forget() -> None:
        asyncio.get_running_loop().call_exception_handler({"message": SECRET, "exception": _raised(SECRET)})

    asyncio.run(forget())


def _logged(name: str) -> Callable[[], None]:
    def log() -> None:
        try:
            raise ValueError(SECRET)
        except ValueError:
            logging.getLogger(name).exception("value %s", SECRET)

    return log


def _by_sqlalchemy() -> None:
    with sqlalchemy.create_engine("sqlite://", echo="debug").connect() as connection:
        connection.execute(sqlalchemy.text("select :name"), {"name": SECRET})


def _by_httpx() -> None:
    transport = httpx.MockTransport(lambda _: httpx.Response(200))
    httpx.Client(transport=transport).get("http://issuer.test/", params={"name": SECRET})


def _warned() -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("always")
        withhold_texts()
        warnings.warn(f"Invalid value for VR UI: {SECRET}", UserWarning, stacklevel=1)


LOUD: dict[str, Callable[[], None]] = {
    **{name: _logged(name) for name in ("pydicom", "PIL.Image", "httpcore", "alembic", "uvicorn.error", "serve_app.x")},
    "asyncio": _uncaught_in_a_task,
    "sqlalchemy": _by_sqlalchemy,
    "httpx": _by_httpx,
    "serve_app.warnings": _warned,
}


@pytest.mark.parametrize("name", LOUD)
def test_of_what_another_library_logs_only_its_place_remains(
    name: str, written: io.StringIO, capsys: pytest.CaptureFixture[str]
) -> None:
    LOUD[name]()

    assert SECRET not in written.getvalue() + "".join(capsys.readouterr())
    assert "withheld" in written.getvalue() or "UserWarning at test_logs.py" in written.getvalue()


def test_a_trace_keeps_its_places_and_the_class(written: io.StringIO) -> None:
    _logged("uvicorn.error")()

    assert "raise ValueError(SECRET)\nValueError" in written.getvalue()


def test_ray_may_say_how_it_is_without_the_text_of_an_error(
    written: io.StringIO, monkeypatch: pytest.MonkeyPatch
) -> None:
    serve = logging.getLogger("ray.serve")
    monkeypatch.setattr(serve, "handlers", [logging.StreamHandler(written)])
    serve.warning("Replica at capacity of max_ongoing_requests=%d", 4)
    try:
        raise ValueError(f"row ({SECRET})")
    except ValueError as error:
        serve.warning(f"Request failed: {error}")
        serve.warning(f"Request failed:\n{SECRET}")

    assert "max_ongoing_requests=4" in written.getvalue()
    assert "Request failed: ValueError" in written.getvalue()
    assert SECRET not in written.getvalue()


@pytest.mark.parametrize("name", [name for name, hint in HINTS.items() if hint is str])
def test_a_text_has_a_form_that_no_name_fits(name: str, written: io.StringIO) -> None:
    event = next(event for event in Event if f"{{{name}" in event)
    fields = {one: 1 for _, one, _, _ in string.Formatter().parse(event) if one}
    Log("serve_app.test").info(event, **{**fields, "error": _raised(SECRET), **_texts(fields), name: SECRET})  # type: ignore[typeddict-item]

    assert SECRET not in written.getvalue()
    assert "(withheld)" in written.getvalue()


def _texts(fields: dict[str, int]) -> dict[str, str]:
    return {name: "x" for name in fields if HINTS[name] is str}


def test_every_text_has_a_form_and_every_event_names_fields() -> None:
    places = {field for event in Event for _, field, _, _ in string.Formatter().parse(event) if field}

    assert set(FORMS) == {name for name, hint in HINTS.items() if hint is str}
    assert places == set(HINTS)
    assert all(re.compile(form) for form in FORMS.values())


def test_an_error_is_logged_by_class_and_place(written: io.StringIO) -> None:
    Log("serve_app.test").error(Event.STOPS_UNREAD, error=_raised(SECRET))

    assert re.search(r"cannot be read \(ValueError at test_logs.py:\d+\)", written.getvalue())
