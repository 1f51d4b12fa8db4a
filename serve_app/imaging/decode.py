"""Bytes to a film: recognises PNG, JPEG and DICOM by their content and hands them to their reader.

A file's name and declared type are never looked at.
"""

from serve_app.domain.errors import EmptyUpload, NotAnImage
from serve_app.imaging.dicom import looks_like_dicom, read_dicom
from serve_app.imaging.film import Film
from serve_app.imaging.raster import looks_like_raster, read_raster
from serve_app.settings import PreprocessorSettings


def decode(data: bytes, settings: PreprocessorSettings) -> Film:
    """Read one image as it would be displayed. The size a file declares is checked before its pixels are decoded.

    Raises:
        EmptyUpload: no bytes.
        NotAnImage: none of the three formats.
        CorruptImage: truncated or damaged, as far as its decoder can tell. A JPEG Lossless frame in DICOM that is cut
            short and properly ended cannot be told from a whole one: its last rows are black.
        UnsupportedImage: well formed, but no kind that is read here (UnsupportedTransferSyntax names the syntax).
        Unavailable: a decoder's process could not be started.
        UploadTooLarge: more pixels or frames than `settings` allow.
    """
    if not data:
        raise EmptyUpload("the upload has no bytes")
    if looks_like_raster(data):
        return read_raster(data, settings)
    if looks_like_dicom(data):
        return read_dicom(data, settings)
    raise NotAnImage("the upload is not a PNG, JPEG or DICOM file")
