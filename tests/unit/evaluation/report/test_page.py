"""The page shows the worst first, escapes what a model wrote and needs nothing from outside."""

import io
import re
from collections.abc import Iterable
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path

import pytest
from PIL import Image

from evaluation.predictions import Prediction, Text
from evaluation.report.cases import image_data_url, worst_cases
from evaluation.report.page import render, write_page
from evaluation.result import score_run
from serve_app.domain.facts import Fact

LEFT, RIGHT = "Tràn dịch màng phổi trái.", "Tràn dịch màng phổi phải."
ATTACK = "<script>alert(1)</script><img src=x onerror=alert(2)>\"'&"
HEADER = {"model": "m<b>", "engine": "e", "engine_version": "1", "prompt_version": "p", "data_sha256": "d"}


def prediction(study_id: str, reference: str, draft: str | None) -> Prediction:
    told = None if draft is None else Text(draft, draft, "complete", "complete")
    return Prediction(study_id, f"p-{study_id}", Text(reference, reference), told, None if told else "overloaded")


RUN = [
    prediction("good", LEFT, LEFT),
    prediction("missed", LEFT, "Bóng tim to."),
    prediction("swapped", LEFT, RIGHT),
    prediction(ATTACK, LEFT, ATTACK),
    prediction("failed", LEFT, None),
]


class Elements(HTMLParser):
    def __init__(self, html: str) -> None:
        super().__init__()
        self.found: list[tuple[str, dict[str, str | None]]] = []
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found.append((tag, dict(attrs)))

    def of(self, tag: str) -> list[dict[str, str | None]]:
        return [attributes for name, attributes in self.found if name == tag]


@pytest.fixture
def page(png: bytes) -> str:
    return render(
        score_run(HEADER, RUN, []), RUN, lambda studies: {study: png for study in studies if study != "missed"}
    )


def test_the_worst_come_first_and_the_perfect_not_at_all() -> None:
    cases = worst_cases(RUN, 8)
    assert [case.study_id for case in cases] == ["swapped", ATTACK, "missed"]
    assert cases[0].missed == ("effusion left",) and cases[0].invented == ("effusion right",)
    assert [case.study_id for case in worst_cases(RUN, 1)] == ["swapped"]


def test_what_a_model_wrote_is_text(page: str) -> None:
    assert "<script" not in page
    assert all("onerror" not in attributes for _, attributes in Elements(page).found)
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in page
    assert "m&lt;b&gt;" in page


def test_nothing_is_fetched(page: str) -> None:
    elements = Elements(page)
    assert not {"script", "link", "iframe", "object"} & {tag for tag, _ in elements.found}
    addresses = [
        value or ""
        for _, attributes in elements.found
        for name, value in attributes.items()
        if name in ("src", "href", "xlink:href", "action", "data")
    ]
    assert addresses and all(address.startswith(("data:image/png;base64,", "#")) for address in addresses)
    assert not re.search(r"url\((?!#)|@import", page)
    assert "default-src 'none'" in page


def test_a_reader_of_the_screen_is_told_everything(page: str) -> None:
    elements = Elements(page)
    assert elements.of("html")[0]["lang"] == "en"
    assert all(image["alt"] for image in elements.of("img"))
    assert all(drawing["role"] == "img" and drawing["aria-label"] for drawing in elements.of("svg"))
    assert all("scope" in cell for cell in elements.of("th"))
    assert {one.get("lang") for one in elements.of("div") if one.get("class") == "text"} == {"vi"}
    ids = [attributes["id"] for tag, attributes in elements.found if tag == "h3"]
    assert len(ids) == len(set(ids)) == 3


def test_it_says_that_it_is_a_draft_and_what_failed(page: str) -> None:
    assert "Draft research report" in page
    assert "overloaded: 1" in page
    assert "The film cannot be shown" in page


def test_labels_and_concerns_are_on_the_page(page: str) -> None:
    assert "Pleural effusion" in page and "Pleural Effusion" in page
    assert "not-a-report" in page


@pytest.mark.parametrize("truth", [None, frozenset[Fact]()])
def test_scores_of_drawn_films_are_said_to_be_none_of_real_ones(truth: frozenset[Fact] | None) -> None:
    run = [replace(prediction("a", LEFT, LEFT), truth=truth)]
    assert ("Not a score of real films" in render(score_run(HEADER, run, []), run, lambda _: {})) is (truth is not None)


def test_a_perfect_run_has_a_page_too(tmp_path: Path) -> None:
    run = [prediction("a", "Không tràn dịch màng phổi.", "Không tràn dịch màng phổi.")]

    def no_images(studies: Iterable[str]) -> dict[str, bytes]:
        raise AssertionError("no case, no image")

    page = write_page(tmp_path, score_run(HEADER, run, []), run, no_images).read_text(encoding="utf-8")
    assert "No report tells a finding present" in page
    assert "one patient only" in page


def test_a_film_of_any_kind_becomes_a_small_png(png: bytes) -> None:
    large = io.BytesIO()
    Image.new("I;16", (900, 1200), 3000).save(large, "PNG")
    assert (image_data_url(large.getvalue()) or "").startswith("data:image/png;base64,")
    assert len(image_data_url(large.getvalue()) or "") < 20_000
    assert image_data_url(b"no image") is None
