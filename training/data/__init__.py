"""Reported studies: read from ViX-Ray's tables or drawn, split by patient, and prepared as in serving."""

from training.data.columns import ColumnError
from training.data.studies import BadRow, LocatedStudy, ReportedStudy
from training.data.vixray import read_located, read_studies

__all__ = ["BadRow", "ColumnError", "LocatedStudy", "ReportedStudy", "read_located", "read_studies"]
