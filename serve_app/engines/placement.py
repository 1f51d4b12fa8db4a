"""Which engine replica gets a conversation: the one that has its image warm, unless that one has too much to do.

A pure decision: knows names and loads of replicas, nothing of Ray. Routers agree because they hash the same names, not
because they talk to each other.
"""

import hashlib
import math
from collections import OrderedDict
from collections.abc import Collection, Mapping
from typing import Literal

Outcome = Literal["warm", "home", "moved"]
# Many times what a caller has in progress, and less than a megabyte.
_REMEMBERED_IMAGES = 4096


def ranked(image: str, replicas: Collection[str]) -> list[str]:
    """Order replicas for an image; the first is its home, and taking one away moves only the images it had.

    Source: rendezvous hashing, Thaler and Ravishankar 1998.
    """
    return sorted(replicas, key=lambda replica: hashlib.blake2b(f"{replica} {image}".encode(), digest_size=8).digest())


def load_bound(loads: Collection[int], max_load_ratio: float, min_load_requests: int) -> int:
    """Say how many requests a replica may have with one more of them on its way.

    Source: consistent hashing with bounded loads, Mirrokni, Thorup and Zadimoghaddam 2018.
    """
    return max(min_load_requests, math.ceil(max_load_ratio * (sum(loads) + 1) / len(loads)))


class Placement:
    """Where images go, by the names of replicas; remembers where the last ones went, up to a fixed number of them."""

    def __init__(self, max_load_ratio: float, min_load_requests: int) -> None:
        self._max_load_ratio = max_load_ratio
        self._min_load_requests = min_load_requests
        self._last: OrderedDict[str, str] = OrderedDict()

    def order(self, image: str, has_begun: bool, loads: Mapping[str, int]) -> list[str]:
        """Order all replicas, the best first.

        Args:
            image: names the image for one tenant.
            has_begun: the conversation has turns that its replica holds in its cache; only there it is cheap.
            loads: requests in progress of every replica there is.
        """
        bound = load_bound(loads.values(), self._max_load_ratio, self._min_load_requests)
        last = self._last.get(image)

        def cost(replica: str) -> tuple[int, int]:
            excess, is_cold = max(0, loads[replica] + 1 - bound), int(replica != last)
            return (is_cold, excess) if has_begun else (excess, is_cold)

        return sorted(ranked(image, loads), key=cost)

    def remember(self, image: str, replica: str, replicas: Collection[str]) -> Outcome:
        """Note where an image went, and say how that place was found."""
        last = self._last.pop(image, None)
        self._last[image] = replica
        if len(self._last) > _REMEMBERED_IMAGES:
            self._last.popitem(last=False)
        if replica == last:
            return "warm"
        return "home" if ranked(image, replicas)[:1] == [replica] else "moved"
