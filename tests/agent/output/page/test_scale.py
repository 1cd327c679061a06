"""The axis of the picture, and its marks."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone

from hypothesis import given, settings
from hypothesis import strategies as st

from agent.model.report import Strength
from agent.output.page.picture import MAX_LANES, WIDTH, Mark, picture, without_times_that_are_none
from agent.output.page.scale import MAX_BREAKS, pieces, place, ticks

NOON = datetime(2018, 11, 14, 12, tzinfo=timezone.utc)
TIMES = st.integers(0, 90_000 * 86_400).map(
    lambda seconds: datetime(1994, 1, 1, tzinfo=timezone.utc) + timedelta(seconds=seconds)
)


def test_an_afternoon_keeps_its_room_beside_a_check_years_later() -> None:
    hour = [NOON + timedelta(minutes=at) for at in range(0, 60, 5)]
    axis = pieces([*hour, NOON.replace(year=2026)], 0, 600)
    assert [(piece.start, piece.end) for piece in axis] == [
        (hour[0], hour[-1]), (NOON.replace(year=2026), NOON.replace(year=2026)),
    ]  # fmt: skip
    assert axis[0].width > 400


def test_times_that_follow_each_other_evenly_are_one_line() -> None:
    assert len(pieces([NOON + timedelta(days=at) for at in range(12)], 0, 600)) == 1


@settings(max_examples=200, deadline=None)
@given(st.lists(TIMES, min_size=1, max_size=40))
def test_order_is_kept_and_all_lies_within(times: list[datetime]) -> None:
    times = sorted(set(times))
    axis = pieces(times, 10, 700)
    assert len(axis) <= MAX_BREAKS + 1
    places = [place(axis, time) for time in times]
    assert places == sorted(places)
    assert all(9.9 <= x <= 710.1 for x in places)
    for piece in axis:
        for tick in ticks(piece):
            assert piece.left - 0.1 <= tick.x <= piece.left + piece.width + 0.1
        assert len(ticks(piece)) <= 12


def marks(count: int, lanes: int = 1) -> list[Mark]:
    return [
        Mark(NOON + timedelta(seconds=at), f"lane {at % lanes}", Strength.WEAK, "x")
        for at in range(count)
    ]


def test_a_mark_for_each_moment_as_far_as_points_go() -> None:
    assert picture(marks(5), "t").count('class="m weak"') == 5
    crowd = picture(marks(50_000), "t")
    assert 0 < crowd.count('class="m ') < WIDTH / 2
    assert " moments, 2018-11-14" in crowd


def test_lanes_have_a_bound() -> None:
    drawn = picture(marks(500, lanes=200), "t")
    assert drawn.count('class="lane"') == MAX_LANES + 1
    assert "all others" in drawn


def test_forms_tell_strengths_apart_without_colour() -> None:
    forms = set()
    for strength in Strength:
        drawn = picture([Mark(NOON, "x", strength, "y")], "t")
        forms.add(drawn.split('class="m ')[1].split('d="')[1].split('"')[0])
    filled = {Strength.STRONG, Strength.WEAK}  # a disc and a ring: the same line, filled or not
    assert len(forms) == len(Strength) - len(filled) + 1


def test_a_clock_that_was_not_set_is_no_moment() -> None:
    old = [
        Mark(datetime(year, 1, 1, tzinfo=timezone.utc), "x", Strength.WEAK, "y")
        for year in (1601, 1980)
    ]
    assert without_times_that_are_none([*old, *marks(1)]) == marks(1)
