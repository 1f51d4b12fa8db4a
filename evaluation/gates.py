"""Reads the bounds in gates.yaml and checks a comparison against them."""

from collections.abc import Mapping
from pathlib import Path

import yaml
from pydantic import BaseModel, ConfigDict, RootModel, ValidationError, model_validator

from evaluation.comparison import Row

GATES = Path(__file__).parent / "gates.yaml"


class UnusableGates(Exception):
    """The gates cannot be read, or one bounds an unknown figure."""


class Gate(BaseModel):
    """The bounds of one figure. `max_drop` and `max_rise` bound the new value minus the old one."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    min: float | None = None
    max: float | None = None
    max_drop: float | None = None
    max_rise: float | None = None

    @model_validator(mode="after")
    def _bounds_something(self) -> "Gate":
        bounds = [getattr(self, name) for name in self.model_fields_set]
        if not bounds or None in bounds:
            raise ValueError("a gate needs at least one of min, max, max_drop and max_rise, each a number")
        return self


class _Gates(RootModel[dict[str, Gate]]):
    pass


def read_gates(file: Path = GATES) -> dict[str, Gate]:
    """Read gates.yaml.

    Raises:
        UnusableGates: the file cannot be read, has no gate, or a gate is malformed.
    """
    try:
        gates = _Gates.model_validate(yaml.safe_load(file.read_text(encoding="utf-8"))).root
    except (OSError, UnicodeDecodeError) as error:
        raise UnusableGates(f"{file} cannot be read") from error
    except yaml.YAMLError as error:
        raise UnusableGates(f"{file} is not valid YAML") from error
    except ValidationError as error:
        first = error.errors()[0]
        raise UnusableGates(f"{file}: {'.'.join(map(str, first['loc']))}: {first['msg']}") from error
    if not gates:
        raise UnusableGates(f"{file} has no gate")
    return gates


def broken(gates: Mapping[str, Gate], rows: Mapping[str, Row]) -> list[str]:
    """Describe every failed bound; empty if all pass.

    Raises:
        UnusableGates: a gate bounds a figure that was not computed.
    """
    absent = sorted(gates.keys() - rows.keys())
    if absent:
        raise UnusableGates(f"no such figure in these runs: {', '.join(absent)}; known figures: {', '.join(rows)}")
    return [line for name, gate in gates.items() for line in _broken(name, gate, rows[name])]


def failed_gates(gates: Mapping[str, Gate], rows: Mapping[str, Row]) -> list[str]:
    """Name the figures of which a bound failed."""
    return [name for name, gate in gates.items() if broken({name: gate}, rows)]


def _broken(name: str, gate: Gate, row: Row) -> list[str]:
    gain = row.difference.value
    lines = []
    if gate.min is not None and row.after < gate.min:
        lines.append(f"{name} {row.after:.4f} is below {gate.min}")
    if gate.max is not None and row.after > gate.max:
        lines.append(f"{name} {row.after:.4f} is above {gate.max}")
    if gate.max_drop is not None and -gain > gate.max_drop:
        lines.append(f"{name} fell by {-gain:.4f}, more than {gate.max_drop}")
    if gate.max_rise is not None and gain > gate.max_rise:
        lines.append(f"{name} rose by {gain:.4f}, more than {gate.max_rise}")
    return lines
