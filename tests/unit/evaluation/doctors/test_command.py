"""`clara doctors` prints what was rated, and says plainly what is wrong with a file."""

import subprocess
import sys
from pathlib import Path

import pytest
import typer
from typer.testing import CliRunner

from evaluation.doctors.command import doctors
from evaluation.doctors.records import ErrorTick, Rating, Section, write_ratings

app = typer.Typer()
app.command()(doctors)
RUN = CliRunner(env={"COLUMNS": "200"})


def rate(
    file: Path, version: str, scores: dict[str, list[int]], errors: frozenset[ErrorTick] | None = frozenset()
) -> str:
    """Write each rater's accuracies of samples s0, s1, … to the file; its path as an argument."""
    write_ratings(
        file,
        [
            Rating(
                rater=rater,
                model_version=version,
                sample=f"s{number}",
                section=Section.FINDINGS,
                accuracy=score,
                completeness=3,
                errors=errors,
            )
            for rater, given in scores.items()
            for number, score in enumerate(given)
        ],
    )
    return str(file)


def test_scores_and_agreement_are_printed(tmp_path: Path) -> None:
    result = RUN.invoke(app, [rate(tmp_path / "one.jsonl", "v1", {"a": [1, 2, 3], "b": [1, 3, 3]})])

    assert result.exit_code == 0
    assert "a / b" in result.stdout and "0.80 [" in result.stdout
    assert "a and b always gave the same score" in result.stdout
    assert "2.17" in result.stdout


def test_one_rater_alone_is_told_that_there_is_no_agreement(tmp_path: Path) -> None:
    result = RUN.invoke(app, [rate(tmp_path / "one.jsonl", "v1", {"a": [1, 2]})])

    assert result.exit_code == 0
    assert "agreement needs two raters" in result.stdout


def test_another_version_is_subtracted(tmp_path: Path) -> None:
    new = rate(tmp_path / "new.jsonl", "v2", {"a": [2, 3, 4, 5]})
    old = rate(tmp_path / "old.jsonl", "v1", {"a": [1, 1, 1, 1]})

    result = RUN.invoke(app, [new, "--against", old])

    assert result.exit_code == 0
    assert "v2 minus v1" in result.stdout
    assert "2.50 [" in result.stdout and "0.125" in result.stdout
    assert "all differences are zero" in result.stdout


def test_ticks_that_nobody_asked_for_are_no_percentages(tmp_path: Path) -> None:
    new = rate(tmp_path / "new.jsonl", "v2", {"a": [2, 3]}, errors=None)
    old = rate(tmp_path / "old.jsonl", "v1", {"a": [1, 1]})

    result = RUN.invoke(app, [new, "--against", old])

    assert result.exit_code == 0
    assert "%" not in result.stdout.replace("(95 %)", "")
    assert result.stdout.count(" - ") == 3 * len(ErrorTick)


def test_sections_without_ticks_do_not_thin_out_the_shares_of_the_others(tmp_path: Path) -> None:
    asked = rate(tmp_path / "asked.jsonl", "v1", {"a": [1]}, errors=frozenset({ErrorTick.OTHER}))
    unasked = rate(tmp_path / "unasked.jsonl", "v1", {"b": [1]}, errors=None)
    both = tmp_path / "both.jsonl"
    both.write_bytes(Path(asked).read_bytes() + Path(unasked).read_bytes())

    result = RUN.invoke(app, [str(both)])

    assert "100%" in result.stdout and "50%" not in result.stdout


@pytest.mark.parametrize("text", ["{}\n", ""])
def test_a_file_that_cannot_be_compared_ends_in_one_message_and_code_1(text: str, tmp_path: Path) -> None:
    bad = tmp_path / "bad.jsonl"
    bad.write_text(text, encoding="utf-8")
    good = rate(tmp_path / "good.jsonl", "v1", {"a": [1, 2]})

    result = RUN.invoke(app, [good, "--against", str(bad)])

    assert result.exit_code == 1
    assert "Traceback" not in result.output
    assert ("bad.jsonl:1: " in result.output) if text else ("one model version" in result.output)


def test_the_module_loads_without_what_it_computes_with() -> None:
    program = "import sys; import evaluation.doctors.command; print({'scipy', 'sklearn', 'numpy'} & set(sys.modules))"
    run = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=60, check=True)
    assert run.stdout.strip() == "set()"
