"""``--pause``: a sweep waits while others need the host or it runs on battery, within its time."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import psutil
import pytest

from agent.sweep.course import Course, Deadline
from agent.sweep.host_load import BUSY, CALM, ON_BATTERY, OTHERS_BUSY, HostLoad
from agent.sweep.loop import Sweep
from agent.sweep.pausing import Pausing
from tests.evidence.sweeping import Silent, plan_of


class Clock:
    """Moved by sleeping, and by what is looked at."""

    def __init__(self) -> None:
        self.time = 100.0
        self.slept: list[float] = []

    def now(self) -> float:
        return self.time

    def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.time += seconds


class Busy:
    """Busy until some time of the clock."""

    def __init__(self, clock: Clock, until: float) -> None:
        self.clock, self.until = clock, until
        self.asked: list[bool] = []

    def why_to_wait(self, *, waiting: bool) -> str:
        self.asked.append(waiting)
        return "busy" if self.clock.time < self.until else ""


def never() -> bool:
    return False


def pausing(until: float, most_s: float = 60) -> tuple[Pausing, Clock, Busy]:
    clock = Clock()
    load = Busy(clock, until)
    return Pausing(load, most_s, now=clock.now, sleep=clock.sleep), clock, load


def test_it_waits_until_the_host_is_free_and_tells_why() -> None:
    made, clock, load = pausing(until=104.5)
    clock.time += 1
    told: list[str] = []
    made.wait(told.append, never)
    assert clock.slept == [1.0] * 4
    assert made.paused_s == 4.0
    assert told == ["waiting: busy"] * 4
    assert load.asked == [False, True, True, True, True]


def test_it_asks_once_a_second_and_not_for_each_file() -> None:
    made, clock, load = pausing(until=0)
    for _ in range(1000):
        made.wait(lambda _: None, never)
        clock.time += 0.01
    assert len(load.asked) == 9
    assert made.paused_s == 0


def test_it_goes_on_when_it_has_waited_for_as_long_as_it_may() -> None:
    made, clock, load = pausing(until=1e9, most_s=2.5)
    clock.time += 1
    made.wait(lambda _: None, never)
    assert clock.slept == [1.0, 1.0, 0.5]
    asked = len(load.asked)
    clock.time += 10
    made.wait(lambda _: None, never)
    assert len(load.asked) == asked
    assert made.paused_s == 2.5


def test_a_sweep_whose_time_is_over_while_it_waits_ends_and_says_how_long_it_waited() -> None:
    made, clock, _ = pausing(until=1e9)
    course = Course(Silent(), 3.0, [made])
    course._start, clock.time = -1e9, clock.time + 1
    over: list[Callable[[], bool]] = []

    def wait(told: Callable[[str], None], is_over: Callable[[], bool]) -> None:
        over.append(is_over)

    course.begins("files", lambda: 0)
    made.wait = wait  # type: ignore[method-assign]
    with pytest.raises(Deadline):
        course.at("x")
    assert over[0]()
    assert course.paused_s == 0


def test_waiting_ends_with_the_sweeps_time() -> None:
    made, clock, _ = pausing(until=1e9)
    clock.time += 1
    made.wait(lambda _: None, lambda: clock.time >= 103)
    assert clock.slept == [1.0, 1.0]


def test_the_report_says_how_long_it_waited(tmp_path: Path) -> None:
    (tmp_path / "note.txt").write_text("nothing")
    made, clock, _ = pausing(until=103.5)
    clock.time += 1
    sweep = Sweep(plan_of(tmp_path), lambda _: None)
    assert sweep.run(Course(Silent(), None, [made])).resources.paused_s == 3.0


class Times(NamedTuple):
    """As psutil tells those of Windows."""

    user: float = 0
    system: float = 0
    idle: float = 0


class Battery(NamedTuple):
    power_plugged: bool | None


@pytest.fixture
def host(monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """A host of two processors, of which ten seconds passed."""
    told: dict[str, Any] = {"times": Times(), "own": 0.0, "battery": None}

    def or_raise(what: str) -> Any:
        if isinstance(told[what], Exception):
            raise told[what]
        return told[what]

    monkeypatch.setattr(psutil, "cpu_times", lambda: or_raise("times"))
    monkeypatch.setattr(psutil, "sensors_battery", lambda: or_raise("battery"))
    monkeypatch.setattr("agent.sweep.host_load.time.process_time", lambda: told["own"])
    return told


@pytest.mark.parametrize(
    ("others", "own", "waiting", "waits"),
    [
        (BUSY + 0.01, 0.0, False, True),
        (BUSY - 0.01, 0.0, False, False),
        (BUSY - 0.01, 0.0, True, True),
        (CALM - 0.01, 0.0, True, False),
        (0.3, 0.5, False, False),
        (0.3, 0.5, True, False),
    ],
)
def test_others_keep_it_from_sweeping_and_its_own_work_does_not(
    host: dict[str, Any], others: float, own: float, waiting: object, waits: object
) -> None:
    load = HostLoad("--pause", lambda _: None)
    used = 20 * (others + own)
    host.update(times=Times(used / 2, used / 2, 20 - used), own=20 * own)
    assert load.why_to_wait(waiting=bool(waiting)) == (OTHERS_BUSY if waits else "")


def test_each_answer_is_about_the_time_since_the_last_one(host: dict[str, Any]) -> None:
    load = HostLoad("--pause", lambda _: None)
    host["times"] = Times(20, 0, 0)
    assert load.why_to_wait(waiting=False) == OTHERS_BUSY
    host["times"] = Times(21, 0, 19)
    assert load.why_to_wait(waiting=True) == ""


def test_what_works_for_the_sweep_is_none_of_the_others(host: dict[str, Any]) -> None:
    helped = iter([0.0, 19.0, 19.0])
    load = HostLoad("--pause", lambda _: None, lambda: next(helped))
    host["times"] = Times(20, 0, 0)
    assert load.why_to_wait(waiting=False) == ""
    host["times"] = Times(40, 0, 0)
    assert load.why_to_wait(waiting=False) == OTHERS_BUSY


@pytest.mark.parametrize(("plugged", "waits"), [(False, True), (True, False), (None, False)])
def test_on_battery_it_waits(host: dict[str, Any], plugged: object, waits: object) -> None:
    host["battery"] = Battery(plugged)  # type: ignore[arg-type]
    assert HostLoad("--pause", lambda _: None).why_to_wait(waiting=False) == (
        ON_BATTERY if waits else ""
    )


def test_what_the_host_does_not_tell_is_said_once_and_waits_for_nothing(
    host: dict[str, Any],
) -> None:
    host.update(times=OSError(5, "Access is denied"), battery=psutil.Error())
    said: list[str] = []
    load = HostLoad("--pause", said.append)
    assert [load.why_to_wait(waiting=False) for _ in range(3)] == ["", "", ""]
    assert sorted(said) == [
        "--pause: how busy this host is is not told: Access is denied",
        "--pause: where this host's power is from is not told: Error",
    ]


def test_this_host_tells(monkeypatch: pytest.MonkeyPatch) -> None:
    said: list[str] = []
    load = HostLoad("--pause", said.append)
    monkeypatch.setattr(psutil, "sensors_battery", lambda: None)
    assert load.why_to_wait(waiting=False) in ("", OTHERS_BUSY)
    assert said == []
