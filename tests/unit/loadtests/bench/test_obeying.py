"""What clients that obey saw, as figures: computed from a log of their tries."""

from loadtests.bench.obeying import ADMITTED, REFUSED, Try, figures, needed_s, percentile


def tries_of(*tries: tuple[float, float, str], tenant: str = "hospital") -> list[Try]:
    """One report's tries, each by when it was sent, when it was answered, and how."""
    (first_sent_s, first_answered_s, _), *_ = tries
    return [
        Try(tenant, number, first_sent_s, first_answered_s, sent_s, answered_s, kind)
        for number, (sent_s, answered_s, kind) in enumerate(tries)
    ]


# One slot, a report takes two seconds. The second client is refused at 1 s, needs one second, and comes after three.
FIRST = tries_of((0, 2, ADMITTED))
LATE = tries_of((1, 1, REFUSED), (4, 6, ADMITTED))


def test_a_refused_client_needs_as_long_as_a_queue_would_have_kept_it() -> None:
    assert needed_s([*FIRST, LATE[1]], room=1, returned=LATE[1]) == 1
    # Refused after it, admitted before it: overtaken, and that was not needed.
    overtaking = tries_of((1.5, 1.5, REFUSED), (2, 4, ADMITTED))
    assert needed_s([*FIRST, LATE[1], overtaking[1]], room=1, returned=LATE[1]) == 1
    # Refused before it: its report has to end as well.
    earlier = tries_of((0.5, 0.5, REFUSED), (2, 4, ADMITTED))
    assert needed_s([*FIRST, LATE[1], earlier[1]], room=1, returned=LATE[1]) == 3


def test_where_there_was_room_no_wait_was_needed() -> None:
    assert needed_s([*FIRST, LATE[1]], room=2, returned=LATE[1]) == 0


def test_the_figures_of_one_client_that_waited_three_times_as_long_as_it_needed() -> None:
    found = figures([*FIRST, *LATE], 0, 10)

    assert found["answers"] == {ADMITTED: 2, REFUSED: 1}
    assert (found["other_5xx"], found["reports_per_s"], found["report_p95_s"]) == (0, 0.2, 2)
    assert (found["returns"], found["admitted_at_once_ratio"]) == (1, 1)
    assert (found["waited_p50_s"], found["needed_p50_s"], found["waited_more_than_twice_ratio"]) == (3, 1, 1)


def test_a_return_that_is_refused_again_was_not_admitted_at_once() -> None:
    again = tries_of((1, 1, REFUSED), (2, 2, REFUSED), (3, 5, ADMITTED))

    assert figures([*FIRST, *again], 0, 10)["admitted_at_once_ratio"] == 0.5


def test_any_other_5xx_is_counted_as_such() -> None:
    tries = [*tries_of((0, 1, "500 internal")), *tries_of((0, 1, f"{REFUSED} without Retry-After")), *LATE]

    assert figures(tries, 0, 10)["other_5xx"] == 2


def test_only_answers_within_the_stretch_of_time_count() -> None:
    assert figures([*FIRST, *LATE], 3, 10)["answers"] == {ADMITTED: 1}
    assert figures([], 3, 10)["report_p95_s"] is None


def test_percentiles_are_interpolated() -> None:
    assert percentile([], 95) is None
    assert percentile([2.0], 95) == 2
    assert percentile([float(number) for number in range(101)], 95) == 95
