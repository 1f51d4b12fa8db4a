"""Images keep to their replica, a busy one gives new images away, and what has begun stays."""

from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from serve_app.engines import placement as placement_module
from serve_app.engines.placement import Placement, load_bound, ranked

REPLICAS = ["a", "b", "c", "d"]
names = st.text(min_size=1, max_size=12)
loads = st.dictionaries(names, st.integers(0, 64), min_size=1, max_size=8)


def placement() -> Placement:
    return Placement(max_load_ratio=1.25, min_load_requests=4)


def idle(replicas: list[str]) -> dict[str, int]:
    return dict.fromkeys(replicas, 0)


@given(names, loads, st.booleans())
def test_every_replica_is_a_choice_once(image: str, loads: dict[str, int], has_begun: bool) -> None:
    assert sorted(placement().order(image, has_begun, loads)) == sorted(loads)


@given(names, loads)
def test_the_first_choice_is_within_the_bound(image: str, loads: dict[str, int]) -> None:
    first = placement().order(image, False, loads)[0]

    assert loads[first] + 1 <= load_bound(loads.values(), 1.25, 4)


@given(names, loads, st.data())
def test_what_has_begun_stays_however_busy_its_replica_is(
    image: str, loads: dict[str, int], data: st.DataObject
) -> None:
    place = placement()
    replica = data.draw(st.sampled_from(sorted(loads)))
    place.remember(image, replica, loads)

    assert place.order(image, True, {**loads, replica: 1000})[0] == replica


@given(names, st.sets(names, min_size=2, max_size=8), st.data())
def test_a_replica_that_goes_takes_only_its_own_images_along(
    image: str, replicas: set[str], data: st.DataObject
) -> None:
    gone = data.draw(st.sampled_from(sorted(replicas)))
    home = ranked(image, replicas)[0]

    after = ranked(image, replicas - {gone})[0]

    assert after == home or home == gone


def test_images_are_spread_evenly() -> None:
    homes = Counter(ranked(f"image {number}", REPLICAS)[0] for number in range(4000))

    assert max(homes.values()) < 1.1 * 1000


def test_a_busy_home_gives_a_new_image_to_the_next_and_the_next_keeps_it() -> None:
    place = placement()
    home, second, *_ = ranked("film", REPLICAS)
    busy = {**idle(REPLICAS), home: 4}

    moved_to = place.order("film", False, busy)[0]
    outcome = place.remember("film", moved_to, REPLICAS)

    assert (moved_to, outcome) == (second, "moved")
    assert place.order("film", False, idle(REPLICAS))[0] == second
    assert place.remember("film", second, REPLICAS) == "warm"


def test_a_warm_replica_that_is_too_busy_gives_a_re_read_away() -> None:
    place = placement()
    home, *_ = ranked("film", REPLICAS)
    place.remember("film", home, REPLICAS)

    assert place.order("film", False, {**idle(REPLICAS), home: 20})[0] != home


def test_after_the_warm_replica_is_gone_the_image_has_a_home_again() -> None:
    place = placement()
    home, *others = ranked("film", REPLICAS)
    place.remember("film", home, REPLICAS)

    choices = place.order("film", True, idle(others))

    assert choices[0] == ranked("film", others)[0]


def test_what_is_remembered_does_not_grow(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(placement_module, "_REMEMBERED_IMAGES", 2)
    place = placement()
    for image in ("first", "second", "third"):
        place.remember(image, ranked(image, REPLICAS)[-1], REPLICAS)

    found = {image: place.order(image, False, idle(REPLICAS))[0] for image in ("first", "third")}

    assert found == {"first": ranked("first", REPLICAS)[0], "third": ranked("third", REPLICAS)[-1]}
