"""How the gateways' replicas share the slots."""

from collections import Counter

from hypothesis import given
from hypothesis import strategies as st

from serve_app.admission.sharing import Elsewhere, Usage, own_slots

TENANTS = st.dictionaries(st.sampled_from("abc"), st.integers(0, 50))


@given(st.lists(TENANTS, min_size=1, max_size=6), st.integers(1, 100))
def test_all_shares_together_are_no_more_than_the_slots_and_one_for_each(
    demands: list[dict[str, int]], num: int
) -> None:
    usages = [Usage(str(number), demand, {}) for number, demand in enumerate(demands)]
    shares = [own_slots(usages, usage.replica, num, dict.fromkeys("abc", 1.0)) for usage in usages]

    assert sum(shares) <= num + len(usages)
    assert min(shares) >= 1
    assert sum(shares) >= num - len(usages)


def test_a_tenant_that_floods_one_replica_leaves_the_other_tenants_their_share_in_another() -> None:
    usages = [Usage("one", {"greedy": 500}, {}), Usage("two", {"few": 10}, {})]
    weights = {"greedy": 1.0, "few": 1.0}

    assert own_slots(usages, "two", 20, weights) == 10
    assert own_slots(usages, "one", 20, weights) == 10


def test_what_nobody_asks_for_is_at_everyones_hand() -> None:
    usages = [Usage("one", {}, {}), Usage("two", {"few": 2}, {})]

    assert own_slots(usages, "one", 20, {"few": 1.0}) == 9
    assert own_slots(usages, "two", 20, {"few": 1.0}) == 11


def test_what_others_served_is_counted_once_and_from_when_they_are_known() -> None:
    elsewhere = Elsewhere("self")

    def usages(num_here: int, num_there: int) -> list[Usage]:
        return [Usage("self", {}, {"a": num_here}), Usage("other", {}, {"a": num_there})]

    assert elsewhere.served(usages(1, 5)) == Counter()
    assert elsewhere.served(usages(9, 7)) == Counter(a=2)
    assert elsewhere.served([*usages(9, 7), Usage("new", {}, {"a": 100})]) == Counter()
    assert elsewhere.served([Usage("self", {}, {"a": 9}), Usage("new", {}, {"a": 101})]) == Counter(a=1)
