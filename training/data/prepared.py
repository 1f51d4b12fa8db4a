"""Reads the rows of a prepared data set: pixels, patient, view and facts."""

from typing import TypedDict

import numpy as np
from numpy.typing import NDArray

from serve_app.domain.facts import Fact
from serve_app.domain.study import Patient, Sex, View, parse_age
from training.data.fact_json import read_facts


class PreparedStudy(TypedDict):
    """A prepared row without its pixels; `digest` is the image's digest in serving; `age` is DICOM's age
    string; `facts` are JSON text."""

    study_id: str
    patient_id: str
    height_px: int
    width_px: int
    digest: str
    sex: str | None
    age: str | None
    view: str | None
    findings: str
    impression: str
    facts: str | None


class PreparedRow(PreparedStudy):
    """A prepared row; `pixels` is grey uint8, row-major."""

    pixels: bytes


def pixels_of(row: PreparedRow) -> NDArray[np.uint8]:
    """Return a new grey image of shape (height, width); each of serving's three channels equals it."""
    return np.frombuffer(row["pixels"], dtype=np.uint8).reshape(row["height_px"], row["width_px"]).copy()


def patient_of(row: PreparedStudy) -> Patient:
    """Return the patient, as far as known."""
    return Patient(
        sex=None if row["sex"] is None else Sex(row["sex"]),
        age=parse_age(row["age"]),
    )


def view_of(row: PreparedStudy) -> View | None:
    """Return the projection, or None if it is unknown."""
    return None if row["view"] is None else View(row["view"])


def facts_of(row: PreparedStudy) -> frozenset[Fact] | None:
    """Return the true facts of a drawn film, or None for any other image."""
    return None if row["facts"] is None else read_facts(row["facts"])
