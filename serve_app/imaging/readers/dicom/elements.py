"""The elements of a DICOM data set: found by their headers, and read one by one within bounds.

pydicom makes an object of every value, element and item before their number can be checked, and its warnings quote
values. Here a file costs what its headers cost, whatever lengths it declares, and nothing quotes a value.
"""

import math
import struct
from dataclasses import dataclass, field, replace

from pydicom.datadict import tag_for_keyword

from serve_app.domain.errors import CorruptImage, UploadTooLarge

# Radiographs have hundreds of elements, with private ones a few thousand.
MAX_ELEMENTS = 100_000
# A value read here has 64 characters at most (DICOM PS3.5 6.2): an element longer than this counts as absent.
MAX_VALUE_BYTES = 4096
MAX_ITEMS = 16
_PIXEL_DATA = 0x7FE00010
_ITEM, _ITEM_END, _SEQUENCE_END = 0xFFFEE000, 0xFFFEE00D, 0xFFFEE0DD
_UNDEFINED = 0xFFFFFFFF
# DICOM PS3.5 7.1.2: representations whose length takes four bytes, behind two reserved ones.
_LONG = frozenset({b"OB", b"OD", b"OF", b"OL", b"OV", b"OW", b"SQ", b"SV", b"UC", b"UN", b"UR", b"UT", b"UV"})
_BINARY = frozenset({b"OB", b"OW"})


class _Cut(CorruptImage):
    """The data end within an element."""


@dataclass(frozen=True, slots=True)
class Element:
    """An element's value. `fragments` are the contents of its items if it is binary and of undefined length."""

    vr: bytes
    start: int
    stop: int
    fragments: tuple[memoryview, ...] | None = field(default=None, repr=False)


class Scanner:
    """Reads the headers in one file, at most `MAX_ELEMENTS` of them."""

    def __init__(self, data: bytes, order: str, is_implicit: bool) -> None:
        self.data = memoryview(data)
        self.order = order
        self._is_implicit = is_implicit
        self._num_left = MAX_ELEMENTS
        self._tag, self._short, self._long = (struct.Struct(order + code) for code in ("HH", "H", "I"))

    def data_set(self, start: int, stop: int, group: int | None = None) -> "Elements":
        """Find the elements of a data set up to its pixel data, or only those at its start that belong to one group.

        Behind the pixels stands nothing that is read here (tags ascend, DICOM PS3.5 7.1), but what others append.

        Raises:
            CorruptImage: the structure is damaged.
            UploadTooLarge: too many elements.
        """
        found: dict[int, Element] = {}
        at = start
        while at + 8 <= stop:
            tag, vr, length, value_at = self._header(at)
            if tag in (_ITEM_END, _SEQUENCE_END) or group not in (None, tag >> 16):
                break
            try:
                element, after = self._element(tag, vr, length, value_at)
            except _Cut:
                return Elements(self, found, at, is_cut=True)
            if after > stop:
                # Pixels may be all there though the last byte is not.
                found |= {tag: replace(element, stop=stop)} if tag == _PIXEL_DATA else {}
                return Elements(self, found, at, is_cut=True)
            found[tag], at = element, after
            if tag == _PIXEL_DATA:
                break
        return Elements(self, found, at)

    def items(self, start: int, stop: int) -> "list[Elements]":
        """Find the elements of each item of a sequence, of at most `MAX_ITEMS` items."""
        found: list[Elements] = []
        at = start
        while at + 8 <= stop and len(found) < MAX_ITEMS:
            tag, _, length, value_at = self._header(at)
            if tag != _ITEM:
                break
            after = self._past_items(value_at) if length == _UNDEFINED else min(stop, value_at + length)
            found.append(self.data_set(value_at, after))
            at = after
        return found

    def _header(self, at: int) -> tuple[int, bytes, int, int]:
        """Read an element's tag, VR, length and where its value starts; one without a VR is in implicit VR."""
        self._num_left -= 1
        if self._num_left < 0:
            raise UploadTooLarge("the DICOM file has too many elements", MAX_ELEMENTS, "elements")
        try:
            group, number = self._tag.unpack_from(self.data, at)
            tag, vr = group << 16 | number, bytes(self.data[at + 4 : at + 6])
            if self._is_implicit or group == 0xFFFE or not is_vr(vr):
                return tag, b"", self._long.unpack_from(self.data, at + 4)[0], at + 8
            if vr in _LONG:
                return tag, vr, self._long.unpack_from(self.data, at + 8)[0], at + 12
            return tag, vr, self._short.unpack_from(self.data, at + 6)[0], at + 8
        except struct.error:
            raise _Cut("the DICOM file is truncated") from None

    def _element(self, tag: int, vr: bytes, length: int, value_at: int) -> tuple[Element, int]:
        """Return an element and where the next one starts."""
        if length != _UNDEFINED:
            after = value_at + length
            return Element(vr, value_at, after), after
        if tag == _PIXEL_DATA or vr in _BINARY:
            fragments, after = self._fragments(value_at)
            return Element(vr, value_at, after, fragments), after
        after = self._past_items(value_at)
        return Element(vr, value_at, after), after

    def _fragments(self, at: int, stop: int | None = None) -> tuple[tuple[memoryview, ...], int]:
        """Return the contents of items that hold no elements, and where the next element starts."""
        fragments: list[memoryview] = []
        while stop is None or at < stop:
            tag, _, length, value_at = self._header(at)
            if tag == _SEQUENCE_END:
                return tuple(fragments), value_at
            if tag != _ITEM:
                raise CorruptImage("the DICOM file is damaged: its pixel data is not made of items")
            at = value_at + length
            fragments.append(self.data[value_at:at])
        return tuple(fragments), at

    def fragments(self, element: Element) -> tuple[memoryview, ...] | None:
        """Return the contents of an element's items, whether or not it declares a length; null if it has none."""
        if element.fragments is not None or self._tag.unpack_from(self.data, element.start) != (0xFFFE, 0xE000):
            return element.fragments
        try:
            fragments, after = self._fragments(element.start, element.stop)
        except CorruptImage:
            return None
        return fragments if after == element.stop else None

    def _past_items(self, at: int) -> int:
        """Return where a sequence or an item of undefined length ends, however deeply its contents are nested."""
        depth = 1
        while depth:
            tag, vr, length, at = self._header(at)
            if tag in (_ITEM_END, _SEQUENCE_END):
                depth -= 1
            elif length != _UNDEFINED:
                at += length
            elif tag == _PIXEL_DATA or vr in _BINARY:
                at = self._fragments(at)[1]
            else:
                depth += 1
        return at


class Elements:
    """A data set's elements by their keywords. An element that is absent, empty or unusable reads as if it was absent.

    `stop` is where the data set ends; where `is_cut`, the file ends before it does.
    """

    def __init__(self, scanner: Scanner, found: dict[int, Element], stop: int, is_cut: bool = False) -> None:
        self._scanner, self._found = scanner, found
        self.stop, self.is_cut = stop, is_cut

    @property
    def order(self) -> str:
        """The byte order of numbers, as `struct` writes it."""
        return self._scanner.order

    def get(self, keyword: str) -> Element | None:
        """Look up an element; its value is not read."""
        tag = tag_for_keyword(keyword)
        return None if tag is None else self._found.get(tag)

    def value(self, keyword: str) -> memoryview:
        """Return an element's value as it is stored; empty where there is none."""
        element = self.get(keyword)
        return self._scanner.data[element.start : element.stop] if element else memoryview(b"")

    def fragments(self, keyword: str) -> tuple[memoryview, ...] | None:
        """Return the contents of a binary element's items; null if it is not made of items."""
        element = self.get(keyword)
        return self._scanner.fragments(element) if element and element.stop - element.start >= 8 else None

    def text(self, keyword: str) -> str:
        """Read an element's text, values separated by backslashes."""
        value = self._short_value(keyword)
        try:
            return value.decode().strip(" \0")
        except UnicodeDecodeError:
            return value.decode("latin-1").strip(" \0")

    def number(self, keyword: str) -> float | None:
        """Read the first value of an element of decimal strings."""
        numbers = self.numbers(keyword)
        return numbers[0] if numbers and math.isfinite(numbers[0]) else None

    def numbers(self, keyword: str) -> list[float]:
        """Read the values of an element of decimal strings, of which a comma may be the point; NaN for none."""
        text = self.text(keyword)
        return [_number(part) for part in text.split("\\")] if text else []

    def integer(self, keyword: str) -> int | None:
        """Read the first value of an element of unsigned 16-bit numbers."""
        integers = self.integers(keyword)
        return integers[0] if integers else None

    def integers(self, keyword: str) -> list[int]:
        """Read the values of an element of 16-bit numbers, as unsigned ones."""
        value = self._short_value(keyword)
        return list(struct.unpack(f"{self.order}{len(value) // 2}H", value[: len(value) // 2 * 2]))

    def items(self, keyword: str) -> "list[Elements]":
        """Find the items of a sequence, of at most `MAX_ITEMS`; none where its structure is damaged."""
        element = self.get(keyword)
        try:
            return self._scanner.items(element.start, element.stop) if element else []
        except CorruptImage:
            return []

    def _short_value(self, keyword: str) -> bytes:
        value = self.value(keyword)
        return bytes(value) if len(value) <= MAX_VALUE_BYTES else b""


def is_vr(letters: bytes) -> bool:
    """Tell whether two bytes may be a value representation."""
    return letters.isalpha() and letters.isupper()


def _number(text: str) -> float:
    try:
        return float(text.replace(",", "."))
    except ValueError:
        return math.nan
