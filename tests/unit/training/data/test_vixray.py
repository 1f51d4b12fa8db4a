"""Studies come out of tables row by row; a bad row is reported without a word of it, and left out."""

import base64
import json
import unicodedata
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from serve_app.domain.facts import Fact, Finding, Location, Polarity, Severity, Side
from serve_app.domain.study import Age, AgeUnit, Patient, Sex, View
from training.data import BadRow, ColumnError, ReportedStudy, read_studies
from training.data.fact_json import read_facts, write_facts
from training.data.prepare import prepare

Row = dict[str, Any]
Make = Callable[..., Row]
Write = Callable[..., Path]
SECRET = "bệnh nhân Nguyễn"


def read(source: Path, bad_rows: list[BadRow], **options: bool) -> list[ReportedStudy]:
    return list(read_studies(source, bad_rows.append, **options))


def test_a_row_becomes_a_study(row: Make, write_parquet: Write, bad_rows: list[BadRow]) -> None:
    cells = row(findings=unicodedata.normalize("NFD", " - Bóng tim to.\n"), Ages="84 tuổi")
    [study] = read(write_parquet([cells]), bad_rows)
    assert study.findings == "- Bóng tim to." and study.impression == "- Tim to."
    assert (study.patient, study.view) == (Patient(Sex.MALE, Age(84)), View.PA)
    assert study.image == cells["image"]["bytes"]
    assert study.facts is None and bad_rows == []


def test_decomposed_column_names_are_found(row: Make, write_parquet: Write, bad_rows: list[BadRow]) -> None:
    names = {unicodedata.normalize("NFD", name): cell for name, cell in row().items()}
    assert names.keys() != row().keys()
    assert len(read(write_parquet([names]), bad_rows)) == 1


def test_without_ids_the_image_names_the_patient_and_the_row_the_study(
    row: Make, write_parquet: Write, bad_rows: list[BadRow]
) -> None:
    one, other, again = read(write_parquet([row(1), row(2), row(1)]), bad_rows)
    assert one.patient_id == again.patient_id != other.patient_id
    assert one.patient_id.startswith("image:") and len(one.patient_id) == len("image:") + 64
    assert [one.study_id, other.study_id, again.study_id] == [f"part.parquet#{number}" for number in (1, 2, 3)]


def test_ids_and_facts_are_read_where_they_stand(row: Make, write_parquet: Write, bad_rows: list[BadRow]) -> None:
    fact = Fact(Finding.EFFUSION, Polarity.UNCERTAIN, Side.LEFT, Location.BASE, Severity.MILD)
    cells = row(PatientID="p1", study_id="s1", facts=write_facts({fact}))
    [study] = read(write_parquet([cells]), bad_rows)
    assert (study.patient_id, study.study_id, study.facts) == ("p1", "s1", frozenset({fact}))


@pytest.mark.parametrize("named", [{"study_id": "s1"}, {"study_id": "s1", "patient_id": "nan"}, {"study_id": 1.0}])
def test_without_a_patient_id_the_study_names_the_patient(
    named: Row, row: Make, write_parquet: Write, bad_rows: list[BadRow]
) -> None:
    studies = read(write_parquet([row(1, view="PA", **named), row(2, view="LATERAL", **named)]), bad_rows)
    assert [study.patient_id for study in studies] == [f"study:{studies[0].study_id}"] * 2
    assert studies[0].study_id in ("s1", "1") and bad_rows == []


def test_a_number_is_one_id_whether_it_was_stored_as_an_integer_or_a_float(
    row: Make, write_parquet: Write, tmp_path: Path, bad_rows: list[BadRow]
) -> None:
    for name, number in (("integers", 123), ("floats", 123.0), ("texts", "123")):
        write_parquet(
            [row(patient_id=number, study_id=number), row(patient_id=None, study_id=None)], f"data/{name}.parquet"
        )
    studies = read(tmp_path / "data", bad_rows)
    assert [(study.patient_id, study.study_id) for study in studies[::2]] == [("123", "123")] * 3
    assert all(study.patient_id.startswith("image:") for study in studies[1::2])


def test_a_fact_may_leave_out_what_is_not_said() -> None:
    assert read_facts([{"finding": "cardiomegaly"}]) == {Fact(Finding.CARDIOMEGALY)}


def test_a_folder_is_read_in_sorted_order(row: Make, write_parquet: Write, write_jsonl: Write, tmp_path: Path) -> None:
    write_parquet([row(2, study_id="second")], "data/b.parquet")
    write_parquet([row(1, study_id="first")], "data/a.parquet")
    write_jsonl([row(3, study_id="third", image=base64.b64encode(row(3)["image"]["bytes"]).decode())], "data/c/d.jsonl")
    write_parquet([row(4, study_id="hidden")], "data/.cache/a.parquet")
    assert [study.study_id for study in read(tmp_path / "data", [])] == ["first", "second", "third"]


@pytest.mark.parametrize("form", ["base64", "data", "path", "struct of base64", "struct of path"])
def test_a_json_line_holds_its_image_in_any_form(
    form: str, row: Make, write_jsonl: Write, tmp_path: Path, bad_rows: list[BadRow]
) -> None:
    image = row()["image"]["bytes"]
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "film.png").write_bytes(image)
    code = base64.b64encode(image).decode()
    cell: Any = {
        "base64": code,
        "data": f"data:image/png;base64,{code}",
        "path": "film.png",
        "struct of base64": {"bytes": code, "path": "elsewhere.png"},
        "struct of path": {"bytes": None, "path": "film.png"},
    }[form]
    [study] = read(write_jsonl([row(image=cell)]), bad_rows)
    assert study.image == image


BAD_CELLS = {
    "an empty findings text": ({"findings": "  "}, "findings is empty"),
    "a missing impression": ({"impressions": None}, "impression is empty"),
    "a missing image file": ({"image": {"bytes": None, "path": f"{SECRET}.png"}}, "image file is missing"),
    "no image": ({"image": {"bytes": None, "path": None}}, "image is missing"),
    "an image of another kind": (
        {"image": {"bytes": SECRET.encode(), "path": None}},
        "a text file; send",
    ),
    "unknown facts": ({"facts": json.dumps([{"finding": SECRET}])}, "facts cannot be read"),
    "facts that are no list": ({"facts": "{}"}, "facts cannot be read"),
}


@pytest.mark.parametrize("name", BAD_CELLS)
def test_a_bad_cell_leaves_its_row_out_and_no_other(
    name: str, row: Make, write_parquet: Write, bad_rows: list[BadRow]
) -> None:
    cells, reason = BAD_CELLS[name]
    blank = {"facts": None} if "facts" in cells else {}
    studies = read(write_parquet([row(1, **blank), row(2, **cells), row(3, **blank)]), bad_rows)
    assert [study.study_id for study in studies] == ["part.parquet#1", "part.parquet#3"]
    [bad] = bad_rows
    assert (bad.file, bad.row) == ("part.parquet", 2)
    assert reason in bad.reason and SECRET not in bad.reason


AGES = ("{}", " {} ", "{} tuổi", "{:03d}Y", "{}.0", "{}y", "{} t", "{} TUỔI", "{} years old")


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=20, deadline=None)
@given(st.integers(0, 120), st.sampled_from(AGES), st.sampled_from(["NFC", "NFD"]))
def test_an_age_is_read_in_every_form(row: Make, write_jsonl: Write, years: int, form: str, composition: str) -> None:
    code = base64.b64encode(row()["image"]["bytes"]).decode()
    cells = (unicodedata.normalize(composition, form.format(years)), years, float(years))
    studies = read(write_jsonl([row(image=code, Ages=cell) for cell in cells]), [])
    assert [study.patient.age for study in studies] == [Age(years)] * 3


@pytest.mark.parametrize(
    ("cells", "patient", "view"),
    [
        ({"Ages": "6 tháng", "sex": "Khác"}, Patient(Sex.OTHER, Age(6, AgeUnit.MONTHS)), View.PA),
        ({"Ages": "3 ngày tuổi", "view": "thẳng"}, Patient(Sex.MALE, Age(3, AgeUnit.DAYS)), View.FRONTAL),
        ({"Ages": "006M", "view": "Không rõ"}, Patient(Sex.MALE, Age(6, AgeUnit.MONTHS)), None),
        ({"Ages": float("nan"), "sex": "nan", "view": None}, Patient(), None),
    ],
)
def test_patient_and_view_are_read_in_the_words_of_serving(
    cells: dict[str, object], patient: Patient, view: View | None, row: Make, write_jsonl: Write, bad_rows: list[BadRow]
) -> None:
    code = base64.b64encode(row()["image"]["bytes"]).decode()
    [study] = read(write_jsonl([row(image=code, **cells)]), bad_rows)
    assert (study.patient, study.view, study.unread) == (patient, view, ())


@pytest.mark.parametrize(
    "cells",
    [
        {"Ages": SECRET},
        {"Ages": "184"},
        {"Ages": 84.5},
        {"Ages": True},
        {"sex": SECRET},
        {"view": SECRET},
        {"view": ["PA"]},
    ],
    ids=str,
)
def test_a_row_with_an_unreadable_age_sex_or_view_is_kept_and_says_so(
    cells: dict[str, object], row: Make, write_jsonl: Write, bad_rows: list[BadRow]
) -> None:
    code = base64.b64encode(row()["image"]["bytes"]).decode()
    [study] = read(write_jsonl([row(image=code, **cells)]), bad_rows)
    known = {"Ages": study.patient.age, "sex": study.patient.sex, "view": study.view}
    [name] = cells
    assert [field for field, value in known.items() if value is None] == [name]
    assert study.unread == ({"Ages": "age"}.get(name, name),)
    assert not bad_rows


def test_an_image_cut_short_is_a_bad_row(row: Make, write_parquet: Write, bad_rows: list[BadRow]) -> None:
    cut = {"bytes": row()["image"]["bytes"][:-300], "path": None}
    assert read(write_parquet([row(image=cut)]), bad_rows) == []
    assert "truncated" in bad_rows[0].reason


BAD_LINES = ['{"image": "a.png", ', "[1, 2]", "7", '"\\ud800"', "[" * 100_000, f'{{"{SECRET}']


@pytest.mark.parametrize("line", BAD_LINES)
def test_a_broken_line_leaves_the_others(line: str, row: Make, write_jsonl: Write, bad_rows: list[BadRow]) -> None:
    cells = row(image=base64.b64encode(row()["image"]["bytes"]).decode())
    assert len(read(write_jsonl([cells, line, cells]), bad_rows)) == 2
    assert [bad.row for bad in bad_rows] == [2] and SECRET not in bad_rows[0].reason


@pytest.mark.parametrize(
    "cells", [{"findings": ["a list"]}, {"findings": "\ud800"}, {"image": "data:image/png;base64,@@"}, {"image": 7}]
)
def test_json_cells_of_a_wrong_kind_are_bad_rows(cells: Row, row: Make, tmp_path: Path, bad_rows: list[BadRow]) -> None:
    file = tmp_path / "part.jsonl"
    file.write_text(json.dumps({**row(image="film.png"), **cells}) + "\n")
    assert read(file, bad_rows) == []
    assert len(bad_rows) == 1


def test_text_that_is_no_utf_8_is_a_bad_row(
    row: Make, write_parquet: Write, tmp_path: Path, bad_rows: list[BadRow]
) -> None:
    path = write_parquet([row(1), row(2, findings="XXXXXXXX"), row(3)])
    path.write_bytes(path.read_bytes().replace(b"XXXXXXXX", b"\xff" * 8))
    assert len(read(path, bad_rows)) == 2
    assert [bad.row for bad in bad_rows] == [2]


def test_a_json_line_may_leave_out_what_is_empty(row: Make, write_jsonl: Write, bad_rows: list[BadRow]) -> None:
    code = base64.b64encode(row()["image"]["bytes"]).decode()
    short = {"image": code, "findings": "a", "impressions": "b"}
    studies = read(write_jsonl([row(image=code), short, {"image": code}, {**short, "Ghi chú": "x"}]), bad_rows)
    assert [study.patient.age for study in studies] == [Age(84), None, None]
    assert [bad.row for bad in bad_rows] == [3]


@pytest.mark.parametrize("kind", ["parquet", "jsonl"])
def test_an_unknown_column_stops_the_reading(
    kind: str, row: Make, write_parquet: Write, write_jsonl: Write, bad_rows: list[BadRow]
) -> None:
    code = base64.b64encode(row()["image"]["bytes"]).decode()
    cells = row(image=code, finding_text="x")
    path = write_jsonl([row(image=code), cells]) if kind == "jsonl" else write_parquet([row(finding_text="x")])
    with pytest.raises(ColumnError, match=rf"part\.{kind}: unknown column 'finding_text'"):
        read(path, bad_rows)
    assert len(read(path, bad_rows, allow_extra_columns=True)) == (2 if kind == "jsonl" else 1)


def test_a_file_that_is_no_table_is_named(tmp_path: Path) -> None:
    (tmp_path / "part.parquet").write_bytes(b"PAR1 but no more")
    with pytest.raises(ColumnError, match=r"part\.parquet: not a readable Parquet file"):
        read(tmp_path, [])


@pytest.mark.parametrize(("first", "last"), [(0.4, 0.6), (0.99, 0.995)])
def test_a_damaged_file_is_named(first: float, last: float, row: Make, write_parquet: Write, tmp_path: Path) -> None:
    write_parquet([row(0)], "data/a.parquet")
    path = write_parquet([row(number) for number in range(20)], "data/b.parquet", row_group_size=10)
    whole = path.read_bytes()
    start, end = (int(len(whole) * share) for share in (first, last))
    path.write_bytes(whole[:start] + bytes(255 - byte for byte in whole[start:end]) + whole[end:])
    with pytest.raises(ColumnError, match=r"b\.parquet: not a readable Parquet file"):
        prepare(tmp_path / "data", tmp_path / "out", 4)


def test_an_empty_folder_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match=r"no \.parquet or \.jsonl"):
        read(tmp_path, [])


def test_the_first_study_comes_before_the_second_row_group_is_read(
    row: Make, write_parquet: Write, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = write_parquet([row(number) for number in range(6)], row_group_size=2)
    groups: list[int] = []
    iter_batches = pq.ParquetFile.iter_batches

    def counted(table: pq.ParquetFile, *args: Any, row_groups: list[int], **options: Any) -> Iterator[Any]:
        groups.extend(row_groups)
        return iter_batches(table, *args, row_groups=row_groups, **options)

    monkeypatch.setattr(pq.ParquetFile, "iter_batches", counted)
    studies = read_studies(path, lambda bad: None)
    next(studies)
    assert groups == [0]
    assert len(list(studies)) == 5
    assert groups == [0, 1, 2]


def test_json_lines_are_read_one_by_one(row: Make, write_jsonl: Write) -> None:
    code = base64.b64encode(row()["image"]["bytes"]).decode()
    studies = read_studies(write_jsonl([row(image=code), {"unknown": "column"}]), lambda bad: None)
    assert next(studies).study_id == "part.jsonl#1"
    with pytest.raises(ColumnError):
        next(studies)
