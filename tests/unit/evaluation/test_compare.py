"""`clara compare`: its verdicts, its gates and its exit codes."""

from collections.abc import Callable
from pathlib import Path

import pytest
import typer
from click.testing import Result
from typer.testing import CliRunner

from evaluation.compare import compare
from evaluation.comparison import Row, Verdict, compare_runs
from evaluation.gates import Gate, UnusableGates, broken, read_gates
from evaluation.metrics.intervals import Interval
from evaluation.predictions import PREDICTIONS, Text, UnusableFolder
from evaluation.scores import METRICS

MakeRun = Callable[..., Path]
LEFT = Text("Tràn dịch màng phổi trái.", "Tràn dịch màng phổi trái.")
RIGHT = Text("Tràn dịch màng phổi phải.", "Tràn dịch màng phổi phải.")
NONE = Text("Không tràn dịch màng phổi.", "Tim phổi trong giới hạn bình thường.")


def command(*arguments: str | Path) -> Result:
    app = typer.Typer()
    app.command()(compare)
    return CliRunner().invoke(app, [str(argument) for argument in arguments])


@pytest.fixture
def good(make_run: MakeRun) -> Path:
    return make_run("good", [LEFT] * 10, [LEFT] * 10)


@pytest.fixture
def bad(make_run: MakeRun) -> Path:
    return make_run("bad", [LEFT] * 10, [RIGHT] * 10)


@pytest.fixture
def lenient(tmp_path: Path) -> Path:
    path = tmp_path / "lenient.yaml"
    path.write_text("rouge_l: {min: 0}")
    return path


def test_a_better_model_is_better_and_a_worse_one_worse(good: Path, bad: Path) -> None:
    there, back = compare_runs(bad, good).rows, compare_runs(good, bad).rows

    assert there["fact_f1_side"].verdict is Verdict.BETTER and there["side_flip_ratio"].verdict is Verdict.BETTER
    assert back["fact_f1_side"].verdict is Verdict.WORSE and back["side_flip_ratio"].verdict is Verdict.WORSE
    assert there["fact_f1_finding"].verdict is Verdict.UNCLEAR
    assert back["fact_f1_side"].difference.value == -1


def test_one_study_of_ten_is_unclear(make_run: MakeRun, good: Path) -> None:
    almost = make_run("almost", [LEFT] * 10, [*[LEFT] * 9, NONE])
    row = compare_runs(good, almost).rows["fact_f1_side"]
    assert row.difference.value < 0
    assert row.verdict is Verdict.UNCLEAR


def test_one_patient_is_unclear(make_run: MakeRun) -> None:
    """Resamples of one patient are all alike: their interval has no width and bounds nothing."""
    old = make_run("old", [LEFT] * 10, [RIGHT] * 10, patients=["p"] * 10)
    new = make_run("new", [LEFT] * 10, [*[LEFT] * 9, None], patients=["p"] * 10)
    rows = compare_runs(old, new).rows
    assert rows["fact_f1_side"].difference.value == 1
    assert {row.verdict for row in rows.values()} == {Verdict.UNCLEAR}


def test_a_study_more_in_the_new_run_is_compared_nowhere(make_run: MakeRun, good: Path) -> None:
    assert compare_runs(make_run("shorter", [LEFT] * 4, [LEFT] * 4), good).num_common == 4


def test_differences_are_over_studies_with_a_draft_in_both(make_run: MakeRun, good: Path) -> None:
    """A model that fails where it would be wrong gains nothing in the difference, and is seen to fail."""
    failing = make_run("failing", [LEFT] * 10, [*[LEFT] * 6, *[None] * 4])
    found = compare_runs(good, failing)

    assert found.num_common == 6
    assert found.rows["fact_f1_side"].difference.value == 0
    assert (found.rows["failed_ratio"].before, found.rows["failed_ratio"].after) == (0, 0.4)
    assert found.rows["failed_ratio"].verdict is Verdict.WORSE


def test_every_figure_is_compared(good: Path, bad: Path) -> None:
    assert set(compare_runs(good, bad).rows) == {*METRICS, "failed_ratio"} - {"truth_f1_side"}


def test_a_model_that_keeps_to_the_gates_passes(good: Path) -> None:
    result = command(good, good)
    assert result.exit_code == 0, result.output
    assert "gates passed" in result.output and "unclear" in result.output


def test_a_broken_gate_is_exit_code_1_and_named(good: Path, bad: Path) -> None:
    result = command(good, bad)
    assert result.exit_code == 1
    assert "gate failed: fact_f1_side 0.0000 is below 0.9" in result.output
    assert "gate failed: fact_f1_side fell by 1.0000" in result.output


def test_impressions_that_say_normal_of_a_pneumothorax_fail_though_the_headline_is_perfect(make_run: MakeRun) -> None:
    sick = Text("Tràn khí màng phổi trái lượng nhiều.", "Tràn khí màng phổi trái lượng nhiều.")
    reassuring = Text(sick.findings, "Tim phổi trong giới hạn bình thường.")
    right = make_run("right", [sick] * 10, [sick] * 10)
    result = command(right, make_run("reassuring", [sick] * 10, [reassuring] * 10))
    assert result.exit_code == 1
    assert "gate failed: false_reassurance_ratio 1.0000 is above 0.02" in result.output
    assert "gate failed: contradiction_ratio" in result.output
    assert "gate failed: fact_f1_side" not in result.output


def test_the_gates_can_be_ones_own(good: Path, bad: Path, lenient: Path) -> None:
    assert command(good, bad, "--gates", lenient).exit_code == 0


def test_input_of_no_use_is_exit_code_2_and_a_sentence(make_run: MakeRun, good: Path, tmp_path: Path) -> None:
    other_data = make_run("other", [LEFT], [LEFT], data="e")
    other_reference = make_run("changed", [RIGHT] * 10, [LEFT] * 10)
    failed = make_run("failed", [LEFT] * 10, [None] * 10)
    stopped = make_run("stopped", [LEFT] * 3, [LEFT] * 3)
    damaged = make_run("damaged", [LEFT], [LEFT])
    (damaged / PREDICTIONS).write_text("nonsense\n")
    for folder, words in [
        (tmp_path / "nowhere", "has no run"),
        (other_data, "over different data"),
        (other_reference, "different references"),
        (failed, "no study has a draft in both"),
        (stopped, "lacks 7 of the 10 studies"),
        (damaged, "line 1"),
    ]:
        result = command(good, folder)
        assert (result.exit_code, words in result.output) == (2, True), result.output


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ("a: [", "not valid YAML"),
        ("", "valid dictionary"),
        ("{}", "has no gate"),
        ("fact_f1_side: {least: 1}", "least"),
        ("fact_f1_side: {}", "at least one"),
        ("fact_f1_side: {min: }", "at least one"),
        ("fact_f1_side: {min: , max_drop: 0.01}", "a number"),
        ("fact_f1_side: {min: .nan}", "finite"),
        ("fact_f2: {min: 1}", "no such figure"),
        ("truth_f1_side: {min: 1}", "no such figure"),
    ],
)
def test_gates_of_no_use_are_exit_code_2(good: Path, tmp_path: Path, content: str, words: str) -> None:
    gates = tmp_path / "gates.yaml"
    gates.write_text(content)
    result = command(good, good, "--gates", gates)
    assert (result.exit_code, words in result.output) == (2, True), result.output


def test_gates_that_are_not_there_are_exit_code_2(good: Path, tmp_path: Path) -> None:
    assert command(good, good, "--gates", tmp_path / "nowhere.yaml").exit_code == 2


@pytest.mark.parametrize(
    ("gate", "is_broken"),
    [
        (Gate(min=0.75), False),
        (Gate(min=0.8125), True),
        (Gate(max=0.75), False),
        (Gate(max=0.6875), True),
        (Gate(max_drop=0.25), False),
        (Gate(max_drop=0.1875), True),
        (Gate(max_rise=0.0), False),
    ],
)
def test_a_bound_itself_is_allowed(gate: Gate, is_broken: bool) -> None:
    row = Row(1.0, 0.75, Interval(-0.25, -0.5, 0.0), is_higher_better=True)
    assert bool(broken({"f": gate}, {"f": row})) is is_broken


def test_a_rise_is_bounded() -> None:
    row = Row(0.0, 0.1, Interval(0.1, 0.0, 0.2), is_higher_better=False)
    assert broken({"f": Gate(max_rise=0.1)}, {"f": row}) == []
    assert broken({"f": Gate(max_rise=0.05)}, {"f": row}) == ["f rose by 0.1000, more than 0.05"]


def test_the_gates_that_come_along_are_about_figures_there_are() -> None:
    assert set(read_gates()) <= {*METRICS, "failed_ratio"}


def test_a_folder_of_another_kind_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "file"
    file.write_text("")
    with pytest.raises(UnusableFolder):
        compare_runs(file, file)
    with pytest.raises(UnusableGates):
        read_gates(tmp_path)
