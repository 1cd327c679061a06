"""Where the clock of a log went back, and where only one record came late."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone

from hypothesis import given
from hypothesis import strategies as st

from agent.formats.evtx import CHUNK, FILE_HEADER
from agent.formats.log_reach import LogReach, set_backs_in
from tests.evidence.logs import LoggedEvent, event_chunks, event_log
from tests.evidence.remembering import clock_set, day, unanswered

Spans = list[tuple[datetime | None, datetime | None]]


def set_backs(events: list[LoggedEvent], *, clock: bool = True) -> Spans:
    reach = LogReach(clock=clock)
    log = event_log(events)
    for at in range(FILE_HEADER, len(log), CHUNK):
        reach.add(log, at)
    return reach.setbacks()


def test_a_clock_that_is_set_back_and_caught_up_within_a_chunk() -> None:
    events = [
        unanswered(day(20)), clock_set(day(25), day(23)), unanswered(day(23)),
        unanswered(day(23)), unanswered(day(26)),
    ]  # fmt: skip
    assert set_backs(events) == []
    assert set_backs([unanswered(day(25)), *events]) == [(day(20), day(25))]


def test_records_are_followed_only_where_the_log_says_that_the_clock_was_set() -> None:
    events = [*(unanswered(day(at)) for at in (25, 23, 23, 23, 26))]
    assert set_backs(events) == []
    assert set_backs([*events, clock_set(day(26), day(26))]) == [(day(23), day(25))]
    assert set_backs([*events, clock_set(day(26), day(26))], clock=False) == []


def test_a_machine_that_wakes_was_not_set_back() -> None:
    """The record of its sleep comes behind the first with the right time."""
    events = [
        unanswered(day(20)), unanswered(day(22)), unanswered(day(20)), clock_set(day(20), day(22)),
        unanswered(day(22)), unanswered(day(23)), unanswered(day(22)), unanswered(day(22)),
    ]  # fmt: skip
    assert set_backs(events) == []


def test_a_clock_that_is_set_back_between_two_chunks() -> None:
    reach = LogReach()
    for days, first in ((24, 25), 1), ((22, 22, 22), 10), ((22, 23), 20), ((26, 26, 26), 30):
        events = [unanswered(day(at), record=first + n) for n, at in enumerate(days)]
        (chunk,) = event_chunks(events)
        reach.add(chunk)
    assert reach.setbacks() == [(day(22), day(25))]


def test_one_late_record_that_begins_a_chunk_is_no_set_back() -> None:
    reach = LogReach()
    for days, first in ((24, 25), 1), ((22, 25, 25), 10), ((25, 26, 26), 20):
        events = [unanswered(day(at), record=first + n) for n, at in enumerate(days)]
        (chunk,) = event_chunks(events)
        reach.add(chunk)
    assert reach.setbacks() == []


def test_a_chunk_that_ends_before_it_began_is_followed_without_being_told_to() -> None:
    assert set_backs([unanswered(day(at)) for at in (25, 23, 23, 24)], clock=False) == [
        (day(23), day(25))
    ]


@given(st.lists(st.integers(-600, 600), max_size=40))
def test_each_set_back_lies_between_times_that_are_there(steps: list[int]) -> None:
    times, now = [], datetime(2026, 11, 1, tzinfo=timezone.utc)
    for minutes in steps:
        now += timedelta(minutes=minutes)
        times.append(now)
    spans = set_backs([clock_set(times[0], times[0])] if times else [])
    assert spans == []
    for start, end in set_backs([*map(unanswered, times)]):
        assert start in times
        assert end in times


@given(st.binary(max_size=400), st.integers(0, 500))
def test_any_bytes_end_in_spans(data: bytes, at: int) -> None:
    (chunk,) = event_chunks([unanswered(day(at)) for at in (25, 23, 23, 24)])
    broken = chunk[: 512 + at] + data + chunk[512 + at + len(data) :]
    assert all(start < end for start, end in set_backs_in(broken))
