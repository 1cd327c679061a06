"""How many connections there may be, and what those hear who are too many."""

from __future__ import annotations

import logging
import resource

import pytest

from collector.crowd import (
    CONNECTIONS,
    RESERVE,
    TOLD,
    Crowd,
    Room,
    Seat,
    raise_limit,
    room_in,
)

ROOM = Room(served=8, told=4, per_address=3)


def crowd(*exempt: str, counted: list[str] | None = None, now: list[float] | None = None) -> Crowd:
    return Crowd(
        ROOM,
        exempt=exempt,
        count=(counted if counted is not None else []).append,
        timer=lambda: now[0] if now else 0.0,
    )


@pytest.mark.parametrize("files", [64, 256, 1024, 4096, 6416, 20_000, 1 << 20])
@pytest.mark.parametrize("wanted", [1, CONNECTIONS, 50_000])
def test_all_that_may_come_at_once_fits_into_the_limit_of_files(files: int, wanted: int) -> None:
    room = room_in(files, served=wanted)
    assert room.served + room.told + RESERVE <= max(files, RESERVE + 16)
    assert 1 <= room.per_address <= room.served <= max(wanted, 4)
    assert room.told >= 2


def test_where_there_is_room_all_are_served() -> None:
    room = room_in(CONNECTIONS + TOLD + RESERVE)
    assert (room.served, room.told) == (CONNECTIONS, TOLD)
    assert room.per_address == CONNECTIONS // 4


def test_the_usual_limit_leaves_room_for_hundreds() -> None:
    assert room_in(1024).served > 800


def test_the_limit_is_raised_as_far_as_it_may_be(monkeypatch: pytest.MonkeyPatch) -> None:
    limits = [(1024, 4096)]
    monkeypatch.setattr(resource, "getrlimit", lambda _: limits[-1])
    monkeypatch.setattr(resource, "setrlimit", lambda _, new: limits.append(new))
    assert raise_limit(6416) == (1024, 4096)
    assert limits[-1] == (4096, 4096)
    assert raise_limit(512) == (4096, 4096)
    assert len(limits) == 2


def test_one_address_does_not_keep_the_others_out() -> None:
    here = crowd()
    first = [here.enter("192.0.2.1").seat for _ in range(9)]
    assert first == [Seat.SERVED] * 3 + [Seat.TOLD] * 2 + [Seat.NONE] * 4
    assert here.enter("192.0.2.2").seat is Seat.SERVED


def test_when_all_places_are_taken_the_next_are_told_so() -> None:
    here = crowd()
    seats = [here.enter(f"192.0.2.{n}").seat for n in range(14)]
    assert seats == [Seat.SERVED] * 8 + [Seat.TOLD] * 4 + [Seat.NONE] * 2


def test_who_leaves_makes_room() -> None:
    here = crowd()
    places = [here.enter(f"192.0.2.{n}") for n in range(13)]
    for place in places:
        here.leave(place)
    assert [here.enter("192.0.2.1").seat for _ in range(3)] == [Seat.SERVED] * 3


@pytest.mark.parametrize(
    ("exempt", "address", "served"),
    [
        ("10.0.0.0/8", "10.1.2.3", 8),
        ("10.1.2.3", "10.1.2.3", 8),
        ("*", "192.0.2.1", 8),
        ("10.1.2.3", "10.1.2.4", 3),
        ("a-name", "10.1.2.4", 3),
    ],
)
def test_a_proxy_may_have_all(exempt: str, address: str, served: int) -> None:
    here = crowd(exempt)
    seats = [here.enter(address).seat for _ in range(12)]
    assert seats.count(Seat.SERVED) == served


def test_a_network_of_ipv6_is_one_address() -> None:
    here = crowd()
    seats = [here.enter(f"2001:db8::{n}").seat for n in range(1, 5)]
    assert seats[3] is Seat.TOLD
    assert here.enter("2001:db8:0:1::1").seat is Seat.SERVED
    assert here.enter("").seat is Seat.SERVED


def test_a_flood_is_counted_each_and_said_now_and_then(caplog: pytest.LogCaptureFixture) -> None:
    counted: list[str] = []
    now = [0.0]
    here = crowd(counted=counted, now=now)
    with caplog.at_level(logging.WARNING):
        for _ in range(103):
            here.enter("192.0.2.1")
        assert len(caplog.records) == 1
        now[0] = 11.0
        here.enter("192.0.2.1")
    assert counted == ["connections of one address"] * 101
    assert [record.getMessage().split(";")[0] for record in caplog.records] == [
        "too many connections of one address: 1 refused since the last such line",
        "too many connections of one address: 100 refused since the last such line",
    ]
