"""DICOM to a film; the only door to pydicom here."""

from serve_app.imaging.dicom.read import looks_like_dicom, read_dicom

__all__ = ["looks_like_dicom", "read_dicom"]
