"""Settings refuse what they do not know and explain themselves."""

from typing import Any

import pytest
from pydantic import BaseModel, ValidationError

from serve_app.settings import DEMO_CHECKPOINT, ModelSettings, Settings, Step, or_none


def steps(model: type[BaseModel] = Settings) -> list[type[BaseModel]]:
    nested = [field.annotation for field in model.model_fields.values()]
    found = [annotation for annotation in nested if isinstance(annotation, type) and issubclass(annotation, Step)]
    return [model, *(deeper for step in found for deeper in steps(step))]


def test_the_default_is_the_demo_that_comes_with_the_package() -> None:
    assert Settings().model.source == "demo"
    assert (DEMO_CHECKPOINT / "config.json").is_file()


@pytest.mark.parametrize(
    "args",
    [
        {"engin": {}},
        {"engine": {"backnd": "vllm"}},
        {"engine": {"backend": "magic"}},
        {"engine": {"scaling": {"min_replicas": 3, "max_replicas": 2}}},
        {"preprocessor": {"screen": {"pass_score": 0.2, "refuse_score": 0.3}}},
        {"gateway": {"max_upload_bytes": 0}},
        {"orchestrator": {"findings_adapter": "stage-1"}},
        {"model": {"adapters": {"stage-1": "/a"}}, "orchestrator": {"impression_adapter": "stage-2"}},
        {"engine": {"backend": "transformers"}, "orchestrator": {"findings_adapter": "stage-1"}},
        {"model": {"source": ""}},
        {"model": {"digest": "sha256:" + "0" * 64}},
        {"model": {"digest": "0" * 64}, "engine": {"backend": "openai"}},
        {"model": {"trained_views": ["oblique"]}},
        {"engine": {"kv_cache_bytes": "none"}},
        {"engine": {"block_size_tokens": 0}},
        {"gateway": {"scaling": {"memory_bytes": "auto"}}},
        {"gateway": {"scaling": {"max_replicas_per_node": 101}}},
    ],
)
def test_what_is_unknown_or_out_of_bounds_fails(args: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        Settings.model_validate(args)


def test_one_key_of_a_block_leaves_the_others_as_they_are() -> None:
    changed = Settings.model_validate({"engine": {"scaling": {"max_replicas": 4}}, "gateway": {"scaling": {}}})

    assert changed.engine.scaling.max_replicas == 4
    assert changed.engine.scaling.num_cpus == Settings().engine.scaling.num_cpus != changed.gateway.scaling.num_cpus
    assert changed.gateway == Settings().gateway


def test_settings_survive_the_serve_config() -> None:
    changed = Settings.model_validate({"engine": {"max_num_seqs": 3}, "preprocessor": {"max_visual_tokens": 1280}})

    assert Settings.model_validate(changed.model_dump(mode="json")) == changed


def test_every_leaf_says_what_it_means() -> None:
    silent = [
        f"{step.__name__}.{name}"
        for step in set(steps())
        for name, field in step.model_fields.items()
        if not field.description and not (isinstance(field.annotation, type) and issubclass(field.annotation, Step))
    ]

    assert silent == []


@pytest.mark.parametrize("step", steps(), ids=lambda step: step.__name__)
def test_no_field_is_null_or_takes_null(step: type[BaseModel]) -> None:
    """Helm drops a null, so an overlay could not set it over a number."""
    assert [
        name for name, field in step.model_fields.items() if field.get_default(call_default_factory=True) is None
    ] == []
    for name in step.model_fields:
        with pytest.raises(ValidationError, match=name):
            step.model_validate({name: None})


def test_a_word_stands_for_null_and_a_value_for_itself() -> None:
    assert [or_none(value, "auto") for value in ("auto", 0, 32, "fp8")] == [None, 0, 32, "fp8"]
    assert [or_none(value, "none") for value in ("none", 0, 32, "fp8")] == [None, 0, 32, "fp8"]


def test_the_word_of_another_setting_is_a_value() -> None:
    """Quantization "none" must fail in vLLM: taken for "auto", it would follow the checkpoint's configuration."""
    assert (or_none("none", "auto"), or_none("auto", "none")) == ("none", "auto")


@pytest.mark.parametrize(
    ("given", "name"),
    [
        ({}, "clara-demo"),
        ({"source": "/private/mine"}, "mine"),
        ({"source": "Qwen/Qwen2-VL-7B-Instruct", "name": "ours"}, "ours"),
    ],
)
def test_a_checkpoint_is_named_by_its_name_or_its_source(given: dict[str, str], name: str) -> None:
    assert ModelSettings.model_validate(given).checkpoint_name == name


@pytest.mark.parametrize(
    ("access", "mode", "is_audited", "has_records"),
    [
        ("open", "as-access", False, False),
        ("required", "as-access", True, True),
        ("required", "off", False, True),
        ("open", "required", True, True),
        ("open", "lenient", True, True),
    ],
)
def test_who_is_asked_decides_what_is_audited_unless_it_is_said(
    access: str, mode: str, is_audited: bool, has_records: bool
) -> None:
    settings = Settings.model_validate({"access": {"mode": access}, "audit": {"mode": mode}})

    assert (settings.is_audited, settings.has_records) == (is_audited, has_records)


@pytest.mark.parametrize("records", [{"url": "postgresql://clara@db/clara"}, {"url_file": "/etc/clara/url"}])
def test_a_shared_database_wants_shared_keys(records: dict[str, str]) -> None:
    keys = {"records": {**records, "encryption_key_file": "/etc/clara/records.key"}}
    shared = {"access": {"mode": "required"}, "records": records}
    with pytest.raises(ValidationError, match=r"audit\.key_file"):
        Settings.model_validate({**shared, **keys})
    with pytest.raises(ValidationError, match=r"encryption_key_file"):
        Settings.model_validate({**shared, "audit": {"mode": "off"}})

    assert Settings.model_validate({**shared, **keys, "audit": {"key_file": "/etc/clara/audit.pem"}}).is_audited
    assert not Settings.model_validate({**shared, **keys, "audit": {"mode": "off"}}).is_audited


def test_entries_are_kept_for_six_months_at_least() -> None:
    with pytest.raises(ValidationError, match="retention_days"):
        Settings.model_validate({"audit": {"retention_days": 183}})
