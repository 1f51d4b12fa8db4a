"""Every number in a table of results stands in the result file that its row links to."""

import pytest

from tests.docs.pages import ROOT, Cell, Row, pages, rows
from tests.docs.results import missing, printed, states_results

STATED = [row for page in pages() for row in rows(page) if states_results(row)]
HEADLINES = [row for row in STATED if row.page == ROOT / "README.md"]


@pytest.mark.parametrize("row", STATED, ids=str)
def test_every_number_is_in_the_result_file(row: Row) -> None:
    assert missing(row) == []


def test_the_readme_has_ten_headline_numbers() -> None:
    assert len(HEADLINES) == 10


def test_no_row_of_results_is_without_a_number() -> None:
    assert [str(row) for row in STATED if not any(printed(cell.text) for cell in row.cells[1:-1])] == []


@pytest.mark.parametrize(
    ("text", "absent"),
    [
        ("74.6 (73.4 to 75.9)", []),
        ("75 (73 to 76)", []),
        ("74.7 (73.4 to 75.9)", ["74.7"]),
        ("7463 %", []),
        ("0.75", ["0.75"]),
    ],
)
def test_a_stale_number_is_found(text: str, absent: list[str]) -> None:
    link = "evaluation/results/demo.json#/scores/bleu"
    row = Row(ROOT / "README.md", (Cell("BLEU", ()), Cell(text, ()), Cell("demo.json", (link,))))
    assert missing(row) == absent
