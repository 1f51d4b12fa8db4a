"""Real films and real pictures that are none, where they are at hand."""

import csv
from collections import Counter
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from serve_app.domain.errors import ClaraError, UploadTooLarge
from serve_app.domain.radiograph import GateOutcome, GateVerdict
from serve_app.domain.study import StudyImage, View
from serve_app.imaging.decode import decode
from serve_app.imaging.film import count_middle_levels, readable
from serve_app.imaging.normalize import normalize
from serve_app.imaging.picture import Picture
from serve_app.imaging.preparer import LocalPreparer
from serve_app.imaging.screen import Gate
from serve_app.settings import PreprocessorSettings
from tests.calls import call

SETTINGS = PreprocessorSettings()


@pytest.fixture(scope="module")
def samples(shared_data: Path) -> Path:
    return shared_data / "cxr_samples"


def verdicts(folder: Path) -> dict[str, GateVerdict]:
    gate = Gate()
    return {path.name: gate.screen(readable(decode(path.read_bytes(), SETTINGS))) for path in sorted(folder.iterdir())}


def test_of_unseen_chest_films_most_pass_and_hardly_one_is_refused(samples: Path) -> None:
    outcomes = Counter(verdict.outcome for verdict in verdicts(samples / "positive").values())
    assert outcomes.total() == 26
    assert outcomes[GateOutcome.PASS] >= 0.8 * outcomes.total()
    assert outcomes[GateOutcome.REFUSE] <= 0.05 * outcomes.total()


def test_well_exposed_films_keep_every_pixel(samples: Path) -> None:
    for path in sorted((samples / "positive").iterdir()):
        picture = decode(path.read_bytes(), SETTINGS)
        assert readable(picture).pixels is picture.pixels, path.name


@pytest.mark.parametrize(("gain", "base"), [(0.06, 0), (0.08, 128)])
def test_dark_and_flat_films_are_shown_as_bright_ones_and_do_not_pass_on_few_grey_levels(
    samples: Path, gain: float, base: float
) -> None:
    gate = Gate()
    for path in sorted((samples / "positive").glob("hannover_*")):
        picture = decode(path.read_bytes(), SETTINGS)
        shown = readable(_rescaled(picture, gain, base))
        ours, bright = (normalize(film.pixels, SETTINGS.max_visual_tokens).ravel() for film in (shown, picture))
        assert np.corrcoef(ours, bright)[0, 1] > 0.94, path.name
        verdict = gate.screen(shown)
        assert verdict.outcome is not GateOutcome.PASS or count_middle_levels(shown.pixels) >= 16, path.name


def _rescaled(picture: Picture, gain: float, base: float) -> Picture:
    return replace(picture, pixels=np.rint(picture.pixels * gain + base).astype(np.uint8))


def test_of_pictures_that_are_none_no_one_passes_and_all_are_refused(samples: Path) -> None:
    outcomes = Counter(verdict.outcome for verdict in verdicts(samples / "negative").values())
    assert outcomes.total() == 13
    assert outcomes[GateOutcome.PASS] == 0
    assert outcomes[GateOutcome.REFUSE] >= 0.95 * outcomes.total()


@pytest.mark.parametrize("kind", ["positive", "negative"])
def test_declared_lateral_none_passes_the_grey_ones_are_unjudged_and_coloured_ones_refused(
    samples: Path, kind: str
) -> None:
    gate = Gate()
    for path in sorted((samples / kind).iterdir()):
        picture = readable(decode(path.read_bytes(), SETTINGS))
        expected = GateOutcome.REFUSE if picture.colour_ratio > 0.15 else GateOutcome.UNJUDGED
        assert gate.screen(picture, View.LATERAL).outcome is expected, path.name


def test_the_jpeg_2000_chest_is_displayed_as_its_published_rendering(samples: Path) -> None:
    film = decode((samples / "dicom" / "RG1_J2KI.dcm").read_bytes(), SETTINGS)
    with Image.open(samples / "positive" / "nema_rg1_chest_pa.png") as image:
        published = np.asarray(image).astype(int)
    ours = np.asarray(Image.fromarray(film.pixels).resize(published.shape[::-1], Image.Resampling.BOX)).astype(int)
    assert film.pixels.shape == (1955, 1841)
    assert np.corrcoef(ours.ravel(), published.ravel())[0, 1] > 0.995
    assert abs(ours.mean() - published.mean()) < 8


@pytest.mark.parametrize("name", ["RG1_J2KI.dcm", "RG1_small_explicit_le.dcm"])
async def test_a_real_dicom_chest_is_prepared(samples: Path, name: str) -> None:
    prepared = await LocalPreparer(SETTINGS).prepare(call(), StudyImage((samples / "dicom" / name).read_bytes()))
    assert prepared.gate.outcome is GateOutcome.PASS
    assert prepared.source.format == "DICOM"
    assert prepared.source.bits_stored == 15


def test_a_12_bit_jpeg_shows_the_same_film_as_its_lossless_twin(samples: Path) -> None:
    lossy = decode((samples / "dicom" / "RG3_JPEG_extended12_undecodable.dcm").read_bytes(), SETTINGS)
    lossless = decode((samples / "dicom" / "RG3_J2K_lossless_leg.dcm").read_bytes(), SETTINGS)
    assert np.abs(lossy.pixels.astype(int) - lossless.pixels).mean() < 1


def test_several_colour_frames_are_refused(samples: Path) -> None:
    with pytest.raises(UploadTooLarge):
        decode((samples / "dicom" / "SC_rgb_2frame.dcm").read_bytes(), SETTINGS)


@pytest.mark.parametrize("name", ["RG2_J2KI_hip.dcm", "RG3_J2K_lossless_leg.dcm", "vlut_04.dcm"])
async def test_other_body_parts_in_dicom_are_read_but_do_not_pass(samples: Path, name: str) -> None:
    film = decode((samples / "dicom" / name).read_bytes(), SETTINGS)
    assert Gate().screen(film).outcome is not GateOutcome.PASS


def test_no_sample_in_any_folder_ends_in_anything_but_a_film_or_our_error(samples: Path) -> None:
    with (samples / "manifest.csv").open(encoding="utf-8") as file:
        names = [row["file"] for row in csv.DictReader(file)]
    declined = set()
    for name in names:
        try:
            decode((samples / name).read_bytes(), SETTINGS)
        except ClaraError:
            declined.add(Path(name).name)
    assert declined == {"SC_rgb_2frame.dcm"}
