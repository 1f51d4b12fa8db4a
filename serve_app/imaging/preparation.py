"""The image step of one image: decode, screen, normalise, name.

Knows nothing about requests, processes or Ray.
"""

from dataclasses import replace

from serve_app.domain.errors import NeedsConfirmation, NotAChestXray
from serve_app.domain.radiograph import Correction, GateOutcome, GateVerdict, Radiograph
from serve_app.domain.study import StudyImage, View
from serve_app.imaging.decode import decode
from serve_app.imaging.film import corrected, readable
from serve_app.imaging.normalize import digest, normalize
from serve_app.imaging.picture import Picture
from serve_app.imaging.screen import Gate
from serve_app.settings import PreprocessorSettings, ScreenSettings

_NOT_A_CHEST = "the image does not look like a chest X-ray"
_UNSURE = "the image may not be a frontal chest X-ray: confirm it to go on"
_FAULTS = {
    "too-small": "the film shows no more than one of 128 pixels a side would: send the original",
    "under-exposed": "the film is so dark that too few grey levels are left: send the original",
    "flat": "the film has too few grey levels: send the original",
    Correction.INVERTED: "the film seems to be inverted, with dark bones: have it inverted, or confirm it as it is",
    Correction.TURNED_LEFT: "the film seems to be rotated: have it turned left by 90 degrees, or confirm it as it is",
    Correction.TURNED_RIGHT: "the film seems to be rotated: have it turned right by 90 degrees, or confirm it as it is",
    Correction.TURNED_AROUND: "the film seems to be upside down: have it turned by 180 degrees, or confirm it as it is",
    "lateral-chest": "the film seems to be a lateral view: declare the view, or confirm that the film is frontal",
    "laterals-are-not-judged": "the file says that it is a lateral view, which cannot be judged here: "
    "confirm it to go on",
}


def prepare(image: StudyImage, settings: PreprocessorSettings) -> Radiograph:
    """Make an image ready for the model.

    Raises:
        NotAChestXray, NeedsConfirmation: the gate's verdict under policy `enforce`, unconfirmed.
        Whatever `decode.decode` raises.
    """
    picture, verdict = _judged(readable(decode(image.data, settings)), image, Gate(settings.screen))
    verdict = _decided(verdict, image, settings.screen)
    pixels = normalize(picture.pixels, settings.max_visual_tokens)
    return Radiograph(pixels, digest(pixels), picture.source, verdict, picture.attributes, picture.reference)


def _judged(picture: Picture, image: StudyImage, gate: Gate) -> tuple[Picture, GateVerdict]:
    """Judge a film, and judge it corrected if the client lets it be and that mends it."""
    view = image.view or picture.attributes.view
    verdict = gate.screen(picture, view)
    if not (image.is_correctable and verdict.remedy):
        return picture, verdict
    mended = corrected(picture, verdict.remedy)
    return mended, gate.screen(mended, view)


def _decided(verdict: GateVerdict, image: StudyImage, settings: ScreenSettings) -> GateVerdict:
    """Stop what does not pass, unless the client confirms it or the policy only records.

    A client that declares a lateral film knows that nobody judges it; one that sends a file which says so may not.
    """
    is_declared_lateral = verdict.outcome is GateOutcome.UNJUDGED and image.view is View.LATERAL
    if verdict.outcome is GateOutcome.PASS or is_declared_lateral:
        return verdict
    if image.is_confirmed:
        return replace(verdict, is_confirmed=True)
    if settings.policy == "record":
        return verdict
    if verdict.outcome is GateOutcome.REFUSE:
        raise NotAChestXray(_FAULTS.get(verdict.reason, _NOT_A_CHEST), verdict.reason, verdict.score or 0.0)
    question = _FAULTS.get(verdict.remedy or verdict.reason, _UNSURE)
    raise NeedsConfirmation(question, verdict.reason, verdict.score or 0.0, verdict.remedy or "")
