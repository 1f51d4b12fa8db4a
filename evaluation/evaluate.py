"""`clara evaluate`: drafts a report for every study of a data set and scores it against the reader's.

Every `clara` command imports this module, so heavy imports happen only when it runs.
"""

import asyncio
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.console import Console
from rich.table import Table

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable

    from evaluation.drafters import Drafter
    from serve_app.client import ConnectionOptions
    from serve_app.settings import Settings

UNUSABLE = 2
"""Exit code if the input cannot be used, or no draft is possible."""

_SHOWN = (
    *("fact_f1_side", "fact_precision_side", "fact_recall_side", "findings_f1_side", "impression_f1_side"),
    *("false_reassurance_ratio", "critical_recall", "contradiction_ratio", "significance_score"),
    *("high_concern_ratio", "unread_sentence_ratio", "bleu", "rouge_l"),
)


def evaluate(
    data: Annotated[Path, typer.Option(exists=True, help="Studies: a Parquet or JSONL file, or a folder of them.")],
    model: Annotated[
        Path | None, typer.Option(exists=True, file_okay=False, help="Checkpoint to run in this process.")
    ] = None,
    url: Annotated[str | None, typer.Option(help="URL of a running platform to use instead.")] = None,
    key: Annotated[str | None, typer.Option(envvar="CLARA_API_KEY", help="With --url: an API key for it.")] = None,
    ca_file: Annotated[
        Path | None, typer.Option(exists=True, dir_okay=False, help="With --url: certificate authorities to trust.")
    ] = None,
    out: Annotated[Path, typer.Option(help="Folder for predictions, result.json and report.html.")] = Path(
        "runs/evaluation"
    ),
    limit: Annotated[int | None, typer.Option(min=1, help="Only the first studies.")] = None,
    word_level: Annotated[bool, typer.Option("--word-level", help="BLEU and ROUGE-L over words by pyvi.")] = False,
    concurrency: Annotated[int, typer.Option(min=1, help="Studies in progress at a time.")] = 4,
    config: Annotated[
        Path | None,
        typer.Option(exists=True, dir_okay=False, help="With --model: settings as YAML, as for `clara up`."),
    ] = None,
) -> None:
    """Score drafts against readers' reports: facts, contradictions, BLEU, ROUGE-L, with intervals and baselines.

    The folder holds report texts: keep it as confidential as the data. Run the same command again to resume
    after an interruption; failed studies are retried.
    """
    if (model is None) == (url is None):
        raise typer.BadParameter("give either --model or --url")
    from evaluation.drafters import DrafterGone
    from evaluation.metrics.lexical import Level
    from evaluation.predictions import UnusableFolder
    from evaluation.result import NothingToScore
    from evaluation.run import StudyReader, run

    opener, header = _by_url(url, {"api_key": key, "ca_file": ca_file}) if url is not None else _by_model(model, config)
    level = Level.WORD if word_level else Level.SYLLABLE
    try:
        result = asyncio.run(run(StudyReader(data, limit), opener, out, header, concurrency=concurrency, level=level))
    except DrafterGone as error:
        _stop(f"{error}. Finished drafts are kept: run the same command again to resume.")
    # ColumnError and an unknown kind of file are ValueErrors.
    except (UnusableFolder, NothingToScore, FileNotFoundError, ValueError) as error:
        _stop(str(error))
    _print(result, out)


def _by_url(
    url: str, connection: "ConnectionOptions"
) -> "tuple[Callable[[], AbstractAsyncContextManager[Drafter]], dict[str, Any]]":
    from evaluation.drafters import PlatformDrafter
    from serve_app.client import AsyncClient

    @asynccontextmanager
    async def opened() -> "AsyncIterator[Drafter]":
        async with AsyncClient(url, **connection) as client:
            yield PlatformDrafter(client)

    return opened, {}


def _by_model(
    model: Path | None, config: Path | None
) -> "tuple[Callable[[], AbstractAsyncContextManager[Drafter]], dict[str, Any]]":
    from evaluation.in_process import drafting_in_process, make_engine
    from serve_app.engines.checkpoint import checkpoint_sha256

    assert model is not None
    settings = _settings(model, config)
    header = {
        "checkpoint_sha256": checkpoint_sha256(model),
        "dtype": settings.model.dtype,
        "max_visual_tokens": settings.preprocessor.max_visual_tokens,
        "max_findings_tokens": settings.orchestrator.max_findings_tokens,
        "max_impression_tokens": settings.orchestrator.max_impression_tokens,
    }
    return lambda: drafting_in_process(settings, make_engine), header


def _settings(model: Path, config: Path | None) -> "Settings":
    import yaml
    from pydantic import ValidationError

    from serve_app.settings import Settings

    try:
        values = (yaml.safe_load(config.read_text(encoding="utf-8")) or {}) if config else {}
        return Settings.model_validate({**values, "model": {**values.get("model", {}), "source": str(model)}})
    except (ValidationError, yaml.YAMLError, TypeError, AttributeError) as error:
        raise typer.BadParameter(str(error), param_hint="--config") from error


def _stop(message: str) -> None:
    Console(stderr=True, highlight=False, soft_wrap=True).print(message, style="bold red", markup=False)
    raise typer.Exit(UNUSABLE)


def _print(result: dict[str, Any], out: Path) -> None:
    console, counts = Console(highlight=False, soft_wrap=True), result["counts"]
    table = Table("figure", "value", "95 % interval", "always normal")
    for name in _SHOWN:
        found, normal = result["scores"][name], result["baselines"]["always_normal"][name]
        bounds = f"{found['low']:.3f} to {found['high']:.3f}"
        table.add_row(name, f"{found['value']:.3f}", bounds, f"{normal['value']:.3f}")
    console.print(table)
    console.print(
        f"{counts['num_drafts']} drafts of {counts['num_studies']} studies, {counts['num_bad_rows']} bad rows; "
        f"failed: {counts['failed'] or 'none'}",
        markup=False,
    )
    if result["what"]:
        console.print(result["what"], markup=False)
    console.print(f"{out / 'result.json'}, {out / 'report.html'}", markup=False)
