"""Stops in the database."""

from serve_app.domain.stop import Stop, StopKind
from serve_app.records.database import Database
from serve_app.records.stops import StoredStops

ALL = Stop(StopKind.ALL, "", "drift", 1_000.0)
TENANT = Stop(StopKind.TENANT, "hospital", "drill", 2_000.0)


async def test_stops_are_read_as_they_were_set_oldest_first(database: Database) -> None:
    store = StoredStops(database)
    await store.put(TENANT)
    await store.put(ALL)

    assert await store.list_stops() == [ALL, TENANT]


async def test_a_stop_of_the_same_takes_the_place_of_the_earlier_one(database: Database) -> None:
    store, again = StoredStops(database), Stop(StopKind.ALL, "", "recall", 3_000.0)
    await store.put(ALL)
    await store.put(again)

    assert await store.list_stops() == [again]


async def test_a_lifted_stop_is_gone(database: Database) -> None:
    store = StoredStops(database)
    await store.put(ALL)
    await store.put(TENANT)
    await store.lift(ALL.id)
    await store.lift("absent")

    assert await store.list_stops() == [TENANT]
