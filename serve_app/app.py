"""The platform on one screen: four deployments, composed from one `Settings`.

client ▶ Gateway ▶ Orchestrator ▶ Preprocessor, then ▶ EngineReplica for both turns.
"""

from collections.abc import Awaitable, Callable
from typing import Any

from ray import serve
from ray.serve import Application
from ray.serve.config import RequestRouterConfig

from serve_app.cluster.deployments import (
    EngineReplica,
    Entry,
    Gateway,
    Orchestrator,
    Preprocessor,
    Reasoning,
    RemoteReasoning,
)
from serve_app.cluster.scaling import deployment
from serve_app.ports import Engine, ImagePreparer
from serve_app.settings import AffinitySettings, Settings, or_none
from serve_app.timeline import Timeline

_DROPS_CANCELLED = RequestRouterConfig(request_router_class="serve_app.cluster.router.DropsCancelledRouter")


def build_app(args: dict[str, Any]) -> Application:
    """Compose the Serve application; `args` is `Settings` as a mapping.

    Raises:
        pydantic.ValidationError: an unknown key or a value out of bounds.
    """
    settings = Settings.model_validate(args)
    engine = (
        deployment(EngineReplica, "engine", settings.engine.scaling)
        .options(request_router_config=_affinity(settings.engine.affinity))
        .bind(_engine_maker(settings))
    )
    preprocessor = (
        deployment(Preprocessor, "preprocessor", settings.preprocessor.scaling)
        .options(request_router_config=_DROPS_CANCELLED)
        .bind(_preparer_maker(settings))
    )
    reasoning: Reasoning | RemoteReasoning = Reasoning(preprocessor, engine, settings.orchestrator)
    if settings.orchestrator.placement == "separate":
        orchestrator = (
            deployment(Orchestrator, "orchestrator", settings.orchestrator.scaling)
            .options(request_router_config=_DROPS_CANCELLED)
            .bind(reasoning)
        )
        reasoning = RemoteReasoning(orchestrator)
    return deployment(serve.ingress()(Gateway), "gateway", settings.gateway.scaling).bind(
        reasoning,
        engine,
        settings.gateway,
        settings.access,
        settings.admission,
        _num_slots(settings),
        max(settings.gateway.scaling.max_replicas, settings.engine.scaling.max_replicas) > 1,
        _entry_maker(settings),
        prompt_version=settings.orchestrator.prompt_version,
    )


def _affinity(settings: AffinitySettings) -> RequestRouterConfig:
    return RequestRouterConfig(
        request_router_class="serve_app.cluster.router.AffinityRouter", request_router_kwargs=settings.model_dump()
    )


def _num_slots(settings: Settings) -> int:
    """Count the reports that one engine replica may have in progress."""
    given = or_none(settings.admission.slots_per_engine, "auto")
    return settings.engine.scaling.max_ongoing_requests if given is None else given


def _entry_maker(settings: Settings) -> Callable[[], Awaitable[Entry]]:
    """Choose how callers are authenticated."""

    async def open_to_all() -> Entry:
        from serve_app.access.local import LocalAuthenticator

        return Entry(LocalAuthenticator())

    async def with_credentials() -> Entry:
        from serve_app.access.door import AnyOf
        from serve_app.access.keys import KeyAuthenticator
        from serve_app.records.answers import StoredAnswers
        from serve_app.records.cipher import read_cipher
        from serve_app.records.database import Database
        from serve_app.records.keys import StoredKeys
        from serve_app.records.schema import require_current

        database = Database(settings.records.address, settings.records.timeout_s)
        await require_current(database)
        keys = StoredKeys(database)
        cipher = read_cipher(
            settings.records.encryption_key_path, may_make=settings.records.encryption_key_file == "auto"
        )
        return Entry(
            AnyOf(KeyAuthenticator(keys, settings.access.max_key_age_s), tokens=None),
            keys,
            StoredAnswers(database, cipher, settings.records.answer_retention_s),
        )

    return open_to_all if settings.access.mode == "open" else with_credentials


def _preparer_maker(settings: Settings) -> Callable[[], ImagePreparer]:
    def make() -> ImagePreparer:
        from serve_app.imaging.preparer import LocalPreparer

        return LocalPreparer(settings.preprocessor)

    return make


def _engine_maker(settings: Settings) -> Callable[[Timeline], Engine]:
    """Choose the backend; each is imported only in the replica that runs it."""

    def make_vllm(timeline: Timeline) -> Engine:
        from serve_app.engines.vllm_engine import RAY_STAT_LOGGERS, VllmEngine

        return VllmEngine(
            settings.model,
            settings.engine,
            settings.preprocessor.max_visual_tokens,
            otlp_endpoint=or_none(settings.telemetry.otlp_endpoint, "none"),
            stat_loggers=RAY_STAT_LOGGERS,
            timeline=timeline,
        )

    def make_transformers(timeline: Timeline) -> Engine:
        from serve_app.engines.transformers_engine import TransformersEngine

        return TransformersEngine(
            settings.model, settings.engine, settings.preprocessor.max_visual_tokens, timeline=timeline
        )

    def make_triton(_: Timeline) -> Engine:
        from serve_app.engines.triton_engine import TritonEngine

        return TritonEngine(settings.engine.triton, or_none(settings.model.name, "auto"), settings.model.trained_views)

    def make_openai(_: Timeline) -> Engine:
        from serve_app.engines.openai_engine import OpenAIEngine

        return OpenAIEngine(
            settings.engine.openai,
            or_none(settings.model.name, "auto"),
            settings.engine.stream_interval_tokens,
            adapters=settings.orchestrator.adapters,
            trained_views=settings.model.trained_views,
        )

    def make_scripted(_: Timeline) -> Engine:
        from serve_app.engines.scripted_engine import ScriptedEngine

        return ScriptedEngine(settings.engine.scripted)

    makers = {
        "vllm": make_vllm,
        "transformers": make_transformers,
        "triton": make_triton,
        "openai": make_openai,
        "scripted": make_scripted,
    }
    return makers[settings.engine.backend]
