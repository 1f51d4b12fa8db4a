"""Requests of every kind with patient data in them, each value with a mark by which it is found wherever it went."""

import base64
import io
import struct
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from PIL import Image, PngImagePlugin
from pydicom import dcmread, uid

from tests.unit.imaging.files import dicom, saved, written
from training.phantoms import draw, sample

MARK = "zqxbimat"
UID_ROOT = "1.2.840.991990117"
DATE = "18890117"
LABEL = "zqxlabel"
"""In what administrators name themselves: keys and reasons of stops, which are kept as they are."""


@dataclass(frozen=True)
class Sent:
    """One request; `upload` is the file in it."""

    upload: bytes | None = None
    method: str = "POST"
    path: str = "/v1/reports"
    part: str = "image"
    name: str = f"{MARK}-file.dcm"
    media_type: str = "application/octet-stream"
    form: dict[str, str] = field(default_factory=dict)
    headers: dict[str, str] = field(default_factory=dict)
    body: Any = None

    @property
    def arguments(self) -> dict[str, Any]:
        """What httpx is given beside the address."""
        if self.upload is None:
            return {"json": self.body} if self.body is not None else {}
        return {"files": {self.part: (self.name, self.upload, self.media_type)}, "data": self.form}


def signs() -> tuple[bytes, ...]:
    """Every form in which a mark may have been written: as it is, in UTF-16, in base 64."""
    texts = (MARK, MARK.upper(), UID_ROOT, DATE)
    wide = [text.encode(order) for text in texts for order in ("utf-16-le", "utf-16-be")]
    return (*(text.encode() for text in texts), *wide, *(code for text in texts for code in _in_base_64(text)))


def _in_base_64(text: str) -> Iterator[bytes]:
    """The part of it that does not depend on what stands around, for each of its three places."""
    for shift in range(3):
        code = base64.b64encode(bytes(shift) + text.encode())
        yield code[4 if shift else 0 : -4]


def png() -> bytes:
    """A film in PNG with texts, and EXIF behind them."""
    info = PngImagePlugin.PngInfo()
    info.add_text("Patient", f"{MARK} text")
    info.add_text("Comment", f"{MARK} compressed", zip=True)
    info.add_itxt("Name", f"{MARK} Nguyễn")
    return saved(_film(), "PNG", pnginfo=info, exif=_exif())


def jpeg() -> bytes:
    """A film in JPEG with EXIF and a comment."""
    return saved(_film(), "JPEG", exif=_exif(), comment=f"{MARK} comment".encode())


def study(**elements: Any) -> bytes:
    """A film in DICOM with a name, ids, UIDs, dates and private elements."""
    known = {
        "PatientName": f"{MARK}^Van^A",
        "PatientID": f"{MARK}-id",
        "OtherPatientIDs": f"{MARK}-other",
        "PatientBirthDate": DATE,
        "StudyDate": DATE,
        "AccessionNumber": f"{MARK}-acc",
        "InstitutionName": f"{MARK} hospital",
        "ReferringPhysicianName": f"{MARK}^Doctor",
        "StudyDescription": f"{MARK} description",
        "SOPInstanceUID": f"{UID_ROOT}.1",
        "StudyInstanceUID": f"{UID_ROOT}.2",
        "SeriesInstanceUID": f"{UID_ROOT}.3",
    }
    dataset = dcmread(io.BytesIO(dicom(np.asarray(_film()), **known, **elements)))
    block = dataset.private_block(0x0011, f"{MARK} CREATOR", create=True)
    block.add_new(0x01, "LO", f"{MARK} private")
    return written(dataset, uid.ExplicitVRLittleEndian)


def _film() -> Image.Image:
    return Image.fromarray(draw(sample(np.random.default_rng(3))))


def _exif() -> Image.Exif:
    exif = Image.Exif()
    exif[0x010E], exif[0x9C9D] = f"{MARK} description", f"{MARK} author".encode("utf-16-le")
    return exif


def uploads() -> list[Sent]:
    """Sixty uploads: good films, broken ones, wrong fields, wrong names, strange headers."""
    films = {"png": png(), "jpeg": jpeg(), "dicom": study()}
    good = [Sent(film, name=f"{MARK}/../{kind}.{kind}", path=path) for kind, film in films.items() for path in _PATHS]
    cut = [Sent(film[: int(len(film) * share)]) for film in films.values() for share in (0.02, 0.2, 0.6, 0.95)]
    bent = [Sent(_bent(film, at)) for film in films.values() for at in (4, 30, 140, 400)]
    odd = [Sent(study(**elements), form={"confirm": "true"}) for elements in _ODD_ELEMENTS]
    wrong = [Sent(films["png"], form=form) for form in _WRONG_FORMS]
    strange = [Sent(films["jpeg"], headers=headers) for headers in _HEADERS]
    others = [
        Sent(f"{MARK} is not an image".encode()),
        Sent(b"", name=f"{MARK}.png"),
        Sent(films["png"], part=f"{MARK}-field"),
        Sent(films["png"], media_type=f"image/{MARK}"),
        Sent(films["png"], path=f"/v1/reports?patient={MARK}&uid={UID_ROOT}.9"),
        Sent(films["png"], path=f"/v1/reports/{MARK}"),
        Sent(films["png"], path="/predict", form={"gender": MARK, "age": MARK}),
        Sent(saved(Image.new("RGB", (64, 64), "red"), "PNG", pnginfo=_text()), form={"view": MARK}),
    ]
    return [*good, *cut, *bent, *odd, *wrong, *strange, *others]


def questions() -> list[Sent]:
    """Requests without a film: addresses and bodies of administrators that are wrong."""
    return [
        Sent(method="GET", path=f"/{MARK}?name={MARK}"),
        Sent(method="DELETE", path=f"/v1/keys/{MARK}"),
        Sent(method="POST", path=f"/v1/keys/{MARK}/rotation", body={"overlap_hours": MARK}),
        Sent(path="/v1/keys", body={"name": 7, MARK: MARK, "scopes": [MARK]}),
        Sent(path="/v1/stops", body={"kind": MARK, "reason": [MARK]}),
        Sent(method="GET", path=f"/v1/audit?tenant={MARK}&after={MARK}"),
    ]


def _text() -> PngImagePlugin.PngInfo:
    info = PngImagePlugin.PngInfo()
    info.add_text("Patient", MARK)
    return info


def _bent(film: bytes, at: int) -> bytes:
    return film[:at] + struct.pack("<I", 0xFFFFFFF0) + film[at + 4 :]


_PATHS = ("/v1/reports", "/predict")
_ODD_ELEMENTS: tuple[dict[str, Any], ...] = (
    {"PatientAge": "999Y"},
    {"PatientSex": MARK},
    {"ViewPosition": MARK},
    {"PhotometricInterpretation": MARK.upper()},
    {"Modality": MARK.upper()[:16]},
    {"NumberOfFrames": 900},
    {"BodyPartExamined": MARK.upper()},
)
_WRONG_FORMS = (
    {"sex": MARK},
    {"age": f"{MARK} 63"},
    {"view": MARK},
    {"confirm": MARK},
    {"correct": MARK},
    {MARK: MARK},
    {"age": "63", "sex": "nam", "name": f"{MARK} {UID_ROOT}.7"},
)
_HEADERS = (
    {"Idempotency-Key": f"{MARK}-{UID_ROOT}.4"},
    {"Idempotency-Key": f"{MARK} {MARK}"},
    {"X-Request-Id": f"{MARK}^{MARK}"},
    {"User-Agent": MARK, "Referer": f"https://pacs.test/{MARK}", "Cookie": f"patient={MARK}"},
    {"traceparent": f"00-{MARK}-{MARK}-01", "tracestate": f"pacs={MARK}", "baggage": f"patient={MARK}"},
    {"Authorization": f"Bearer {MARK}"},
    {"Authorization": f"Bearer clara_{MARK}_{MARK}"},
    {"Authorization": f"Bearer {base64.b64encode(MARK.encode()).decode()}.{MARK}.{MARK}"},
    {"Authorization": f"Basic {base64.b64encode(f'{MARK}:{MARK}'.encode()).decode()}"},
)
