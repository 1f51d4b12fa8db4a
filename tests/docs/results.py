"""Numbers as a page prints them, and whether a result file holds them.

A row of a table whose last cell links to a `.json` file states results. Every number between its first cell, which
says what was measured, and its last must stand in the linked file, rounded as it is printed. A fragment of the link
narrows the search: `demo.json#/scores/bleu` is a JSON pointer (RFC 6901).
"""

import json
import re
from collections.abc import Iterator
from decimal import Decimal
from typing import Any
from urllib.parse import unquote, urlsplit

from tests.docs.pages import Row

_NUMBER = re.compile(r"(?<![\w.])-?\d+(?:,\d{3})*(?:\.\d+)?(?P<percent> ?%)?")


def states_results(row: Row) -> bool:
    """Whether the last cell says which result file the row is from."""
    return any(urlsplit(link).path.endswith(".json") for link in row.cells[-1].links)


def missing(row: Row) -> list[str]:
    """Find the numbers of a row that its result files do not hold."""
    values = [value for link in row.cells[-1].links for value in _linked_numbers(row, link)]
    return [text for cell in row.cells[1:-1] for text in printed(cell.text) if not _holds(values, text)]


def printed(text: str) -> list[str]:
    """Find the numbers in a text."""
    return [found[0] for found in _NUMBER.finditer(text)]


def at(document: Any, pointer: str) -> Any:
    """Follow a JSON pointer.

    Raises:
        LookupError: it leads nowhere.
    """
    for step in pointer.split("/")[1:]:
        name = step.replace("~1", "/").replace("~0", "~")
        document = document[int(name)] if isinstance(document, list) and name.isdigit() else _member(document, name)
    return document


def _member(document: Any, name: str) -> Any:
    if not isinstance(document, dict):
        raise LookupError(name)
    return document[name]


def _linked_numbers(row: Row, link: str) -> list[float]:
    parts = urlsplit(link)
    document = json.loads((row.page.parent / unquote(parts.path)).read_text(encoding="utf-8"))
    return list(_numbers(at(document, unquote(parts.fragment))))


def _numbers(document: Any) -> Iterator[float]:
    if isinstance(document, dict | list):
        for value in document.values() if isinstance(document, dict) else document:
            yield from _numbers(value)
    elif isinstance(document, int | float) and not isinstance(document, bool):
        yield document


def _holds(values: list[float], text: str) -> bool:
    """Whether a value rounds to the printed number; halfway may go either way."""
    number = Decimal(text.removesuffix("%").strip().replace(",", ""))
    half_a_digit = Decimal(1).scaleb(int(number.as_tuple().exponent)) / 2
    scale = 100 if text.endswith("%") else 1
    return any(abs(Decimal(str(value)) * scale - number) <= half_a_digit for value in values)
