"""A retrained demo model is compared with the published intervals."""

import json
from pathlib import Path

import pytest

from evaluation.demo import reproduced
from evaluation.demo.reproduced import HELD, hold


def write(folder: Path, names: tuple[str, ...], value: float) -> None:
    folder.mkdir(exist_ok=True)
    for name, (_, _, figures) in zip(names, HELD, strict=True):
        scores = {figure: {"value": value, "low": 0.4, "high": 0.6} for figure in figures}
        (folder / name).write_text(json.dumps({"scores": scores}))


@pytest.mark.parametrize(
    ("value", "is_within", "status"), [(0.5, True, 0), (0.6, True, 0), (0.61, False, 1), (0.39, False, 1)]
)
def test_a_figure_outside_its_interval_is_told_and_fails(
    value: float,
    is_within: bool,
    status: int,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    published, run = tmp_path / "published", tmp_path / "run"
    run.mkdir()
    write(published, tuple(told for _, told, _ in HELD), 0.5)
    write(run / "evaluation", tuple(made for made, _, _ in HELD), value)
    held = hold(run / "evaluation", published)
    assert {one.is_within for one in held} == {is_within}
    assert len(held) == sum(len(figures) for _, _, figures in HELD)

    monkeypatch.setattr(reproduced, "PUBLISHED", published)
    monkeypatch.setattr("sys.argv", ["reproduced", str(run)])
    with pytest.raises(SystemExit) as stopped:
        reproduced.main()
    assert stopped.value.code == status
    assert ("OUTSIDE" in capsys.readouterr().out) is not is_within
