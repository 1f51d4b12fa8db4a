"""Every engine names the views that its checkpoint was trained on, wherever the model runs."""

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import httpx
import pytest

from serve_app.app import _engine_maker
from serve_app.cluster.environment import prepare_environment
from serve_app.settings import Settings
from serve_app.timeline import Timeline


class TritonServer:
    """A server that has the model ready."""

    async def is_model_ready(self, model: str) -> bool:
        return True

    async def get_server_metadata(self) -> Any:
        return SimpleNamespace(version="2")


def engine_of(backend: str, model: dict[str, Any]) -> Any:
    """Compose the engine as the platform does, without loading or connecting."""
    settings = Settings.model_validate({"model": model, "engine": {"backend": backend, "openai": {"model": "clara"}}})
    prepare_environment(settings)
    return _engine_maker(settings)(Timeline())


@pytest.fixture(params=["vllm", "transformers", "triton", "openai"])
def backend(request: pytest.FixtureRequest) -> str:
    return str(request.param)


def reached(engine: Any, backend: str) -> Any:
    """Give an engine that asks a server one that answers."""
    if backend == "triton":
        engine._connected = TritonServer()
    if backend == "openai":
        listing = httpx.MockTransport(lambda _: httpx.Response(200, json={"data": [{"id": "clara"}]}))
        engine._client = httpx.AsyncClient(base_url="http://server/v1/", transport=listing)
    return engine


@pytest.mark.parametrize("views", [("frontal",), ("frontal", "lateral"), ()])
async def test_a_card_has_the_views_of_the_settings(backend: str, views: tuple[str, ...]) -> None:
    engine = reached(engine_of(backend, {"trained_views": views}), backend)
    assert (await engine.describe()).trained_views == views


@pytest.mark.parametrize(("name", "carried"), [("ours", "ours"), ("auto", "clara")])
async def test_a_card_has_the_name_of_the_settings_unless_it_is_left_to_the_model(
    backend: str, name: str, carried: str, tmp_path: Path
) -> None:
    folder = tmp_path / "clara"
    folder.mkdir()
    engine = reached(engine_of(backend, {"name": name, "source": str(folder)}), backend)
    assert (await engine.describe()).model == carried
