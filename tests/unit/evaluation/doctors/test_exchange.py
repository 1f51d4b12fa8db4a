"""`clara import-ratings` and `clara export-ratings` carry scores both ways and keep a report's words to the files."""

import json
import subprocess
import sys
from pathlib import Path

import click
import pytest
import typer
from click.testing import Result
from typer.testing import CliRunner

from evaluation.doctors.exchange import export_ratings, import_ratings
from evaluation.doctors.records import Rating, Section, read_ratings, write_ratings
from evaluation.predictions import Prediction, PredictionBook, Text

app = typer.Typer()
app.command("import-ratings")(import_ratings)
app.command("export-ratings")(export_ratings)
RUN = CliRunner(env={"COLUMNS": "200"})

TEXTS = [
    ("- BÓNG TIM TO\n- CÒN MÁY TẠO NHỊP", "- BÓNG TIM TO"),
    ("Phổi\u2028sáng đều\r\n", "Không thấy bất thường"),
]
SCORES = [(1, 5), (3, 3)]


def first_version_line(sample: int, answer: int, score: int) -> str:
    words = TEXTS[sample][answer - 1]
    turn = {"sample_idx": sample, "answer_idx": answer, "generated": f"{words}?", "ground_truth": words, "score": score}
    return json.dumps(turn, ensure_ascii=False) + "\n"


@pytest.fixture
def records(tmp_path: Path) -> Path:
    """Both sections of every sample, as the first version wrote them."""
    file = tmp_path / "first_version.jsonl"
    lines = [first_version_line(sample, answer, SCORES[sample][answer - 1]) for sample in (0, 1) for answer in (1, 2)]
    file.write_bytes("".join(lines).encode())
    return file


def run_over(folder: Path, *studies: str) -> Path:
    """A run's folder with a draft of each study, of the same texts in the same order."""
    book = PredictionBook(folder, {"model": "v1"})
    for study, (findings, impression) in zip(studies, TEXTS, strict=False):
        book.append(Prediction(study, f"p{study}", Text(findings, impression), Text(f"{findings}?", f"{impression}?")))
    return folder


def rated(file: Path, *samples: str, raters: str = "a", version: str = "v1") -> Path:
    write_ratings(
        file,
        [
            Rating(
                rater=rater,
                model_version=version,
                sample=sample,
                section=Section.FINDINGS,
                accuracy=2,
                completeness=5,
                errors=None,
            )
            for rater in raters
            for sample in samples
        ],
    )
    return file


def imported(records: Path, ratings: Path, rater: str = "bs-1") -> Result:
    return RUN.invoke(app, ["import-ratings", str(records), str(ratings), "--rater", rater, "--model-version", "v1"])


def exported(ratings: Path, run: Path, records: Path, *options: str, axis: str = "accuracy") -> Result:
    return RUN.invoke(app, ["export-ratings", str(ratings), str(run), str(records), "--axis", axis, *options])


def assert_wordless(result: Result) -> None:
    words = {word for texts in TEXTS for text in texts for word in text.split() if len(word) > 1}
    assert not [word for word in words if word in result.output]


def assert_refused(result: Result, message: str) -> None:
    assert result.exit_code == 1
    assert message in result.stderr and "Traceback" not in result.output
    assert_wordless(result)


@pytest.mark.parametrize("axis", ["accuracy", "completeness"])
def test_imported_and_exported_against_its_run_the_first_versions_file_is_the_same_byte_for_byte(
    records: Path, axis: str, tmp_path: Path
) -> None:
    into = imported(records, tmp_path / "ratings.jsonl")
    back = exported(
        tmp_path / "ratings.jsonl", run_over(tmp_path / "run", "0", "1"), tmp_path / "again.jsonl", axis=axis
    )

    assert (into.exit_code, back.exit_code) == (0, 0)
    assert (tmp_path / "again.jsonl").read_bytes() == records.read_bytes()
    assert_wordless(into)
    assert_wordless(back)


def test_importing_says_in_one_line_what_was_taken_for_what(records: Path, tmp_path: Path) -> None:
    result = imported(records, tmp_path / "ratings.jsonl")

    assert result.stdout == ""
    assert result.stderr.count("\n") == 1
    assert "lines read: 4;" in result.stderr and "both axes" in result.stderr
    assert {(one.rater, one.model_version, one.errors) for one in read_ratings(tmp_path / "ratings.jsonl")} == {
        ("bs-1", "v1", None)
    }


def test_a_section_scored_twice_ends_in_both_line_numbers_and_no_file(records: Path, tmp_path: Path) -> None:
    records.write_bytes(records.read_bytes() + first_version_line(0, 2, 1).encode())

    assert_refused(imported(records, tmp_path / "ratings.jsonl"), "line 5 repeats the rating of line 2")
    assert not (tmp_path / "ratings.jsonl").exists()


def test_a_line_that_is_no_turn_is_named_and_not_quoted(records: Path, tmp_path: Path) -> None:
    records.write_bytes(records.read_bytes() + first_version_line(1, 1, 9).encode())

    assert_refused(imported(records, tmp_path / "ratings.jsonl"), "first_version.jsonl:5: score: ")


def test_a_raters_name_in_place_of_a_code_is_refused(records: Path, tmp_path: Path) -> None:
    result = imported(records, tmp_path / "ratings.jsonl", rater="Bác sĩ An")

    assert result.exit_code == 2
    assert "--rater" in click.unstyle(result.stderr)
    assert not (tmp_path / "ratings.jsonl").exists()


def test_no_file_is_written_over(records: Path, tmp_path: Path) -> None:
    ratings, run = rated(tmp_path / "ratings.jsonl", "0"), run_over(tmp_path / "run", "0")
    before = ratings.read_bytes(), records.read_bytes()

    assert_refused(imported(records, ratings), "ratings.jsonl already exists")
    assert_refused(exported(ratings, run, records), "first_version.jsonl already exists")
    assert (ratings.read_bytes(), records.read_bytes()) == before


def test_a_folder_to_write_in_that_is_not_there_is_named(records: Path, tmp_path: Path) -> None:
    assert_refused(imported(records, tmp_path / "nowhere" / "ratings.jsonl"), "nowhere")


def test_ratings_without_a_draft_are_counted_aloud(tmp_path: Path) -> None:
    ratings = rated(tmp_path / "ratings.jsonl", "s1", "s7", "s8")

    result = exported(ratings, run_over(tmp_path / "run", "s0", "s1"), tmp_path / "out.jsonl")

    assert result.exit_code == 0
    assert result.stdout == ""
    assert "lines written: 1; " in result.stderr and "without a draft of their sample: 2\n" in result.stderr
    assert (tmp_path / "out.jsonl").read_text(encoding="utf-8") == first_version_line(1, 1, 2)


@pytest.mark.parametrize("studies", [(), ("s0", "s1")])
def test_ratings_of_another_run_end_in_code_1_and_no_file(studies: tuple[str, ...], tmp_path: Path) -> None:
    ratings, run = rated(tmp_path / "ratings.jsonl", "s7", "s8"), run_over(tmp_path / "run", *studies)

    assert_refused(exported(ratings, run, tmp_path / "out.jsonl"), "no sample of the 2 ratings")
    assert not (tmp_path / "out.jsonl").exists()


def test_of_several_raters_one_is_to_be_chosen(tmp_path: Path) -> None:
    ratings, run = rated(tmp_path / "ratings.jsonl", "s0", raters="ab"), run_over(tmp_path / "run", "s0")

    assert_refused(exported(ratings, run, tmp_path / "out.jsonl"), "choose one with --rater: a, b")
    assert exported(ratings, run, tmp_path / "out.jsonl", "--rater", "b").exit_code == 0


def test_of_several_versions_one_is_to_be_chosen(tmp_path: Path) -> None:
    old, new = (rated(tmp_path / f"{version}.jsonl", "s0", version=version) for version in ("v1", "v2"))
    ratings, run = tmp_path / "ratings.jsonl", run_over(tmp_path / "run", "s0")
    ratings.write_bytes(old.read_bytes() + new.read_bytes())

    assert_refused(exported(ratings, run, tmp_path / "out.jsonl"), "choose one with --model-version: v1, v2")
    assert exported(ratings, run, tmp_path / "out.jsonl", "--model-version", "v2").exit_code == 0


def test_the_axis_is_never_assumed(tmp_path: Path) -> None:
    ratings, run = rated(tmp_path / "ratings.jsonl", "s0"), run_over(tmp_path / "run", "s0")

    result = RUN.invoke(app, ["export-ratings", str(ratings), str(run), str(tmp_path / "out.jsonl")])

    assert result.exit_code == 2
    assert "--axis" in click.unstyle(result.stderr)


def test_a_damaged_run_is_refused_without_its_words(tmp_path: Path) -> None:
    ratings, run = rated(tmp_path / "ratings.jsonl", "s0"), run_over(tmp_path / "run", "s0")
    lines = run / "predictions.jsonl"
    lines.write_bytes(lines.read_bytes()[1:])

    assert_refused(exported(ratings, run, tmp_path / "out.jsonl"), "line 1: the line is damaged")


def test_a_draft_that_utf_8_cannot_hold_is_refused_and_leaves_no_file(tmp_path: Path) -> None:
    ratings, run = rated(tmp_path / "ratings.jsonl", "s0"), run_over(tmp_path / "run", "s0")
    lines = run / "predictions.jsonl"
    lines.write_bytes(lines.read_bytes().replace(b"?", b"\\ud800"))

    assert_refused(exported(ratings, run, tmp_path / "out.jsonl"), "surrogates not allowed")
    assert not (tmp_path / "out.jsonl").exists()


def test_the_module_loads_without_what_reads_a_run() -> None:
    program = (
        "import sys; import evaluation.doctors.exchange\n"
        "print({'scipy', 'sklearn', 'numpy', 'evaluation.predictions'} & set(sys.modules))"
    )
    run = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=60, check=True)
    assert run.stdout.strip() == "set()"
