"""The published client works by itself: in an environment that holds nothing else of the platform."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

from serve_app import __version__
from tests.api.conftest import FILM, open_door
from tests.unit.client.conftest import served

ROOT = Path(__file__).parents[3]
PROJECT = ROOT / "clients" / "python"
UV = str(Path(sys.executable).parent / "uv")
MAX_WHEEL_BYTES = 100_000
FOREIGN = ("ray", "torch", "numpy", "fastapi", "serve_app")
# Runs the README's programs, top-level `async with` and all, one after the other.
RUN = """\
import ast, asyncio, inspect, sys
names = {"image_bytes": open("film.png", "rb").read()}
for path in sys.argv[1:]:
    code = compile(open(path, encoding="utf-8").read(), path, "exec", flags=ast.PyCF_ALLOW_TOP_LEVEL_AWAIT)
    result = eval(code, names)
    if inspect.iscoroutine(result):
        asyncio.run(result)
import importlib.metadata, importlib.util
print(importlib.metadata.version("clara-client"))
print([name for name in FOREIGN if importlib.util.find_spec(name)])
"""


def run(*command: str, cwd: Path) -> str:
    done = subprocess.run(command, cwd=cwd, capture_output=True, text=True, timeout=240, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


def programs(url: str) -> list[str]:
    blocks = re.findall(r"```python\n(.*?)```", (PROJECT / "README.md").read_text(encoding="utf-8"), re.DOTALL)
    return [block.replace("http://127.0.0.1:8000", url) for block in blocks]


@pytest.mark.slow
def test_the_wheel_alone_runs_the_programs_of_its_readme(tmp_path: Path) -> None:
    build = [UV, "build", "--wheel", "--no-build-isolation", "--python", sys.executable]
    run(*build, "--out-dir", str(tmp_path), str(PROJECT), cwd=ROOT)
    [wheel] = tmp_path.glob("clara_client-*.whl")
    assert wheel.stat().st_size < MAX_WHEEL_BYTES
    run(UV, "venv", "--python", sys.executable, str(tmp_path / "venv"), cwd=tmp_path)
    python = str(tmp_path / "venv" / "bin" / "python")
    run(UV, "pip", "install", "--python", python, str(wheel), cwd=tmp_path)
    for film in ("film.png", "film.dcm"):
        (tmp_path / film).write_bytes(FILM)
    (tmp_path / "run.py").write_text(f"FOREIGN = {FOREIGN}\n{RUN}")

    door = open_door()
    with served(door.app) as url:
        files = []
        for number, program in enumerate(programs(url)):
            files.append(tmp_path / f"program_{number}.py")
            files[-1].write_text(program, encoding="utf-8")
        said = run(python, "run.py", *map(str, files), cwd=tmp_path)

    assert "Bóng tim to." in said and "rpt_" in said
    assert said.splitlines()[-2:] == [__version__, "[]"]
    assert len(door.reporter.asked) == 4
