"""How a sweep goes is seen in every terminal, and where there is none."""

from __future__ import annotations

import io
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent import cli
from agent.output import progress as progress_module
from agent.output.progress import MOST_FOUND, PIPE_S, TERMINAL_S, Progress
from tests.evidence.files import dll
from tests.evidence.reports import report

LONG = "C:\\Users\\jo\\" + "folder\\" * 30 + "cyzfc.dat"


class Clock:
    def __init__(self) -> None:
        self.time = 0.0

    def __call__(self) -> float:
        return self.time


class Stream(io.StringIO):
    """What was written, and what is seen of it. ``codec``: all that the console can show."""

    def __init__(self, *, terminal: bool, codec: str = "utf-8") -> None:
        super().__init__()
        self._terminal, self._codec = terminal, codec

    @property
    def encoding(self) -> str:  # type: ignore[override]
        return self._codec

    def isatty(self) -> bool:
        return self._terminal

    def screen(self) -> list[str]:
        """The lines of a terminal that knows no more than carriage returns."""
        lines = []
        for line in self.getvalue().split("\n"):
            cells: list[str] = []
            for part in line.split("\r"):
                cells[: len(part)] = part
            lines.append("".join(cells).rstrip())
        return lines


def on_terminal(columns: int = 60, codec: str = "utf-8") -> tuple[Progress, Stream, Clock]:
    stream, clock = Stream(terminal=True, codec=codec), Clock()
    return Progress(stream=stream, columns=lambda: columns, now=clock), stream, clock


def on_pipe() -> tuple[Progress, Stream, Clock]:
    stream, clock = Stream(terminal=False), Clock()
    return Progress(stream=stream, now=clock), stream, clock


def test_the_line_tells_the_time_gone_the_source_how_much_was_seen_and_the_place() -> None:
    progress, stream, clock = on_terminal()
    progress.source("files")
    assert stream.screen() == ["  0:00   files"]
    clock.time = 75.0
    progress.at("C:\\Windows", 120_334)
    assert stream.screen() == ["  1:15   files   120,334 seen   C:\\Windows"]


def test_a_shorter_line_leaves_nothing_of_a_longer_one_and_the_end_leaves_none() -> None:
    progress, stream, clock = on_terminal(100)
    with progress:
        progress.source("files")
        for place in ("C:\\a long place", "C:\\x"):
            clock.time += TERMINAL_S
            progress.at(place, 1)
        assert stream.screen() == ["  0:00   files   1 seen   C:\\x"]
    assert stream.screen() == [""]


@pytest.mark.parametrize("columns", [20, 40, 80, 200])
def test_a_line_never_reaches_the_last_column_and_keeps_the_name_of_the_file(columns: int) -> None:
    progress, stream, clock = on_terminal(columns)
    progress.source("files")
    clock.time = TERMINAL_S
    progress.at(LONG, 5)
    (line,) = stream.screen()
    assert len(line) < columns
    assert line.endswith("at" if columns == 20 else "cyzfc.dat")


@given(st.text(max_size=200), st.integers(0, 200))
def test_any_place_in_any_width_stays_on_its_line(place: str, columns: int) -> None:
    progress, stream, clock = on_terminal(columns)
    clock.time = TERMINAL_S
    progress.at(place, 0)
    told = stream.getvalue()
    assert "\n" not in told
    assert all(char.isprintable() for char in told.replace("\r", ""))
    assert max(progress_module._width(part) for part in told.split("\r")) < max(columns, 4)


def test_it_is_told_a_few_times_a_second_and_not_for_every_file() -> None:
    progress, stream, clock = on_terminal()
    for number in range(10_000):
        clock.time = number / 10_000
        progress.at(f"C:\\{number}", number)
    assert stream.getvalue().count("C:\\") <= 1 / TERMINAL_S


def test_nothing_but_plain_characters_is_written_for_the_old_console() -> None:
    progress, stream, clock = on_terminal(codec="cp437")
    with progress:
        progress.source("files")
        clock.time = TERMINAL_S
        progress.at(LONG, 5)
        progress.found("strong, C:\\x")
        progress.done(report().coverage[0])
    told = stream.getvalue()
    assert told.isascii()
    assert "\x1b" not in told


def test_a_source_that_has_ended_stays_on_the_screen() -> None:
    progress, stream, _ = on_terminal()
    with progress:
        progress.source("files")
        progress.done(report().coverage[0])
    first, last = stream.screen()
    assert first.split() == ["files", "1,204,331", "complete", "0.0", "s"]
    assert last == ""


def test_a_pipe_gets_a_line_now_and_then() -> None:
    progress, stream, clock = on_pipe()
    with progress:
        progress.source("files")
        for second in range(100):
            clock.time = float(second)
            progress.at(f"C:\\{second}", second)
        progress.done(report().coverage[0])
    assert stream.getvalue().splitlines() == [
        f"  {second // 60}:{second % 60:02}   files   {second} seen   C:\\{second}"
        for second in (int(PIPE_S), 2 * int(PIPE_S), 3 * int(PIPE_S))
    ]


@pytest.mark.parametrize("terminal", [True, False])
def test_a_hit_is_told_at_once_and_each_once(terminal: bool) -> None:
    progress, stream, _ = on_terminal() if terminal else on_pipe()
    progress.source("files")
    for _ in range(3):
        progress.found("strong, C:\\cyzfc\x1b[2J.dat")
    told = [line for line in stream.screen() if "found" in line]
    assert told == ["  found so far: strong, C:\\cyzfc\\x1b[2J.dat"]


def test_many_hits_are_not_all_told_early() -> None:
    progress, stream, _ = on_pipe()
    for number in range(100):
        progress.found(f"strong, {number}")
    lines = stream.getvalue().splitlines()
    assert len(lines) == MOST_FOUND + 1
    assert lines[-1] == "  found so far: more, see the end"


def test_whoever_wants_quiet_has_it() -> None:
    stream = Stream(terminal=True)
    clock = Clock()
    with Progress(enabled=False, stream=stream, now=clock) as progress:
        progress.source("files")
        clock.time = 1e6
        progress.at("x", 1)
        progress.found("x")
        progress.done(report().coverage[0])
    assert stream.getvalue() == ""


@pytest.mark.parametrize("quiet", [True, False])
def test_a_sweep_tells_a_hit_before_it_ends_unless_it_is_quiet(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], quiet: bool
) -> None:
    monkeypatch.setenv("IOCSWEEP_HOME", str(tmp_path / "home"))
    place = tmp_path / "host" / "Users" / "jo" / "AppData" / "Local"
    place.mkdir(parents=True)
    (place / "cyzfc.dat").write_bytes(dll())
    assert cli.main(["offline", str(tmp_path / "host"), *["--quiet"] * quiet]) == 1
    told = capsys.readouterr().err
    assert ("found so far: " in told) is not quiet
    assert quiet or f", {place / 'cyzfc.dat'}" in told


def test_a_sweep_tells_each_place_and_how_many_were_seen(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("IOCSWEEP_HOME", str(tmp_path / "home"))
    for number in range(5):
        (tmp_path / "host" / f"d{number}").mkdir(parents=True)
        (tmp_path / "host" / f"d{number}" / "x.txt").write_text("nothing")
    told: list[tuple[str, int]] = []
    monkeypatch.setattr(Progress, "at", lambda _, place, count: told.append((place, count)))
    assert cli.main(["offline", str(tmp_path / "host")]) == 0
    places = {place for place, _ in told}
    assert {str(tmp_path / "host" / f"d{number}") for number in range(5)} <= places
    assert max(count for _, count in told) >= 5


def test_a_reader_that_has_gone_ends_no_sweep() -> None:
    class Gone(Stream):
        def write(self, _: str) -> int:
            raise BrokenPipeError(32, "Broken pipe")

    with Progress(stream=Gone(terminal=True), columns=lambda: 80) as progress:
        progress.source("files")
        progress.found("strong, x")
        progress.done(report().coverage[0])
