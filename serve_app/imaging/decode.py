"""Bytes to a picture: recognises PNG, JPEG and DICOM by their content and hands them to their reader.

A file's name and declared type are never looked at.
"""

from serve_app.domain.errors import EmptyUpload, NotAnImage
from serve_app.imaging.picture import Picture
from serve_app.imaging.readers.dicom import looks_like_dicom, read_dicom
from serve_app.imaging.readers.jpeg import looks_like_jpeg, read_jpeg
from serve_app.imaging.readers.png import looks_like_png, read_png
from serve_app.settings import PreprocessorSettings

_READERS = (
    (looks_like_png, read_png),
    (looks_like_jpeg, read_jpeg),
    (looks_like_dicom, read_dicom),
)


def decode(data: bytes, settings: PreprocessorSettings) -> Picture:
    """Read one image as it would be displayed. The size a file declares is checked before its pixels are decoded.

    Raises:
        EmptyUpload: no bytes.
        NotAnImage: none of the three formats.
        CorruptImage: truncated or damaged, as far as its decoder can tell. A JPEG Lossless frame in DICOM that is cut
            short and properly ended cannot be told from a whole one: its last rows are black.
        UnsupportedImage: well formed, but of a kind that is not supported (UnsupportedTransferSyntax names the syntax).
        Unavailable: a decoder's process could not be started.
        UploadTooLarge: more pixels or frames than `settings` allow.
    """
    if not data:
        raise EmptyUpload("the upload has no bytes")
    for looks_like, read in _READERS:
        if looks_like(data):
            return read(data, settings)
    raise NotAnImage("the upload is not a PNG, JPEG or DICOM file")
