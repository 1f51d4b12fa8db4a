"""Writes report.html: figures, baselines, plots and the worst cases in one file without external links.

The template escapes all report texts.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from evaluation.predictions import Prediction
from evaluation.report.cases import image_data_url, worst_cases
from evaluation.report.plots import distribution, finding_bars
from evaluation.result import scored_texts
from evaluation.scores import report_f1

PAGE = "report.html"
NUM_CASES = 8

ReadImages = Callable[[Iterable[str]], dict[str, bytes]]
"""Reads image files by study id."""


def write_page(
    folder: Path, result: Mapping[str, Any], predictions: Sequence[Prediction], read_images: ReadImages
) -> Path:
    """Write the page of a run."""
    path = folder / PAGE
    path.write_text(render(result, predictions, read_images), encoding="utf-8")
    return path


def render(result: Mapping[str, Any], predictions: Sequence[Prediction], read_images: ReadImages) -> str:
    """Render the page's HTML."""
    cases = worst_cases(predictions, NUM_CASES)
    images = read_images([case.study_id for case in cases]) if cases else {}
    environment = Environment(
        loader=FileSystemLoader(Path(__file__).parent), autoescape=True, undefined=StrictUndefined, trim_blocks=True
    )
    return environment.get_template("page.html.j2").render(
        result=result,
        cases=[(case, image_data_url(images[case.study_id]) if case.study_id in images else None) for case in cases],
        distribution=distribution([report_f1(text) for text in scored_texts(predictions)]),
        finding_bars=finding_bars(result["by_finding"]) if result["by_finding"] else None,
    )
