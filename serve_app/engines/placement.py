"""Chooses the engine replica for a conversation: the one that has its image cached, unless it is overloaded.

A pure decision from the names and loads of replicas. Routers agree without communicating, because they hash the same
names.
"""

import hashlib
import math
from collections import OrderedDict
from collections.abc import Collection, Mapping
from typing import Literal

Outcome = Literal["warm", "home", "moved"]
# Many times the images that a router has in progress, and less than a megabyte.
_REMEMBERED_IMAGES = 4096


def ranked(image: str, replicas: Collection[str]) -> list[str]:
    """Order replicas for an image. The first is its home; removing a replica moves only the images whose home it was.

    Source: rendezvous hashing, Thaler and Ravishankar 1998.
    """
    return sorted(replicas, key=lambda replica: hashlib.blake2b(f"{replica} {image}".encode(), digest_size=8).digest())


def load_bound(loads: Collection[int], max_load_ratio: float, min_load_requests: int) -> int:
    """Compute how many requests a replica may have, including the one to be placed.

    Source: consistent hashing with bounded loads, Mirrokni, Thorup and Zadimoghaddam 2018.
    """
    return max(min_load_requests, math.ceil(max_load_ratio * (sum(loads) + 1) / len(loads)))


class Placement:
    """Places images on replicas, by the replicas' names. Remembers the placement of the most recent images."""

    def __init__(self, max_load_ratio: float, min_load_requests: int) -> None:
        self._max_load_ratio = max_load_ratio
        self._min_load_requests = min_load_requests
        self._last: OrderedDict[str, str] = OrderedDict()

    def order(self, image: str, has_begun: bool, loads: Mapping[str, int]) -> list[str]:
        """Order all replicas, the best first.

        Args:
            image: the image's id for one tenant.
            has_begun: the conversation has earlier turns, which only the cache of its last replica holds.
            loads: requests in progress on each replica.
        """
        bound = load_bound(loads.values(), self._max_load_ratio, self._min_load_requests)
        last = self._last.get(image)

        def cost(replica: str) -> tuple[int, int]:
            excess, is_cold = max(0, loads[replica] + 1 - bound), int(replica != last)
            return (is_cold, excess) if has_begun else (excess, is_cold)

        return sorted(ranked(image, loads), key=cost)

    def remember(self, image: str, replica: str, replicas: Collection[str]) -> Outcome:
        """Record an image's replica and return how it relates to the image: warm, home or moved."""
        last = self._last.pop(image, None)
        self._last[image] = replica
        if len(self._last) > _REMEMBERED_IMAGES:
            self._last.popitem(last=False)
        if replica == last:
            return "warm"
        return "home" if ranked(image, replicas)[:1] == [replica] else "moved"
