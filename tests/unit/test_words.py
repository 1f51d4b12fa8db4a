"""The command line speaks Vietnamese where the environment asks for it, and English otherwise."""

import os
import re
import string
import subprocess
import sys
from dataclasses import fields
from inspect import signature

import pytest

from serve_app.api.door.problems import CONFIRMATION_HINT, CORRECTION_HINT
from serve_app.cli import report
from serve_app.client import (
    ClientError,
    DeadlineExceeded,
    IncompleteAnswer,
    Problem,
    ProblemError,
    SectionStatus,
    UnexpectedAnswer,
    Unreachable,
)
from serve_app.domain.errors import ContradictoryStudy, NotAChestXray
from serve_app.domain.radiograph import GateOutcome
from serve_app.domain.report import ConcernCode
from serve_app.settings import prefers_vietnamese
from serve_app.words import ENGLISH, VIETNAMESE, Words, preferred
from tests.api.conftest import FILM, ScriptedReporter, open_door

VARIABLES = ("LC_ALL", "LC_MESSAGES", "LANG")
CONFIRM = "To confirm the image, repeat the command with --confirm."
SENTENCES = [field.name for field in fields(Words) if field.type is str]


@pytest.mark.parametrize(
    ("environment", "is_vietnamese"),
    [
        ({}, False),
        ({"LANG": "vi_VN.UTF-8"}, True),
        ({"LANG": "vi"}, True),
        ({"LANG": "VI_vn"}, True),
        ({"LC_MESSAGES": "vi_VN", "LANG": "C"}, True),
        ({"LC_MESSAGES": "en_US", "LANG": "vi_VN"}, False),
        ({"LC_ALL": "C.UTF-8", "LANG": "vi_VN"}, False),
        ({"LC_ALL": "", "LANG": "vi_VN"}, True),
        ({"LANG": "vie"}, False),
    ],
)
def test_the_first_variable_that_is_set_decides(
    environment: dict[str, str], is_vietnamese: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in VARIABLES:
        monkeypatch.delenv(name, raising=False)
    for name, value in environment.items():
        monkeypatch.setenv(name, value)

    assert prefers_vietnamese() is is_vietnamese
    assert preferred() is (VIETNAMESE if is_vietnamese else ENGLISH)


def blanks(sentence: str) -> set[str]:
    return {name for _, name, _, _ in string.Formatter().parse(sentence) if name}


@pytest.mark.parametrize("name", SENTENCES)
def test_both_languages_fill_in_the_same(name: str) -> None:
    english, vietnamese = getattr(ENGLISH, name), getattr(VIETNAMESE, name)
    assert blanks(english) == blanks(vietnamese)
    assert (english and vietnamese and english != vietnamese) or name == "port"


@pytest.mark.parametrize("kind", [Unreachable, DeadlineExceeded, IncompleteAnswer, UnexpectedAnswer])
def test_every_way_the_client_fails_has_vietnamese_words(kind: type[ClientError]) -> None:
    assert VIETNAMESE.failure(kind("the detail")) == f"{VIETNAMESE.failures[kind.code]} (the detail)"
    assert ENGLISH.failure(kind("the detail")) == "the detail"


async def test_a_refusal_has_the_servers_vietnamese_title_and_its_detail() -> None:
    door = open_door(ScriptedReporter([], NotAChestXray("no lungs")))
    async with door.client() as client:
        headers = {"Accept-Language": VIETNAMESE.language}
        answer = await client.post("/v1/reports", files={"image": FILM}, headers=headers)
    error = ProblemError(Problem.model_validate_json(answer.content))

    assert VIETNAMESE.failure(error) == f"Ảnh không giống X-quang ngực. (no lungs. {CONFIRM})"
    assert ENGLISH.failure(error) == f"no lungs. {CONFIRM}"


@pytest.mark.parametrize(
    ("detail", "shown"),
    [
        (CONFIRMATION_HINT, CONFIRM),
        (CORRECTION_HINT, "To have it corrected, repeat the command with --correct."),
        (
            ContradictoryStudy("the form field sex contradicts PatientSex of the file").message,
            "the option --sex contradicts PatientSex of the file",
        ),
    ],
)
def test_a_refusal_names_the_options_of_the_command_where_the_server_names_fields(detail: str, shown: str) -> None:
    for words in (ENGLISH, VIETNAMESE):
        assert shown in words.failure(UnexpectedAnswer(detail))
    assert re.findall(r"--\w+", shown)[0] in {f"--{name}" for name in signature(report).parameters}


def test_every_status_of_a_section_that_is_not_whole_has_vietnamese_words() -> None:
    assert set(VIETNAMESE.statuses) == set(SectionStatus) - {SectionStatus.COMPLETE}


@pytest.mark.parametrize(("language", "sentence"), [("vi_VN.UTF-8", VIETNAMESE.report), ("C.UTF-8", ENGLISH.report)])
def test_help_and_errors_are_in_that_language(language: str, sentence: str) -> None:
    environment = {name: value for name, value in os.environ.items() if name not in VARIABLES}
    environment |= {"LC_ALL": language, "COLUMNS": "200", "PYTHONUTF8": "1"}

    def clara(*arguments: str) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-c", "from serve_app.cli import main; main()", *arguments]
        return subprocess.run(command, env=environment, capture_output=True, text=True, timeout=60, check=False)

    assert sentence in clara("report", "--help").stdout
    failed = clara("report", __file__, "--url", "http://127.0.0.1:1").stderr
    assert failed.startswith("unreachable: ")
    assert (VIETNAMESE.failures["unreachable"] in failed) is (sentence == VIETNAMESE.report)


@pytest.mark.parametrize("words", [ENGLISH, VIETNAMESE], ids=["English", "Vietnamese"])
def test_every_concern_has_words(words: Words) -> None:
    assert set(words.concerns) == {code.value for code in ConcernCode}
    assert set(words.gate) == {outcome.value for outcome in GateOutcome} - {"pass"}
