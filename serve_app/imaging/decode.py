"""Bytes to a picture: recognises PNG, JPEG and DICOM by their content and hands them to their reader.

A file's name and declared type are never looked at.
"""

import codecs

from serve_app.domain.errors import EmptyUpload, NotAnImage
from serve_app.imaging.picture import Picture
from serve_app.imaging.readers.deep_jpeg import looks_like_deep_jpeg, read_deep_jpeg
from serve_app.imaging.readers.dicom import looks_like_dicom, read_dicom
from serve_app.imaging.readers.jpeg import looks_like_jpeg, read_jpeg
from serve_app.imaging.readers.png import looks_like_png, read_png
from serve_app.settings import PreprocessorSettings

# A DICOM file's preamble may hold another format's start (PS3.10 7.1): so DICOM comes first.
_READERS = (
    (looks_like_dicom, read_dicom),
    (looks_like_png, read_png),
    (looks_like_deep_jpeg, read_deep_jpeg),
    (looks_like_jpeg, read_jpeg),
)
# What else people upload: its name, where its signature lies, and the signature.
_OTHER_FORMATS = (
    ("a PDF file", 0, b"%PDF"),
    ("a ZIP archive", 0, b"PK\x03\x04"),
    ("a ZIP archive", 0, b"PK\x05\x06"),
    ("a gzip archive", 0, b"\x1f\x8b"),
    ("a TIFF image", 0, b"II*\0"),
    ("a TIFF image", 0, b"MM\0*"),
    ("a TIFF image", 0, b"II+\0"),
    ("a TIFF image", 0, b"MM\0+"),
    ("a WebP image", 8, b"WEBP"),
    ("a HEIC image", 4, b"ftyphei"),
    ("a HEIC image", 4, b"ftyphev"),
    ("a HEIC image", 4, b"ftypmif1"),
    ("a HEIC image", 4, b"ftypmsf1"),
    ("an AVIF image", 4, b"ftypavi"),
    ("a JPEG 2000 image", 0, b"\0\0\0\x0cjP  "),
    ("a JPEG 2000 image", 0, b"\xff\x4f\xff\x51"),
    ("a JPEG XL image", 0, b"\0\0\0\x0cJXL "),
    ("a JPEG XL image", 0, b"\xff\x0a"),
    ("a GIF image", 0, b"GIF8"),
    ("a BMP image", 0, b"BM"),
)

# A character of four bytes may be cut at the end of what is looked at.
_TEXT_BYTES = 1024


def decode(data: bytes, settings: PreprocessorSettings) -> Picture:
    """Read one image as it would be displayed. The size a file declares is checked before its pixels are decoded.

    Raises:
        EmptyUpload: no bytes.
        NotAnImage: none of the three formats.
        CorruptImage: truncated or damaged, as far as its decoder can tell. A JPEG Lossless frame in DICOM that is cut
            short and properly ended cannot be told from a whole one: its last rows are black.
        UnsupportedImage: well formed, but of a kind that is not supported (UnsupportedTransferSyntax names the syntax).
        Unavailable: a decoder's process could not be started.
        UploadTooLarge: more pixels, frames or elements than are allowed.
    """
    if not data:
        raise EmptyUpload
    for looks_like, read in _READERS:
        if looks_like(data):
            return read(data, settings)
    for name, at, signature in _OTHER_FORMATS:
        if data.startswith(signature, at):
            raise NotAnImage(f"the upload is {name}; send a PNG, JPEG or DICOM file")
    if _looks_like_text(data):
        raise NotAnImage("the upload is a text file; send a PNG, JPEG or DICOM file")
    raise NotAnImage("the upload is not a PNG, JPEG or DICOM file")


def _looks_like_text(data: bytes) -> bool:
    """Tell whether the bytes begin as text in UTF-8, or in the UTF-16 of Windows with its mark."""
    encoding = "utf-16" if data.startswith((b"\xff\xfe", b"\xfe\xff")) else "utf-8-sig"
    decoder = codecs.getincrementaldecoder(encoding)()
    try:
        text = decoder.decode(data[:_TEXT_BYTES])
    except UnicodeDecodeError:
        return False
    return text != "" and all(character.isprintable() or character.isspace() for character in text)
