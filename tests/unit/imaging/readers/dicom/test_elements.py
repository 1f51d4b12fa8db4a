"""A DICOM file costs what its headers cost, whatever it declares, and what is unusable reads as absent."""

import contextlib
import math
import struct

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydicom import uid

from serve_app.domain.errors import CorruptImage, UploadTooLarge
from serve_app.imaging.decode import decode
from serve_app.imaging.readers.dicom import elements as module
from serve_app.imaging.readers.dicom.elements import MAX_ELEMENTS, MAX_ITEMS, MAX_VALUE_BYTES, Elements, Scanner
from tests.unit.imaging.files import dicom, lookup_table, ramp
from tests.unit.imaging.readers.dicom.samples import SETTINGS, WINDOW_12, element, is_close, shown, twelve

UNDEFINED = b"\xff\xff\xff\xff"
ITEM, ITEM_END, SEQUENCE_END = b"\xfe\xff\x00\xe0", b"\xfe\xff\x0d\xe0" + bytes(4), b"\xfe\xff\xdd\xe0" + bytes(4)
PRIVATE = b"\x09\x00\x01\x10"


def scanned(data: bytes, *, is_implicit: bool = False) -> Elements:
    return Scanner(data, "<", is_implicit).data_set(0, len(data))


def bare(head: bytes, **elements: object) -> bytes:
    """Write a readable film in implicit VR with other elements in front of its own."""
    film = dicom(ramp(), syntax=uid.ImplicitVRLittleEndian, **elements)
    start = film.index(b"\x08\x00\x16\x00")
    return film[:start] + head + film[start:]


@pytest.mark.parametrize("keyword", ["WindowCenter", "WindowWidth", "PixelSpacing", "Rows", "PatientAge"])
@pytest.mark.parametrize("num_values", [3_000, 4_000_000])
def test_no_value_is_converted_of_an_element_that_is_longer_than_any_may_be(keyword: str, num_values: int) -> None:
    found = scanned(element(keyword, "", b"1\\" * num_values), is_implicit=True)
    assert found.get(keyword)
    assert (found.numbers(keyword), found.integers(keyword), found.text(keyword)) == ([], [], "")


def test_millions_of_window_values_leave_the_film_readable() -> None:
    film = dicom(twelve(), bits_stored=12, syntax=uid.ImplicitVRLittleEndian, WindowWidth=4096)
    at = film.index(b"\x28\x00\x51\x10")
    huge = element("WindowCenter", "", b"2048\\" * 1_000_000)
    pixels = shown(film[:at] + huge + film[at:])
    assert (pixels.min(), pixels.max()) == (0, 255)


def test_the_longest_value_that_may_be_is_converted() -> None:
    found = scanned(element("WindowCenter", "DS", b"1\\" * (MAX_VALUE_BYTES // 2)))
    assert len(found.numbers("WindowCenter")) == MAX_VALUE_BYTES // 2 + 1


ENDLESS = {
    "elements": PRIVATE + bytes(4),
    "items of a sequence": ITEM + bytes(4),
    "nested sequences": PRIVATE + UNDEFINED + ITEM + UNDEFINED,
    "closed sequences": PRIVATE + UNDEFINED + SEQUENCE_END,
}


@pytest.mark.parametrize("kind", ENDLESS)
def test_endlessly_many_headers_are_refused(kind: str) -> None:
    head = b"\x08\x00\x00\x00" + UNDEFINED if kind == "items of a sequence" else b""
    with pytest.raises(UploadTooLarge) as caught:
        decode(bare(head + ENDLESS[kind] * (MAX_ELEMENTS + 1)), SETTINGS)
    assert caught.value.facts == {"limit": MAX_ELEMENTS, "unit": "elements"}


def test_endlessly_many_fragments_are_refused() -> None:
    film = dicom(ramp(), syntax=uid.ImplicitVRLittleEndian)
    at = film.index(b"\xe0\x7f\x10\x00")
    with pytest.raises(UploadTooLarge):
        decode(film[:at] + b"\xe0\x7f\x10\x00" + UNDEFINED + (ITEM + bytes(4)) * (MAX_ELEMENTS + 1), SETTINGS)


def test_a_sequence_that_is_read_gives_at_most_so_many_items() -> None:
    found = scanned(element("ViewCodeSequence", "SQ", (ITEM + bytes(4)) * 1000))
    assert len(found.items("ViewCodeSequence")) == MAX_ITEMS


def headers_of(draw: st.DrawFn) -> bytes:
    tag = draw(
        st.sampled_from((PRIVATE, ITEM, ITEM_END[:4], SEQUENCE_END[:4], b"\xe0\x7f\x10\x00", b"\x54\x00\x20\x02"))
    )
    vr = draw(st.sampled_from((b"", b"SQ", b"OW", b"DS", b"UN")))
    length = draw(st.sampled_from((UNDEFINED, bytes(4), struct.pack("<I", 4), struct.pack("<I", 1 << 31))))
    return tag + (vr + length[:2] if vr == b"DS" else vr + b"\0\0" * bool(vr) + length) + draw(st.binary(max_size=4))


@given(st.lists(st.composite(headers_of)(), max_size=60).map(b"".join), st.booleans())
@settings(deadline=None)
def test_of_no_file_are_more_headers_read_than_allowed(data: bytes, is_implicit: bool) -> None:
    num_read = 0

    class Counting(Scanner):
        def _header(self, at: int) -> tuple[int, bytes, int, int]:
            nonlocal num_read
            num_read += 1
            return super()._header(at)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(module, "MAX_ELEMENTS", 40)
        with contextlib.suppress(CorruptImage, UploadTooLarge):
            found = Counting(data, "<", is_implicit).data_set(0, len(data))
            found.items("ViewCodeSequence")
    assert num_read <= 41


def test_text_is_read_without_its_padding_in_either_alphabet() -> None:
    for value, text in (
        (b"1.2.3\0", "1.2.3"),
        (b"PA ", "PA"),
        ("Đ1".encode(), "Đ1"),
        (b"M\xfcller", "Müller"),
        (b"", ""),
    ):
        assert scanned(element("PatientID", "LO", value)).text("PatientID") == text


def test_numbers_may_have_a_decimal_comma_and_a_value_that_is_none_keeps_its_place() -> None:
    numbers = scanned(element("WindowCenter", "DS", b"\\2048,5\\x\\ 7 \\1e3")).numbers("WindowCenter")
    assert [number for number in numbers if not math.isnan(number)] == [2048.5, 7, 1000]
    assert [math.isnan(number) for number in numbers] == [True, False, True, False, False]


@pytest.mark.parametrize("syntax", [uid.ImplicitVRLittleEndian, uid.ExplicitVRLittleEndian])
def test_what_is_nested_in_sequences_of_undefined_length_is_stepped_over(syntax: str) -> None:
    film = dicom(twelve(), bits_stored=12, syntax=syntax, VOILUTSequence=lookup_table(list(range(4096)), 0, 12))
    vr = b"" if syntax == uid.ImplicitVRLittleEndian else b"SQ\0\0"
    fragment = (
        b"\xe0\x7f\x10\x00" + (b"OB\0\0" if vr else b"") + UNDEFINED + ITEM + struct.pack("<I", 4) + b"\xfe\xff\xdd\xe0"
    )
    inner = PRIVATE + vr + UNDEFINED + ITEM + UNDEFINED + fragment + SEQUENCE_END + ITEM_END + SEQUENCE_END
    at = film.index(b"\x08\x00\x16\x00")
    data = film[:at] + PRIVATE + vr + UNDEFINED + ITEM + UNDEFINED + inner + ITEM_END + SEQUENCE_END + film[at:]
    assert is_close(shown(data), ramp())


def test_an_item_of_undefined_length_is_read_like_one_of_a_length() -> None:
    code = element("CodeValue", "SH", b"R-10206 ")
    for item in (ITEM + struct.pack("<I", len(code)) + code, ITEM + UNDEFINED + code + ITEM_END):
        for value in (item, item * 2):
            items = scanned(element("ViewCodeSequence", "SQ", value)).items("ViewCodeSequence")
            assert [found.text("CodeValue") for found in items] == ["R-10206"] * (len(value) // len(item))


def test_an_element_in_implicit_vr_among_explicit_ones_is_read() -> None:
    data = (
        element("PatientSex", "CS", b"F ") + element("PatientAge", "", b"045Y") + element("ViewPosition", "CS", b"PA")
    )
    found = scanned(data)
    assert [found.text(keyword) for keyword in ("PatientSex", "PatientAge", "ViewPosition")] == ["F", "045Y", "PA"]


def test_a_file_that_ends_within_an_element_is_cut_and_what_stands_before_is_read() -> None:
    data = element("PatientSex", "CS", b"F ") + element("PatientAge", "AS", b"045Y")
    for length in range(len(data) - 4, len(data)):
        found = scanned(data[:length])
        assert (found.is_cut, found.text("PatientSex"), found.text("PatientAge")) == (True, "F", "")
    assert not scanned(data).is_cut


def test_windows_that_are_declared_in_the_wrong_encoding_are_found() -> None:
    film = dicom(twelve(), bits_stored=12, **WINDOW_12)
    explicit, implicit = b"1.2.840.10008.1.2.1\0", b"1.2.840.10008.1.2\0\0\0"
    assert is_close(shown(film.replace(explicit, implicit)), ramp())
