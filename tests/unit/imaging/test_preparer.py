"""The image step: verdicts, overrides, and an event loop that stays free."""

import asyncio
import threading

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from serve_app.domain.errors import (
    CorruptImage,
    EmptyUpload,
    NeedsConfirmation,
    NotAChestXray,
    Overloaded,
    UploadTooLarge,
)
from serve_app.domain.radiograph import Correction, GateOutcome, GateVerdict, Radiograph, Source
from serve_app.domain.study import StudyImage, View
from serve_app.imaging import sandbox
from serve_app.imaging.normalize import digest, normalize
from serve_app.imaging.preparer import LocalPreparer
from serve_app.settings import PreprocessorSettings, ScreenSettings
from tests.calls import call
from tests.unit.imaging.files import dicom, png, ramp, saved
from training.gate.laterals import lateral_chest
from training.phantoms import draw, sample

CHEST = draw(sample(np.random.default_rng(7)))
NOISE = np.random.default_rng(0).integers(0, 255, (300, 300), dtype=np.uint8)


async def test_a_chest_film_is_prepared_and_named_by_its_pixels() -> None:
    prepared = await LocalPreparer(PreprocessorSettings()).prepare(call(), StudyImage(png(CHEST)))
    assert prepared.gate.outcome is GateOutcome.PASS
    assert not prepared.gate.is_confirmed
    assert np.array_equal(prepared.pixels, normalize(CHEST, PreprocessorSettings().max_visual_tokens))
    assert prepared.digest == digest(prepared.pixels)
    assert prepared.source == Source("PNG", CHEST.shape[1], CHEST.shape[0], 8)


async def test_the_same_film_in_three_formats_has_one_digest() -> None:
    preparer = LocalPreparer(PreprocessorSettings())
    files = [png(CHEST), png(CHEST.astype(np.uint16) * 257), saved(Image.fromarray(CHEST).convert("RGBA"), "PNG"),
             dicom(CHEST, WindowCenter=128, WindowWidth=256)]  # fmt: skip
    assert len({(await preparer.prepare(call(), StudyImage(file))).digest for file in files}) == 1


async def test_what_is_no_chest_is_refused_with_its_score() -> None:
    with pytest.raises(NotAChestXray) as caught:
        await LocalPreparer(PreprocessorSettings()).prepare(call(), StudyImage(png(NOISE)))
    assert set(caught.value.facts) == {"reason", "score"}


async def test_an_uncertain_film_needs_confirmation() -> None:
    never_sure = PreprocessorSettings(screen=ScreenSettings(pass_score=1.0, refuse_score=0.0))
    with pytest.raises(NeedsConfirmation):
        await LocalPreparer(never_sure).prepare(call(), StudyImage(png(255 - CHEST)))


@pytest.mark.parametrize(
    ("spoilt", "remedy"),
    [
        (255 - CHEST, Correction.INVERTED),
        (np.rot90(CHEST), Correction.TURNED_RIGHT),
        (np.rot90(CHEST, 2), Correction.TURNED_AROUND),
        (np.rot90(CHEST, 3), Correction.TURNED_LEFT),
    ],
)
async def test_an_inverted_or_rotated_film_is_mended_where_the_client_lets_it_be(
    spoilt: NDArray[np.uint8], remedy: Correction
) -> None:
    preparer, data = LocalPreparer(PreprocessorSettings()), png(np.ascontiguousarray(spoilt))
    with pytest.raises(NeedsConfirmation) as caught:
        await preparer.prepare(call(), StudyImage(data))
    assert caught.value.facts["remedy"] == remedy

    upright = await preparer.prepare(call(), StudyImage(png(CHEST)))
    mended = await preparer.prepare(call(), StudyImage(data, is_correctable=True))
    assert (mended.gate.outcome, mended.gate.corrections) == (GateOutcome.PASS, (remedy,))
    assert mended.digest == upright.digest


async def test_an_upright_film_is_not_corrected() -> None:
    prepared = await LocalPreparer(PreprocessorSettings()).prepare(call(), StudyImage(png(CHEST), is_correctable=True))
    assert (prepared.gate.outcome, prepared.gate.corrections) == (GateOutcome.PASS, ())


async def test_gate_and_model_get_one_film_cropped_and_restored() -> None:
    preparer = LocalPreparer(PreprocessorSettings())
    bright = await preparer.prepare(call(), StudyImage(png(CHEST)))
    spoilt = await preparer.prepare(call(), StudyImage(png(np.pad(CHEST // 4, 250, constant_values=255))))
    assert spoilt.gate.outcome is GateOutcome.PASS
    assert spoilt.gate.corrections == (Correction.BORDERS_CROPPED, Correction.BRIGHTNESS_RESTORED)
    assert abs(spoilt.pixels.mean() - bright.pixels.mean()) < 40


async def test_an_override_goes_on_and_is_recorded() -> None:
    preparer = LocalPreparer(PreprocessorSettings())
    refused = await preparer.prepare(call(), StudyImage(png(NOISE), is_confirmed=True))
    assert refused.gate.outcome is GateOutcome.REFUSE
    assert refused.gate.is_confirmed
    passed = await preparer.prepare(call(), StudyImage(png(CHEST), is_confirmed=True))
    assert not passed.gate.is_confirmed


async def test_the_recording_policy_stops_nothing() -> None:
    recording = PreprocessorSettings(screen=ScreenSettings(policy="record"))
    prepared = await LocalPreparer(recording).prepare(call(), StudyImage(png(NOISE)))
    assert prepared.gate.outcome is GateOutcome.REFUSE
    assert not prepared.gate.is_confirmed


async def test_unreadable_files_keep_their_own_error() -> None:
    preparer = LocalPreparer(PreprocessorSettings())
    with pytest.raises(EmptyUpload):
        await preparer.prepare(call(), StudyImage(b""))
    with pytest.raises(CorruptImage):
        await preparer.prepare(call(), StudyImage(png(ramp())[:200]))


async def test_a_slow_file_is_given_up_and_its_slot_stays_taken_until_it_ends(monkeypatch: pytest.MonkeyPatch) -> None:
    release = threading.Event()
    monkeypatch.setattr(sandbox, "prepare", lambda image, settings: release.wait(20))
    preparer = LocalPreparer(PreprocessorSettings(decode_timeout_s=0.1, num_workers=1))
    with pytest.raises(UploadTooLarge) as caught:
        await preparer.prepare(call(), StudyImage(b"slow"))
    assert caught.value.facts["unit"] == "seconds"
    with pytest.raises(Overloaded):
        await preparer.prepare(call(), StudyImage(b"next"))
    monkeypatch.undo()
    release.set()
    await _until_free(preparer)
    assert (await LocalPreparer(PreprocessorSettings()).prepare(call(), StudyImage(png(CHEST)))).digest


async def test_a_client_that_leaves_gives_its_slot_back_when_the_work_ends(monkeypatch: pytest.MonkeyPatch) -> None:
    release = threading.Event()
    monkeypatch.setattr(sandbox, "prepare", lambda image, settings: release.wait(20))
    preparer = LocalPreparer(PreprocessorSettings(num_workers=1))
    task = asyncio.create_task(preparer.prepare(call(), StudyImage(b"slow")))
    await asyncio.sleep(0.05)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert preparer.num_free == 0
    release.set()
    await _until_free(preparer)


async def test_the_event_loop_stays_free_while_images_are_prepared(monkeypatch: pytest.MonkeyPatch) -> None:
    num_workers = 2
    really_prepare = sandbox.prepare
    # Only the event loop can bring the third: were it held up by one of the others, none would go on.
    together = threading.Barrier(num_workers + 1)

    def prepare(image: StudyImage, settings: PreprocessorSettings) -> Radiograph:
        together.wait(20)
        return really_prepare(image, settings)

    monkeypatch.setattr(sandbox, "prepare", prepare)
    preparer = LocalPreparer(PreprocessorSettings(num_workers=num_workers))
    tasks = [asyncio.create_task(preparer.prepare(call(), StudyImage(png(CHEST)))) for _ in range(num_workers)]
    await asyncio.to_thread(together.wait, 20)
    assert all([(await task).digest for task in tasks])


async def _until_free(preparer: LocalPreparer) -> None:
    for _ in range(500):
        if preparer.num_free:
            return
        await asyncio.sleep(0.01)
    pytest.fail("the slot was not given back")


async def test_of_an_undeclared_lateral_the_client_is_asked_for_the_view() -> None:
    large = Image.fromarray(lateral_chest(np.random.default_rng(502)))
    data = png(np.asarray(large.resize((2 * large.width, 2 * large.height))))
    preparer = LocalPreparer(PreprocessorSettings())
    with pytest.raises(NeedsConfirmation, match="lateral view: declare the view") as caught:
        await preparer.prepare(call(), StudyImage(data))
    assert caught.value.facts["reason"] == "lateral-chest"
    assert (await preparer.prepare(call(), StudyImage(data, View.LATERAL))).gate.outcome is GateOutcome.UNJUDGED


async def test_a_film_declared_lateral_goes_on_and_is_said_to_be_unjudged() -> None:
    """Nobody checks that a declared lateral is a chest: its verdict says so."""
    preparer = LocalPreparer(PreprocessorSettings())

    prepared = await preparer.prepare(call(), StudyImage(png(NOISE), View.LATERAL))

    assert prepared.gate == GateVerdict(GateOutcome.UNJUDGED, None, "laterals-are-not-judged")


@pytest.mark.parametrize(
    "data",
    [png(np.full((300, 300), 128, np.uint8)), png(NOISE[:40]), png(np.stack([NOISE, NOISE // 2, 255 - NOISE], axis=2))],
    ids=["uniform", "too small", "coloured"],
)
async def test_what_is_no_film_of_any_view_is_refused_though_declared_lateral(data: bytes) -> None:
    with pytest.raises(NotAChestXray):
        await LocalPreparer(PreprocessorSettings()).prepare(call(), StudyImage(data, View.LATERAL))


async def test_a_file_that_calls_itself_lateral_is_not_believed_without_the_client() -> None:
    preparer = LocalPreparer(PreprocessorSettings())
    data = dicom(NOISE, ViewPosition="LL", WindowCenter=128, WindowWidth=256)

    with pytest.raises(NeedsConfirmation, match="lateral view"):
        await preparer.prepare(call(), StudyImage(data))

    confirmed = await preparer.prepare(call(), StudyImage(data, is_confirmed=True))
    assert confirmed.gate.is_confirmed and confirmed.gate.outcome is GateOutcome.UNJUDGED


async def test_a_frontal_film_is_judged_whatever_its_file_says() -> None:
    data = dicom(CHEST, ViewPosition="LL", WindowCenter=128, WindowWidth=256)

    prepared = await LocalPreparer(PreprocessorSettings()).prepare(call(), StudyImage(data, View.PA))

    assert prepared.gate.outcome is GateOutcome.PASS
