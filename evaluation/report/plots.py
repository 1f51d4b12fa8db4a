"""Draws two figures as inline SVG: the distribution of report scores, and F1 of each finding.

Keeps only the `svg` element of matplotlib's file: no links, text as text, and a label for each figure.
"""

import io
import re
from collections.abc import Mapping, Sequence

import matplotlib as mpl
from markupsafe import Markup, escape
from matplotlib.backends.backend_svg import FigureCanvasSVG
from matplotlib.figure import Figure

from evaluation.scores import NameScore

_COLOUR = "#1f5f8b"
_NO_METADATA = {"Date": None, "Creator": None, "Format": None, "Type": None}


def distribution(scores: Sequence[float]) -> Markup:
    """Draw a histogram of report scores from 0 to 1."""
    figure = Figure(figsize=(7, 2.8), layout="constrained")
    axes = figure.subplots()
    axes.hist(scores, bins=20, range=(0, 1), color=_COLOUR, edgecolor="white")
    axes.set(xlabel="fact F1 of a report (present facts, sides included)", ylabel="reports")
    return _svg(figure, f"Histogram of the fact F1 of {len(scores)} reports")


def finding_bars(by_finding: Mapping[str, NameScore]) -> Markup:
    """Draw F1 of each finding with its interval, most frequent first."""
    names = sorted(by_finding, key=lambda name: by_finding[name]["num_true"])
    found = [by_finding[name]["f1"] for name in names]
    figure = Figure(figsize=(7, 1 + 0.26 * len(names)), layout="constrained")
    axes = figure.subplots()
    values = [one["value"] for one in found]
    # The value over all reports may be slightly outside a percentile interval.
    below = [max(one["value"] - one["low"], 0) for one in found]
    above = [max(one["high"] - one["value"], 0) for one in found]
    labels = [f"{name} ({by_finding[name]['num_true']})" for name in names]
    axes.barh(labels, values, xerr=(below, above), color=_COLOUR, ecolor="#222222", capsize=2)
    axes.set(xlim=(0, 1.05), xlabel="F1 with 95 % interval (times in the references)")
    return _svg(figure, f"Bars of the F1 of {len(names)} findings; the table has the same figures")


def _svg(figure: Figure, label: str) -> Markup:
    file = io.StringIO()
    with mpl.rc_context({"svg.fonttype": "none", "svg.hashsalt": label}):
        FigureCanvasSVG(figure).print_svg(file, metadata=_NO_METADATA)
    drawing = re.sub(r"<metadata>.*?</metadata>", "", file.getvalue(), flags=re.DOTALL)
    drawing = drawing[drawing.index("<svg") :]
    # Safe as markup: matplotlib's output contains only finding names and numbers.
    return Markup(drawing.replace("<svg ", f'<svg role="img" aria-label="{escape(label)}" ', 1))
