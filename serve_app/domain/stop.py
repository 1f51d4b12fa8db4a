"""A stop: an operator decided that no drafts are made, for everybody, for one tenant or by one model."""

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum

REASON = r"^[a-z0-9][a-z0-9-]{0,39}$"
"""The pattern of a reason: a code, so that nothing about a patient can stand in it."""
UNSTATED = "unstated"


class StopKind(StrEnum):
    """What a stop is about."""

    ALL = "all"
    TENANT = "tenant"
    MODEL = "model"


@dataclass(frozen=True, slots=True)
class Stop:
    """A stop in effect; `name` is the tenant, or the model as reports name it, and empty where all is stopped."""

    kind: StopKind
    name: str
    reason: str
    set_unix_s: float

    @property
    def id(self) -> str:
        """The same for every stop of the same thing."""
        return hashlib.sha256(f"{self.kind}:{self.name}".encode()).hexdigest()[:16]

    @property
    def facts(self) -> dict[str, str]:
        """What the audit log keeps of it."""
        return {"kind": self.kind.value, "name": self.name, "reason": self.reason}

    def concerns(self, tenant: str, models: frozenset[str]) -> bool:
        """Whether it is about drafts for a tenant by these models."""
        match self.kind:
            case StopKind.ALL:
                return True
            case StopKind.TENANT:
                return self.name == tenant
            case StopKind.MODEL:
                return self.name in models


def model_names(model: str, adapters: Iterable[str | None] = ()) -> frozenset[str]:
    """Name a model in every way that a stop may: alone, each of its adapters, and as reports name them together."""
    named = [adapter for adapter in dict.fromkeys(adapters) if adapter is not None]
    return frozenset({model, *named, "+".join([model, *named])})
