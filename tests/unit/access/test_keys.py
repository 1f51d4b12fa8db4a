"""API keys: what opens, what does not, and what that costs."""

import asyncio
import re
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from serve_app.access import keys
from serve_app.access.keys import KeyAuthenticator, new_key, rotate
from serve_app.domain.access import Credentials
from serve_app.domain.call import Principal, Scope
from serve_app.domain.errors import Overloaded, Unauthenticated, Unavailable
from tests.keys import Clock, Keys

SCOPES = frozenset({Scope.REPORTS_WRITE})


KEY, TEXT = new_key("hospital", "reading room", SCOPES, 1_000_000.0)


@pytest.fixture
def clock() -> Clock:
    return Clock()


def opened(store: Keys, clock: Clock) -> KeyAuthenticator:
    return KeyAuthenticator(store, max_age_s=2.0, clock=clock)


async def test_a_key_names_its_tenant_and_its_scopes(clock: Clock) -> None:
    principal = await opened(Keys(KEY), clock).authenticate(Credentials(TEXT))

    assert principal == Principal(f"key:{KEY.id}", "hospital", SCOPES)


def test_what_is_kept_of_a_key_does_not_open_and_does_not_show() -> None:
    secret = TEXT.rsplit("_", 1)[-1] if TEXT.count("_") == 2 else TEXT.split("_", 2)[-1]

    assert secret not in KEY.secret_hash
    assert KEY.secret_hash.startswith("scrypt$16384$8$1$")
    assert KEY.secret_hash not in repr(KEY)
    assert TEXT not in repr(Credentials(TEXT))


@pytest.mark.parametrize("text", [None, "", "clara_", "clara_x_y", f"{TEXT}x", TEXT[:-1], TEXT.upper(), f" {TEXT}"])
async def test_what_has_not_the_form_of_a_key_costs_no_look_up(text: str | None, clock: Clock) -> None:
    store = Keys(KEY)
    with pytest.raises(Unauthenticated):
        await opened(store, clock).authenticate(Credentials(text))

    assert store.num_reads == 0


@given(st.data())
async def test_no_key_with_another_letter_opens(data: st.DataObject) -> None:
    place = data.draw(st.integers(0, len(TEXT) - 1))
    letter = data.draw(st.characters(codec="ascii").filter(lambda letter: letter != TEXT[place]))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(keys, "_matches", lambda secret, _: secret == TEXT.split("_", 2)[2])
        with pytest.raises(Unauthenticated):
            await opened(Keys(KEY), Clock()).authenticate(Credentials(TEXT[:place] + letter + TEXT[place + 1 :]))


async def test_another_secret_does_not_open_and_does_not_say_that_the_id_is_right(clock: Clock) -> None:
    authenticator = opened(Keys(KEY), clock)
    wrong_secret = TEXT[:-1] + ("A" if TEXT[-1] != "A" else "B")
    unknown_id = re.sub("_[0-9a-f]+_", "_0123456789abcdef_", TEXT, count=1)
    said = set()
    for text in (wrong_secret, unknown_id):
        with pytest.raises(Unauthenticated) as caught:
            await authenticator.authenticate(Credentials(text))
        said.add(caught.value.message)

    assert len(said) == 1


async def test_a_revoked_key_works_no_longer_than_the_set_age(clock: Clock) -> None:
    store = Keys(KEY)
    authenticator = opened(store, clock)
    await authenticator.authenticate(Credentials(TEXT))
    await store.revoke(KEY.id, clock())

    clock.unix_s += 1.9
    await authenticator.authenticate(Credentials(TEXT))
    clock.unix_s += 0.2
    with pytest.raises(Unauthenticated):
        await authenticator.authenticate(Credentials(TEXT))


async def test_a_key_ends_on_time_though_it_was_read_before(clock: Clock) -> None:
    store = Keys(replace(KEY, expires_unix_s=clock() + 1))
    authenticator = opened(store, clock)
    await authenticator.authenticate(Credentials(TEXT))
    clock.unix_s += 1
    with pytest.raises(Unauthenticated):
        await authenticator.authenticate(Credentials(TEXT))


async def test_a_key_costs_its_slow_hash_once(clock: Clock, monkeypatch: pytest.MonkeyPatch) -> None:
    hashed: list[str] = []
    monkeypatch.setattr(keys, "_matches", lambda secret, _: bool(hashed.append(secret) or True))
    authenticator = opened(Keys(KEY), clock)
    await asyncio.gather(*(authenticator.authenticate(Credentials(TEXT)) for _ in range(20)))
    for _ in range(5):
        clock.unix_s += 3
        await authenticator.authenticate(Credentials(TEXT))

    assert len(hashed) == 1


async def test_a_key_whose_hash_was_replaced_is_verified_anew(clock: Clock) -> None:
    store = Keys(KEY)
    authenticator = opened(store, clock)
    await authenticator.authenticate(Credentials(TEXT))
    store.kept[KEY.id] = replace(KEY, secret_hash=new_key("hospital", "", SCOPES, 0)[0].secret_hash)
    clock.unix_s += 3

    with pytest.raises(Unauthenticated):
        await authenticator.authenticate(Credentials(TEXT))


async def test_between_two_readings_the_store_is_not_asked(clock: Clock) -> None:
    store = Keys(KEY)
    authenticator = opened(store, clock)
    for _ in range(10):
        await authenticator.authenticate(Credentials(TEXT))

    assert store.num_reads == 1


async def test_a_store_that_is_down_lets_nobody_in_once_what_was_read_is_old(clock: Clock) -> None:
    store = Keys(KEY)
    authenticator = opened(store, clock)
    await authenticator.authenticate(Credentials(TEXT))
    store.is_down = True

    await authenticator.authenticate(Credentials(TEXT))
    clock.unix_s += 3
    with pytest.raises(Unavailable):
        await authenticator.authenticate(Credentials(TEXT))


async def test_guesses_queue_behind_each_other_and_no_further_than_the_bound(clock: Clock) -> None:
    authenticator = opened(Keys(KEY), clock)
    guesses = [f"clara_{KEY.id}_{number:043d}" for number in range(60)]
    ended = await asyncio.gather(
        *(authenticator.authenticate(Credentials(guess)) for guess in guesses), return_exceptions=True
    )

    kinds = [type(error) for error in ended]
    assert kinds.count(Overloaded) == 60 - 32
    assert kinds.count(Unauthenticated) == 32


async def test_the_last_use_is_kept_to_the_minute(clock: Clock) -> None:
    store = Keys(KEY)
    authenticator = opened(store, clock)
    for _ in range(40):
        await authenticator.authenticate(Credentials(TEXT))
        clock.unix_s += 3

    assert store.uses == [1_000_000.0, 1_000_060.0]


async def test_rotation_gives_a_second_key_and_lets_the_first_one_end(clock: Clock) -> None:
    store = Keys(replace(KEY, expires_unix_s=clock() + 30 * 86_400))
    successor, text = await rotate(store, store.kept[KEY.id], overlap_s=3_600, now_unix_s=clock())
    authenticator = opened(store, clock)

    for one in (TEXT, text):
        await authenticator.authenticate(Credentials(one))
    clock.unix_s += 3_601
    assert (await authenticator.authenticate(Credentials(text))).subject == f"key:{successor.id}"
    assert successor.expires_unix_s == clock() - 3_601 + 30 * 86_400
    with pytest.raises(Unauthenticated):
        await authenticator.authenticate(Credentials(TEXT))
