"""The baseline makes the platform's report, by a simpler program."""

from loadtests.bench.films import drawn_films
from loadtests.bench.plain import PlainPreparer
from loadtests.bench.targets import InProcess
from serve_app.domain.report import Report
from serve_app.domain.study import Study, StudyImage
from serve_app.engines.scripted_engine import ScriptedEngine
from serve_app.reasoning.local import local_call, local_reporter
from serve_app.settings import Settings


async def test_the_baseline_has_the_text_and_the_tokens_of_the_platforms_report() -> None:
    (film,) = drawn_films(seed=1, num_films=1, width_px=600)
    reporter = local_reporter(Settings(), ScriptedEngine(), PlainPreparer())
    study = Study((StudyImage(film),))
    events = [event async for event in reporter.report(local_call("test", 60.0), study, "rpt")]
    report = events[-1]
    assert isinstance(report, Report)

    sample = await InProcess(PlainPreparer(), ScriptedEngine()).report(0, film)

    assert sample.text == f"{report.findings.text}\n\n{report.impression.text}"
    assert sample.completion_tokens == sum(turn.usage.completion_tokens for turn in report.turns)
    assert len(sample.turns_s) == 2
    assert sample.first_token_s is not None
    assert sample.first_token_s <= sample.report_s
