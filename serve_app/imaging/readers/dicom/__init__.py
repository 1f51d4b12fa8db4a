"""DICOM in: the one place that knows pydicom."""

import logging
import warnings

from pydicom import config

from serve_app.imaging.readers.dicom.read import looks_like_dicom, read_dicom

# What pydicom finds strange it repeats, and that may be the patient's: no word of it reaches a log.
config.settings.reading_validation_mode = config.IGNORE
logging.getLogger("pydicom").disabled = True
warnings.filterwarnings("ignore", module="pydicom")

__all__ = ["looks_like_dicom", "read_dicom"]
