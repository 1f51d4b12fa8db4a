"""DICOM in: the one place that knows pydicom."""

from serve_app.imaging.readers.dicom.dataset import looks_like_dicom
from serve_app.imaging.readers.dicom.read import read_dicom

__all__ = ["looks_like_dicom", "read_dicom"]
