"""`clara audit remake`: asks a platform for the reports of an exported audit log again, and compares texts by digest.

The films come from a folder: the log names them by the digest of what the model saw.
"""

import hashlib
import json
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Annotated

import typer

from serve_app.client import DEFAULT_DEADLINE_S, DEFAULT_URL, AsyncClient, Image
from serve_app.domain.audit import Action, AuditEntry
from serve_app.domain.errors import BadRequest, ClaraError
from serve_app.domain.radiograph import Correction
from serve_app.domain.study import Study, StudyImage, parse_patient, parse_view
from serve_app.imaging.preparer import LocalPreparer
from serve_app.operators.terminal import Config, err, out, run, settings_of
from serve_app.ports import ImagePreparer
from serve_app.reasoning.local import local_call

_TURNS = frozenset({Correction.INVERTED, Correction.TURNED_LEFT, Correction.TURNED_RIGHT, Correction.TURNED_AROUND})
_PREPARATION_S = 60.0


@dataclass(frozen=True, slots=True)
class Draft:
    """What a report is compared by: who made it, of which prepared images, and its texts."""

    model: str
    model_digest: str | None
    prompt_version: str
    digests: tuple[str, ...]
    texts: Mapping[str, str]


DraftAgain = Callable[[Study], Awaitable[Draft]]


async def differences(entry: AuditEntry, films: Mapping[str, bytes], draft_again: DraftAgain) -> list[str]:
    """Make one report again and name what differs from its entry; nothing does if it is the same byte for byte."""
    if entry.personal is None:
        return ["erased"]
    if not {image["digest"] for image in entry.personal["images"]} <= films.keys():
        return ["film-missing"]
    again = await draft_again(study_of(entry, films))
    hashes = {name: hashlib.sha256(text.encode()).hexdigest() for name, text in again.texts.items()}
    pairs = {
        "images": (list(again.digests), [image["digest"] for image in entry.personal["images"]]),
        "model": (again.model, entry.details["model"]),
        "model_digest": (again.model_digest, entry.details.get("model_digest", again.model_digest)),
        "prompt_version": (again.prompt_version, entry.details["prompt_version"]),
        **{name: (hashes.get(name), sha256) for name, sha256 in entry.personal["text_sha256"].items()},
    }
    return [name for name, (now, then) in pairs.items() if now != then]


def study_of(entry: AuditEntry, films: Mapping[str, bytes]) -> Study:
    """Put together the study that an entry is about."""
    personal = entry.personal or {}
    images = (
        StudyImage(
            films[image["digest"]],
            parse_view(image["view"]),
            is_confirmed=any(gate["is_confirmed"] for gate in entry.details["gate"]),
            is_correctable=any(_TURNS & set(gate["corrections"]) for gate in entry.details["gate"]),
        )
        for image in personal["images"]
    )
    return Study(tuple(images), parse_patient(personal["sex"], personal["age"]))


async def films_by_digest(folder: Path, preparer: ImagePreparer) -> dict[str, bytes]:
    """Prepare every file of a folder, as it is and corrected, and name it by what the model would see."""
    films: dict[str, bytes] = {}
    for path, data in _files(folder):
        film = StudyImage(data, is_confirmed=True)
        for is_correctable in (False, True):
            try:
                call = local_call("remake", _PREPARATION_S)
                prepared = await preparer.prepare(call, replace(film, is_correctable=is_correctable))
            except ClaraError as error:
                err.print(f"{path.name} is left out: {error}", markup=False)
                break
            films[prepared.digest] = film.data
    return films


def _files(folder: Path) -> list[tuple[Path, bytes]]:
    return [(path, path.read_bytes()) for path in sorted(folder.rglob("*")) if path.is_file()]


def remake(
    entries: Annotated[Path, typer.Argument(exists=True, dir_okay=False, help="What `clara audit export` printed.")],
    films: Annotated[Path, typer.Argument(exists=True, file_okay=False, help="A folder with the films.")],
    url: Annotated[str, typer.Option(help="The platform that drafts again.")] = DEFAULT_URL,
    key_file: Annotated[Path | None, typer.Option(exists=True, help="File with an API key for it.")] = None,
    config: Config = None,
) -> None:
    """Make reports again from their entries; exit code 1 if any text differs by a byte."""
    headers = {} if key_file is None else {"Authorization": f"Bearer {key_file.read_text().strip()}"}

    async def work() -> dict[str, list[str]]:
        known = await films_by_digest(films, LocalPreparer(settings_of(config).preprocessor))
        async with AsyncClient(url, headers=headers) as client:
            drafted = [entry for entry in read_entries(entries) if entry.action == Action.REPORT_DRAFTED]
            return {entry.object: await differences(entry, known, _by(client)) for entry in drafted}

    found = run(work)
    for report_id, differing in found.items():
        if differing:
            err.print(f"{report_id} differs: {', '.join(differing)}", style="bold red", markup=False)
    num_equal = sum(not differing for differing in found.values())
    out.print(f"{num_equal} of {len(found)} reports made again have the same text.")
    if num_equal < len(found):
        raise typer.Exit(1)


def _by(client: AsyncClient) -> DraftAgain:
    async def draft_again(study: Study) -> Draft:
        body = await client.report(
            images=[Image(image.data, image.view and image.view.value) for image in study.images],
            sex=study.patient.sex and study.patient.sex.value,
            age=None if study.patient.age is None else str(study.patient.age),
            confirm=any(image.is_confirmed for image in study.images),
            correct=any(image.is_correctable for image in study.images),
            deadline_s=DEFAULT_DEADLINE_S,
        )
        texts = {"findings": body.findings.text, "impression": body.impression.text}
        digests = tuple(image.digest for image in body.images)
        return Draft(body.model, body.model_digest, body.prompt_version, digests, texts)

    return draft_again


def read_entries(path: Path) -> list[AuditEntry]:
    """Read an export.

    Raises:
        BadRequest: it is none.
    """
    try:
        return [AuditEntry(**json.loads(line)) for line in path.read_text(encoding="utf-8").splitlines() if line]
    except (ValueError, TypeError) as error:
        raise BadRequest(f"{path.name} holds no audit entries") from error
