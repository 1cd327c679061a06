"""``--nice``: a sweep keeps to a part of one processor while others work."""

from __future__ import annotations

import time

import psutil
import pytest

from agent.commands import bounds
from agent.options import Options, parse
from agent.sweep.course import Course, Deadline, Waiting
from agent.sweep.pacing import BUSY_FROM, LOOK_S, PART, Pacing
from agent.sweep.pausing import Pausing
from tests.evidence.sweeping import Silent


class Host:
    """A clock of its own; what the sweep works and rests moves it."""

    def __init__(self) -> None:
        self.time, self.worked, self.others = 50.0, 0.0, 0.0
        self.rests: list[float] = []
        self.calm_at = 1e9
        self.asked = 0

    def works(self, seconds: float, *, processors: float = 1.0) -> None:
        self.time += seconds
        self.worked += seconds * processors

    def sleep(self, seconds: float) -> None:
        self.rests.append(seconds)
        self.time += seconds

    def others_share(self) -> float:
        self.asked += 1
        return self.others if self.time < self.calm_at else 0.0

    def pacing(self) -> Pacing:
        return Pacing(
            self, self.time, now=lambda: self.time, sleep=self.sleep, own=lambda: self.worked
        )


def never() -> bool:
    return False


def silent(_: str) -> None:
    pass


@pytest.mark.parametrize("processors", [0.5, 1.0, 2.0])
@pytest.mark.parametrize("item_s", [0.001, 0.04, 0.7])
def test_beside_others_it_takes_its_part_of_one_processor_whatever_an_item_takes(
    processors: float, item_s: float
) -> None:
    host = Host()
    host.others = 0.9
    pacing, began = host.pacing(), host.time
    for _ in range(int(20 / item_s)):
        host.works(item_s, processors=processors)
        pacing.wait(silent, never)
    # What was worked since it last looked is not rested for yet.
    most = PART * (host.time - began) + processors * (item_s + LOOK_S + 0.01)
    assert 0.9 * most <= host.worked <= most
    assert max(host.rests) <= 1.0
    assert pacing.paused_s == pytest.approx(sum(host.rests))


def test_what_nobody_else_needs_is_the_sweeps() -> None:
    host = Host()
    host.others = BUSY_FROM - 0.01
    pacing = host.pacing()
    for _ in range(500):
        host.works(0.01)
        pacing.wait(silent, never)
    assert host.rests == []
    assert host.asked == 9, "twice a second, not for each item"


def test_loading_the_program_counts() -> None:
    host = Host()
    host.others = 1.0
    pacing = host.pacing()
    host.works(1.0)
    pacing.wait(silent, never)
    assert sum(host.rests) == pytest.approx(1.0 / PART - 1.0)


def test_what_was_used_while_nobody_needed_it_is_not_owed() -> None:
    host = Host()
    pacing = host.pacing()
    host.works(60.0)
    pacing.wait(silent, never)
    host.others = 1.0
    host.works(0.6)
    pacing.wait(silent, never)
    assert sum(host.rests) == pytest.approx(0.6 / PART - 0.6)


def test_a_rest_ends_when_the_others_do_and_when_the_sweeps_time_is_over() -> None:
    host = Host()
    host.others, host.calm_at = 1.0, 53.0
    pacing = host.pacing()
    host.works(2.0)
    told: list[str] = []
    pacing.wait(told.append, never)
    assert host.rests == [1.0]
    assert told == ["resting: others keep the processors busy"]
    host.calm_at = 1e9
    host.works(2.0)
    pacing.wait(silent, lambda: host.time >= 57)
    assert host.rests == [1.0] * 3


def test_a_sweep_whose_time_is_over_while_it_rests_ends() -> None:
    host = Host()
    host.others = 1.0
    course = Course(Silent(), 0.0, [host.pacing()])
    host.works(2.0)
    with pytest.raises(Deadline):
        course.at("x")
    assert course.paused_s == 0.0


def waits_of(*arguments: str) -> list[type[Waiting]]:
    options: Options = parse(["live", *arguments])
    return [type(one) for one in bounds.waits_of(options)]


def test_each_option_has_its_own_way_to_wait() -> None:
    assert waits_of() == []
    assert waits_of("--nice") == [Pacing]
    assert waits_of("--pause", "1h", "--nice") == [Pausing, Pacing]


def test_this_process_is_as_old_as_the_system_says(monkeypatch: pytest.MonkeyPatch) -> None:
    began: list[float] = []
    born = psutil.Process().create_time()
    monkeypatch.setattr(bounds, "Pacing", lambda _, at: began.append(at))
    monkeypatch.setattr(time, "monotonic", lambda: 100.0)
    for clock in (born + 7.0, born - 60.0):
        monkeypatch.setattr(time, "time", lambda clock=clock: clock)
        bounds.waits_of(parse(["live", "--nice"]))
    assert began == [pytest.approx(93.0), 100.0]
