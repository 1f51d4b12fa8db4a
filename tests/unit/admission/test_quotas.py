"""What one caller, one tenant and the platform may have in progress."""

from contextlib import ExitStack

import pytest
from hypothesis import given
from hypothesis import strategies as st

from serve_app.admission.quotas import Left, Quotas
from serve_app.domain.call import Principal
from serve_app.domain.errors import Overloaded, QuotaExceeded
from serve_app.settings import AdmissionSettings, GatewaySettings


class Clock:
    """Time that a test sets."""

    now_s = 100.0

    def __call__(self) -> float:
        return self.now_s


def caller(subject: str = "one", tenant: str = "hospital") -> Principal:
    return Principal(subject, tenant, frozenset())


def quotas_of(clock: Clock | None = None, **default: object) -> Quotas:
    settings = AdmissionSettings.model_validate({"default": default})
    return Quotas(GatewaySettings(max_uploads=4, max_in_flight_bytes=1000), settings, clock or Clock())


@pytest.mark.parametrize(
    ("default", "others", "quota"),
    [
        ({"caller": {"max_reports": 1}}, caller(), "caller-reports"),
        ({"caller": {"max_bytes": 100}}, caller(), "caller-bytes"),
        ({"tenant": {"max_reports": 1}}, caller("two"), "tenant-reports"),
        ({"tenant": {"max_bytes": 100}}, caller("two"), "tenant-bytes"),
    ],
)
def test_what_is_in_progress_is_bounded(default: dict[str, object], others: Principal, quota: str) -> None:
    quotas = quotas_of(**default)
    with quotas.admitted(caller(), 60):
        with pytest.raises(QuotaExceeded) as refusal, quotas.admitted(others, 60):
            pass
        with quotas.admitted(caller("one", "clinic"), 60):
            pass

    assert refusal.value.facts["quota"] == quota
    with quotas.admitted(others, 60):
        pass


def test_callers_of_one_name_in_two_tenants_are_two() -> None:
    quotas = quotas_of(caller={"max_reports": 1})
    with quotas.admitted(caller("one", "hospital"), 0), quotas.admitted(caller("one", "clinic"), 0):
        pass


@pytest.mark.parametrize(("num_held", "declared_bytes"), [(4, 1), (1, 600)])
def test_the_platforms_own_bounds_are_ours_to_mend(num_held: int, declared_bytes: int) -> None:
    quotas = quotas_of()
    with ExitStack() as stack:
        for number in range(num_held):
            stack.enter_context(quotas.admitted(caller(f"{number}"), declared_bytes))
        with pytest.raises(Overloaded), quotas.admitted(caller("late"), declared_bytes):
            pass


def test_an_upload_that_is_alone_may_have_any_size() -> None:
    with quotas_of(tenant={"max_bytes": 10}).admitted(caller(), 5000):
        pass


def test_bytes_that_were_not_declared_count_as_they_come() -> None:
    quotas = quotas_of(tenant={"max_bytes": 100})
    with quotas.admitted(caller(), 60), quotas.admitted(caller("two"), 0) as hold:
        hold(40)
        with pytest.raises(QuotaExceeded):
            hold(41)


def test_requests_of_a_minute_are_refilled_evenly() -> None:
    clock = Clock()
    quotas = quotas_of(clock, tenant={"requests_per_minute": 30})
    for number in range(30):
        with quotas.admitted(caller(f"{number}"), 0):
            pass
    with pytest.raises(QuotaExceeded) as refusal, quotas.admitted(caller(), 0):
        pass

    assert refusal.value.retry_after_s == 2
    assert quotas.left(caller()) == Left(30, 0, 60)
    clock.now_s += 2
    with quotas.admitted(caller(), 0):
        pass
    with pytest.raises(QuotaExceeded), quotas.admitted(caller(), 0):
        pass


def test_nothing_is_left_of_callers_that_have_gone() -> None:
    clock = Clock()
    quotas = quotas_of(clock, caller={"requests_per_minute": 60})
    for number in range(100):
        with quotas.admitted(caller(f"{number}"), 0):
            pass
        clock.now_s += 2
        with quotas.admitted(caller(f"{number}"), 0):
            clock.now_s += 2

    assert len(quotas._groups) <= 1


def test_what_is_left_is_told_only_where_there_is_a_bound() -> None:
    quotas = quotas_of()
    with quotas.admitted(caller(), 0):
        assert quotas.left(caller()) is None


@given(st.lists(st.tuples(st.integers(0, 3), st.integers(0, 400)), max_size=40))
def test_every_count_returns_to_nothing(uploads: list[tuple[int, int]]) -> None:
    quotas = quotas_of(caller={"max_reports": 2}, tenant={"max_bytes": 700})
    with ExitStack() as stack:
        for subject, num_bytes in uploads:
            try:
                hold = stack.enter_context(quotas.admitted(caller(f"{subject}"), num_bytes))
                hold(num_bytes * 2)
            except (QuotaExceeded, Overloaded):
                continue

    assert quotas._groups == {}
    assert (quotas._platform._num_reports, quotas._platform._num_bytes) == (0, 0)
