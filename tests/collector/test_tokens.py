"""What opens the door: which secrets, for how long, and how long a revoked one is remembered."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from collector.records import Sweep, Token
from collector.store.sqlite import SqliteDatabase
from collector.store.store import Store, token_digest
from collector.tokens import MAX_REMEMBERED, REMEMBERED_S, Tokens, bearer
from tests.collector.store.conftest import anyio_backend

__all__ = ["anyio_backend"]

pytestmark = pytest.mark.anyio


class Time:
    """Both clocks, which tests turn."""

    now = 1_000_000.0

    def milliseconds(self) -> int:
        return int(self.now * 1000)

    def seconds(self) -> float:
        return self.now


class CountingStore(Store):
    """Counts the look-ups."""

    asked = 0

    async def token(self, secret: str) -> Token | None:
        self.asked += 1
        return await super().token(secret)


@pytest.fixture
async def store(tmp_path: Path) -> AsyncIterator[CountingStore]:
    made = CountingStore(await SqliteDatabase.open(tmp_path / "collector.db"))
    await made.create_sweep(
        Sweep(sweep_id="s1", title="", pack="", created=0, deadline=None), who="test"
    )
    yield made
    await made.database.close()


@pytest.fixture
def time() -> Time:
    return Time()


@pytest.fixture
def tokens(store: CountingStore, time: Time) -> Tokens:
    return Tokens(store, "sweep", clock=time.milliseconds, timer=time.seconds)


async def test_a_sweeps_token_says_which_sweep(store: CountingStore, tokens: Tokens) -> None:
    secret = await store.create_token("sweep", sweep_id="s1", who="test")
    token = await tokens.of(secret)
    assert token is not None
    assert token.sweep_id == "s1"


@pytest.mark.parametrize("secret", [None, "", "x", "\ud800", "\0", "x" * 100_000])
async def test_nothing_else_is_one(tokens: Tokens, secret: str | None) -> None:
    assert await tokens.of(secret) is None


async def test_a_readers_token_brings_no_reports_and_a_sweeps_reads_none(
    store: CountingStore, tokens: Tokens
) -> None:
    reader = await store.create_token("reader", who="test")
    sweep = await store.create_token("sweep", sweep_id="s1", who="test")
    assert await tokens.of(reader) is None
    readers = Tokens(store, "reader")
    assert await readers.of(sweep) is None
    assert await readers.of(reader) is not None


async def test_it_opens_until_the_moment_it_expires(
    store: CountingStore, tokens: Tokens, time: Time
) -> None:
    expires = time.milliseconds() + 1000
    secret = await store.create_token("sweep", sweep_id="s1", expires=expires, who="test")
    time.now += 0.999
    assert await tokens.of(secret) is not None
    time.now += 0.001  # remembered, and ended all the same
    assert await tokens.of(secret) is None


async def test_revoked_it_opens_nothing_once_it_is_forgotten(
    store: CountingStore, tokens: Tokens, time: Time
) -> None:
    secret = await store.create_token("sweep", sweep_id="s1", who="test")
    assert await tokens.of(secret) is not None
    assert await store.revoke(token_digest(secret), who="test")
    time.now += REMEMBERED_S + 0.001
    assert await tokens.of(secret) is None
    time.now -= REMEMBERED_S  # nothing of it is remembered
    assert await tokens.of(secret) is None


async def test_a_fleet_costs_one_question_per_while(
    store: CountingStore, tokens: Tokens, time: Time
) -> None:
    secret = await store.create_token("sweep", sweep_id="s1", who="test")
    for _ in range(100):
        assert await tokens.of(secret) is not None
    assert store.asked == 1
    time.now += REMEMBERED_S + 0.001
    assert await tokens.of(secret) is not None
    assert store.asked == 2


async def test_a_new_token_works_at_once_though_it_was_tried_before(
    store: CountingStore, tokens: Tokens, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("secrets.token_urlsafe", lambda _: "the-next-secret")
    assert await tokens.of("the-next-secret") is None
    await store.create_token("sweep", sweep_id="s1", who="test")
    assert await tokens.of("the-next-secret") is not None


async def test_guesses_fill_no_memory(tokens: Tokens) -> None:
    for n in range(200):
        assert await tokens.of(f"guess {n}") is None
    assert tokens._known == {}


async def test_what_is_remembered_is_bounded(
    store: CountingStore, tokens: Tokens, time: Time
) -> None:
    secret = await store.create_token("sweep", sweep_id="s1", who="test")
    token = await store.token(secret)
    assert token is not None
    tokens._known.update({str(n): (time.now, token) for n in range(MAX_REMEMBERED)})
    assert await tokens.of(secret) is not None
    assert len(tokens._known) == 1


def test_a_secret_is_what_stands_after_bearer() -> None:
    for value in (b"Bearer s", b"bearer s", b"BEARER  s "):
        assert bearer(value) == "s"


@pytest.mark.parametrize(
    "value",
    [None, b"", b"s", b"Bearer", b"Bearer ", b"Basic s", b"Bearers s", b"Bearer " + b"x" * 5000],
)
def test_anything_else_is_none(value: bytes | None) -> None:
    assert bearer(value) is None


@given(st.binary(max_size=5000))
def test_any_header_ends_in_a_secret_or_in_none(value: bytes) -> None:
    secret = bearer(value)
    assert secret is None or (secret.strip() == secret != "")
