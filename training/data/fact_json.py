"""Facts as a JSON list of {finding, polarity, side, location, severity}, and back."""

import json
from collections.abc import Collection
from dataclasses import asdict

from serve_app.domain.facts import Fact, Finding, Location, Polarity, Severity, Side

_NO_FACTS = "facts must be a list of objects"


def write_facts(facts: Collection[Fact]) -> str:
    """Write facts as JSON; equal sets give equal text."""
    return json.dumps(sorted((asdict(fact) for fact in facts), key=str), ensure_ascii=False)


def read_facts(value: object) -> frozenset[Fact]:
    """Read facts from JSON text or from the parsed list. A missing attribute is unknown.

    Raises:
        ValueError: not a list of facts, or a word outside the domain's vocabulary.
    """
    entries = json.loads(value) if isinstance(value, str) else value
    if not isinstance(entries, list):
        raise ValueError(_NO_FACTS)
    return frozenset(_fact(entry) for entry in entries)


def _fact(entry: object) -> Fact:
    if not isinstance(entry, dict):
        raise ValueError(_NO_FACTS)
    known = {"finding", "polarity", "side", "location", "severity"}
    if "finding" not in entry or not entry.keys() <= known:
        raise ValueError("a fact must have a finding, and may have only polarity, side, location and severity besides")
    said = {name: word for name, word in entry.items() if word is not None}
    return Fact(
        finding=Finding(said["finding"]),
        polarity=Polarity(said.get("polarity", Polarity.PRESENT)),
        side=Side(said["side"]) if "side" in said else None,
        location=Location(said["location"]) if "location" in said else None,
        severity=Severity(said["severity"]) if "severity" in said else None,
    )
