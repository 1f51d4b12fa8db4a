"""Whom we told when to come back."""

from serve_app.admission.promises import Promises


def test_a_place_is_kept_for_whoever_comes_on_time() -> None:
    promises = Promises()
    promises.add("hospital", "one", 10.0)

    assert not promises.take("hospital", "one", 9.9)
    assert not promises.take("hospital", "two", 10.0)
    assert not promises.take("clinic", "one", 10.0)
    assert promises.take("hospital", "one", 10.0)
    assert not promises.take("hospital", "one", 10.0)


def test_a_place_is_kept_for_two_seconds_more() -> None:
    promises = Promises()
    promises.add("hospital", "one", 10.0)

    assert promises.count("hospital", 11.9) == 1
    assert promises.counts(11.9) == {"hospital": 1}
    assert promises.count("hospital", 12.0) == 0
    assert not promises.take("hospital", "one", 12.0)


def test_the_oldest_of_a_callers_places_is_used_up_first() -> None:
    promises = Promises()
    for due_s in (12.0, 10.0, 11.0):
        promises.add("hospital", "one", due_s)

    assert [promises.take("hospital", "one", 11.0) for _ in range(3)] == [True, True, False]
    assert promises.count("hospital", 11.0) == 1
