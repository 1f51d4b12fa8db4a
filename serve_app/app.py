"""The platform on one screen: four deployments, composed from one `Settings`.

client ▶ Gateway ▶ Orchestrator ▶ Preprocessor, then ▶ EngineReplica for both turns.
"""

from collections.abc import Callable
from typing import Any

from ray import serve
from ray.serve import Application
from ray.serve.config import RequestRouterConfig

from serve_app.deployments import EngineReplica, Gateway, Orchestrator, Preprocessor, Reasoning, RemoteReasoning
from serve_app.ports import Engine, ImagePreparer
from serve_app.settings import AffinitySettings, Scaling, Settings
from serve_app.startup import Timeline

_LETTING_GO = RequestRouterConfig(request_router_class="serve_app.routing.LettingGoRouter")


def build_app(args: dict[str, Any]) -> Application:
    """Compose the Serve application; `args` is `Settings` as a mapping.

    Raises:
        pydantic.ValidationError: an unknown key or a value out of bounds.
    """
    settings = Settings.model_validate(args)
    engine = (
        _deployment(EngineReplica, "engine", settings.engine.scaling)
        .options(request_router_config=_affinity(settings.engine.affinity))
        .bind(_engine_maker(settings))
    )
    preprocessor = (
        _deployment(Preprocessor, "preprocessor", settings.preprocessor.scaling)
        .options(request_router_config=_LETTING_GO)
        .bind(_preparer_maker(settings))
    )
    reasoning: Reasoning | RemoteReasoning = Reasoning(preprocessor, engine, settings.orchestrator)
    if settings.orchestrator.placement == "separate":
        orchestrator = (
            _deployment(Orchestrator, "orchestrator", settings.orchestrator.scaling)
            .options(request_router_config=_LETTING_GO)
            .bind(reasoning)
        )
        reasoning = RemoteReasoning(orchestrator)
    return _deployment(serve.ingress()(Gateway), "gateway", settings.gateway.scaling).bind(
        reasoning,
        engine,
        settings.gateway,
        prompt_version=settings.orchestrator.prompt_version,
    )


def _deployment(cls: Callable[..., Any], name: str, scaling: Scaling) -> Any:
    """Scale one step; what the chart writes into Serve's `deployments` is laid over this, without a restart."""
    resources = {"num_cpus": scaling.num_cpus, "num_gpus": scaling.num_gpus, "memory": scaling.memory_bytes}
    per_node = scaling.max_replicas_per_node
    return serve.deployment(
        cls,
        name=name,
        autoscaling_config={
            "min_replicas": scaling.min_replicas,
            "max_replicas": scaling.max_replicas,
            "target_ongoing_requests": scaling.target_ongoing_requests,
            "upscale_delay_s": scaling.upscale_delay_s,
            "downscale_delay_s": scaling.downscale_delay_s,
        },
        max_ongoing_requests=scaling.max_ongoing_requests,
        max_queued_requests=scaling.max_queued_requests,
        ray_actor_options={key: value for key, value in resources.items() if value is not None},
        **({} if per_node is None else {"max_replicas_per_node": per_node}),
        max_surge_percent=scaling.max_surge_percent,
        health_check_period_s=scaling.health_check_period_s,
        health_check_timeout_s=scaling.health_check_timeout_s,
        graceful_shutdown_timeout_s=scaling.graceful_shutdown_timeout_s,
        # A checkpoint that is not there will not be there at the twentieth attempt, Serve's default.
        max_constructor_retry_count=3,
    )


def _affinity(settings: AffinitySettings) -> RequestRouterConfig:
    return RequestRouterConfig(
        request_router_class="serve_app.engines.affinity.AffinityRouter", request_router_kwargs=settings.model_dump()
    )


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
            otlp_endpoint=settings.telemetry.otlp_endpoint,
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

        return TritonEngine(settings.engine.triton, settings.model.name)

    def make_openai(_: Timeline) -> Engine:
        from serve_app.engines.openai_engine import OpenAIEngine

        return OpenAIEngine(
            settings.engine.openai,
            settings.model.name,
            settings.engine.stream_interval_tokens,
            adapters=settings.orchestrator.adapters,
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
