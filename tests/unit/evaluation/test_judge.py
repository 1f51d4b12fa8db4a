"""The judge reads one word and nothing else, and gives nothing away when the endpoint fails."""

import json
from typing import Any

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from evaluation.judge import Answer, Judge, JudgeFailed, Judgement, judge_run, main, parse_answer
from evaluation.predictions import Prediction, Text

REPORT = "Bóng tim to.\nTràn dịch màng phổi trái."


def judging(*answers: Any, asked: list[httpx.Request] | None = None, **options: Any) -> Judge:
    """Answer one after the other: a word, a whole response or an error."""
    left = list(answers)

    def handle(request: httpx.Request) -> httpx.Response:
        if asked is not None:
            asked.append(request)
        answer = left.pop(0)
        if isinstance(answer, Exception):
            raise answer
        if isinstance(answer, httpx.Response):
            return answer
        return httpx.Response(200, json={"choices": [{"message": {"content": answer}}]})

    return Judge("http://127.0.0.1:1/v1", "judge", transport=httpx.MockTransport(handle), **options)


@pytest.mark.parametrize(
    ("content", "answer"),
    [
        ("yes", Answer.YES),
        (" Yes.\n", Answer.YES),
        ("NO", Answer.NO),
        ("no.", Answer.NO),
        ("yes, because", Answer.UNPARSEABLE),
        ("yes or no", Answer.UNPARSEABLE),
        ("có", Answer.UNPARSEABLE),
        ("unparseable", Answer.UNPARSEABLE),
        ("", Answer.UNPARSEABLE),
        (None, Answer.UNPARSEABLE),
        (["yes"], Answer.UNPARSEABLE),
    ],
)
def test_only_one_word_is_an_answer(content: object, answer: Answer) -> None:
    assert parse_answer(content) is answer


@given(st.text())
def test_any_text_is_read(content: str) -> None:
    assert (parse_answer(content) is Answer.UNPARSEABLE) is (
        content.strip().removesuffix(".").casefold() not in ("yes", "no")
    )


def test_every_statement_is_asked_about_and_counted() -> None:
    asked: list[httpx.Request] = []
    judge = judging("yes", "maybe", asked=asked)

    assert judge.judge(REPORT, "Bóng tim to.") == Judgement(num_yes=1, num_no=0, num_unparseable=1)
    sent = [json.loads(json.loads(request.content)["messages"][1]["content"]) for request in asked]
    assert sent == [
        {"report": "Bóng tim to.", "statement": "Bóng tim to."},
        {"report": "Bóng tim to.", "statement": "Tràn dịch màng phổi trái."},
    ]
    assert asked[0].url.path == "/v1/chat/completions"
    assert json.loads(asked[0].content)["temperature"] == 0


def test_an_unparseable_answer_counts_neither_way() -> None:
    assert Judgement(3, 1, 5).entailed_ratio == 0.75
    assert Judgement(0, 0, 5).entailed_ratio is None


def test_a_run_is_pooled_and_failures_are_apart() -> None:
    one = Prediction("a", "p", Text("Bóng tim to.", "Tim to."), Text("Bóng tim to.", "Tim to."))
    failed = Prediction("b", "p", Text("Bóng tim to.", "Tim to."), None, "overloaded")

    result = judge_run([one, failed], judging("yes", "no"))

    assert (result["num_drafts"], result["num_failed"]) == (1, 1)
    assert (result["num_yes"], result["num_no"], result["entailed_ratio"]) == (1, 1, 0.5)


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        (httpx.Response(401, text=f"bad key s3cret for {REPORT}"), "status 401"),
        (httpx.Response(200, text="<html>"), "does not follow OpenAI"),
        (httpx.Response(200, json={"choices": []}), "does not follow OpenAI"),
        (httpx.ConnectError("s3cret"), "cannot be reached"),
    ],
)
def test_a_failure_is_one_sentence_without_text_or_key(answer: Any, words: str) -> None:
    with pytest.raises(JudgeFailed, match=words) as failure:
        judging(answer, api_key="s3cret").entails(REPORT, "Bóng tim to.")
    assert "s3cret" not in str(failure.value) and "tim" not in str(failure.value)
    assert failure.value.__cause__ is None


def test_the_key_goes_in_the_header_only() -> None:
    asked: list[httpx.Request] = []
    judging("yes", asked=asked, api_key="s3cret").entails(REPORT, "Bóng tim to.")
    assert asked[0].headers["authorization"] == "Bearer s3cret"
    assert b"s3cret" not in asked[0].content


def test_the_key_does_not_cross_a_network_unencrypted() -> None:
    with pytest.raises(JudgeFailed, match="https"):
        Judge("http://judge.example/v1", "judge", api_key="s3cret")
    Judge("https://judge.example/v1", "judge", api_key="s3cret").close()


def test_an_endpoint_that_is_down_is_exit_code_2(capsys: pytest.CaptureFixture[str], make_run: Any) -> None:
    report = Text("Bóng tim to.", "Tim to.")
    folder = make_run("run", [report], [report])
    with pytest.raises(SystemExit) as stopped:
        main([str(folder), "--url", "http://127.0.0.1:1/v1", "--model", "m"])
    assert stopped.value.code == 2
    assert "cannot be reached" in capsys.readouterr().err
    assert not (folder / "judge.json").exists()
