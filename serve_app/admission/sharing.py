"""How the gateways' replicas share the platform's slots: each learns what all use, and reckons its own share.

Nobody owns the queue, and no request waits for an answer of another replica.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from serve_app.admission.slots import fair_shares


@dataclass(frozen=True, slots=True)
class Usage:
    """What one replica says of itself: slots that each tenant has or waits for, and has been given since its start."""

    replica: str
    demand: Mapping[str, int]
    num_served: Mapping[str, int]


def own_slots(usages: Sequence[Usage], replica: str, num_slots: int, weights: Mapping[str, float]) -> int:
    """Reckon one replica's share: of each tenant's fair share its part of the demand, and of what is left an even part.

    Everyone has one slot at least.
    """
    demand = sum((Counter(usage.demand) for usage in usages), Counter[str]())
    shares = fair_shares(num_slots, demand, weights)
    own = next(usage.demand for usage in usages if usage.replica == replica)
    asked_for = sum(shares[tenant] * num / demand[tenant] for tenant, num in own.items() if num)
    left = num_slots - sum(shares.values())
    return max(1, int(asked_for + left / len(usages)))


class Elsewhere:
    """Counts what other replicas served since it was last asked."""

    def __init__(self, replica: str) -> None:
        self._replica = replica
        self._seen: dict[str, Mapping[str, int]] = {}

    def served(self, usages: Sequence[Usage]) -> Counter[str]:
        """Count by tenant; a replica that is new here is counted from now on."""
        news = Counter[str]()
        for usage in usages:
            if usage.replica != self._replica and usage.replica in self._seen:
                news += Counter(usage.num_served) - Counter(self._seen[usage.replica])
        self._seen = {usage.replica: usage.num_served for usage in usages}
        return news
