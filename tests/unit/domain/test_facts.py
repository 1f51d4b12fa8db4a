"""The regions of the chest: named sets that part the findings."""

import pytest

from serve_app.domain.facts import DEVICES, LUNG_DISEASES, LUNG_SIGNS, REGIONS, WHOLE_FILM, Finding


@pytest.mark.parametrize("finding", Finding)
def test_every_finding_is_in_exactly_one_region(finding: Finding) -> None:
    assert sum(finding in region for region in REGIONS) == 1


def test_a_sign_of_the_lungs_is_no_disease() -> None:
    assert not LUNG_SIGNS & LUNG_DISEASES
    assert Finding.LUNG_LESION in LUNG_SIGNS
    assert Finding.PNEUMONIA in LUNG_DISEASES


@pytest.mark.parametrize("finding", Finding)
def test_only_devices_are_put_into_the_patient(finding: Finding) -> None:
    assert finding.is_device == (finding in DEVICES)
    assert not (finding.is_device and finding in WHOLE_FILM)
