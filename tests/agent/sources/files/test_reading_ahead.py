"""Files read side by side: in order, bounded, and ended when nobody asks any more."""

from __future__ import annotations

import errno
import io
import sys
import threading
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import BinaryIO

import pytest

from agent.model.report import State
from agent.reading.opening import open_quietly
from agent.sources.files import reading_ahead
from agent.sources.files.reading_ahead import ReadAhead
from agent.sources.files.source import FilesSource
from tests.evidence.files import archive
from tests.evidence.hosts import disk
from tests.evidence.images import file_name, image, non_resident, record, run, standard
from tests.evidence.packs import matcher_of, sha256_of
from tests.evidence.sweeping import swept

TEN_SECONDS = 10.0
"""How long a thread may wait for another before the test fails."""


def test_results_come_in_the_order_of_the_jobs() -> None:
    first_may_end = threading.Event()

    def job(number: int) -> Callable[[], int]:
        def run() -> int:
            if number == 0:
                assert first_may_end.wait(TEN_SECONDS)
            return number

        return run

    ahead = ReadAhead[int](3)
    told: list[int] = []
    for number in range(40):
        told += ahead.put(job(number), reading_ahead._BATCH_BYTES)
        if number == 2:
            first_may_end.set()
    told += ahead.drain()
    assert told == list(range(40))
    assert ahead.forget() == []


def test_readers_wait_for_the_interpreter_less_long_while_there_are_any() -> None:
    before = sys.getswitchinterval()
    ahead = ReadAhead[int](2)
    during = sys.getswitchinterval()
    ahead.forget()
    assert during == pytest.approx(reading_ahead.SWITCH_S)
    assert sys.getswitchinterval() == before


def test_no_more_bytes_are_under_way_than_allowed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reading_ahead, "MAX_BYTES", 10 << 20)
    lock, held, most = threading.Lock(), [0], [0]

    def run() -> int:
        with lock:
            held[0] += 4
            most[0] = max(most[0], held[0])
        with lock:
            held[0] -= 4
        return 4

    ahead = ReadAhead[int](8)
    total = 0
    for _ in range(50):
        total += sum(ahead.put(run, 4 << 20))
        assert ahead._bytes <= 10 << 20
    total += sum(ahead.drain())
    ahead.forget()
    assert total == 200
    assert most[0] <= 8, "two files of 4 MiB fit into 10 MiB, three do not"


def test_what_a_job_raises_is_raised_in_its_turn() -> None:
    def fails() -> int:
        raise ZeroDivisionError

    ahead = ReadAhead[int](2)
    told: list[int] = []
    try:
        told += ahead.put(lambda: 1, reading_ahead._BATCH_BYTES)
        told += ahead.put(fails, reading_ahead._BATCH_BYTES)
        with pytest.raises(ZeroDivisionError):
            told += ahead.drain()
        assert told in ([], [1])
    finally:
        ahead.forget()


def test_no_file_stays_open_when_the_sweep_is_stopped(tmp_path: Path) -> None:
    """Archives are opened again for their members: also those that nobody asks for any more."""
    for number in range(40):
        (tmp_path / f"{number:02}.zip").write_bytes(b"PK\x03\x04" + bytes(600))
    opened: list[BinaryIO] = []

    def opening(path: str) -> BinaryIO:
        file = open_quietly(path)
        opened.append(file)
        return file

    class Stopped(Exception):
        pass

    seen = 0

    def stop(_: str) -> None:
        nonlocal seen
        seen += 1
        if seen > 30:
            raise Stopped

    with pytest.raises(Stopped):
        swept(tmp_path, FilesSource(open_file=opening, progress=stop))
    assert opened
    assert all(file.closed for file in opened)


def test_every_file_is_compared_once_however_many_read(tmp_path: Path) -> None:
    names = [f"{number:03}.bin" for number in range(200)]
    for name in names:
        (tmp_path / name).write_bytes(name.encode() * 100)
    wanted = [sha256_of(name.encode() * 100, name) for name in names[::7]]
    sweep = swept(tmp_path, matcher=matcher_of(*wanted, thorough=True))
    assert sorted(match.indicator.id for match in sweep.matches()) == names[::7]
    assert {count.tested for count in sweep.matcher.counts()} == {200}
    assert sweep.coverage.state is State.COMPLETE


def test_files_of_a_raw_volume_are_read_in_the_order_of_the_disk(tmp_path: Path) -> None:
    places = {30: 140, 31: 100, 32: 120}
    records = {
        number: record(
            standard(), file_name(f"{number}.bin"),
            non_resident(0x80, 5000, run(2, cluster), last=1), number=number,
        )
        for number, cluster in places.items()
    }  # fmt: skip
    read: list[str] = []
    swept(disk(tmp_path, image(records)), FilesSource(progress=read.append), thorough=True)
    assert [place[-6:] for place in read if place.endswith(".bin")] == [
        "31.bin",
        "32.bin",
        "30.bin",
    ]


def test_a_file_that_cannot_even_be_closed_ends_nothing(tmp_path: Path) -> None:
    """As on a share that went away."""
    for number in range(40):
        (tmp_path / f"{number}.lnk").write_bytes(bytes(100))

    class Unclosable(io.FileIO):
        def close(self) -> None:
            was_open = not self.closed
            super().close()
            if was_open:
                raise OSError(errno.EIO, "Input/output error")

    coverage = swept(tmp_path, FilesSource(open_file=Unclosable), thorough=True).coverage
    assert coverage.state is State.COMPLETE
    assert coverage.bytes == 4000


def test_an_archive_that_cannot_be_opened_again_is_a_gap(tmp_path: Path) -> None:
    (tmp_path / "a.zip").write_bytes(archive({"cyzfc.dat": b"x"}))
    opened: list[str] = []

    def once(path: str) -> BinaryIO:
        opened.append(path)
        if len(opened) > 1:
            raise PermissionError(errno.EACCES, "Permission denied", path)
        return open_quietly(path)

    coverage = swept(tmp_path, FilesSource(open_file=once)).coverage
    assert coverage.state is State.PARTIAL
    assert [(r.reason, r.samples) for r in coverage.reasons] == [
        ("access denied", [str(tmp_path / "a.zip")])
    ]


def of_this_thread(ahead: ReadAhead[bool], count: int) -> list[bool]:
    """Of so many small jobs, which were done by whoever asked for them."""
    asking = threading.get_ident()
    told: list[bool] = []
    for _ in range(count):
        told += ahead.put(lambda: threading.get_ident() == asking, 100)
    return told + list(ahead.drain())


def test_small_files_that_wait_for_nothing_are_not_handed_over(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(reading_ahead, "QUICK_S", float("inf"))
    ahead = ReadAhead[bool](2)
    assert of_this_thread(ahead, 100) == [True] * 100
    ahead.forget()


def test_small_files_that_wait_are_handed_over_and_tried_again_later(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(reading_ahead, "QUICK_S", 0.0)
    tried, handed = reading_ahead._TRIED, reading_ahead._HANDED_OVER
    ahead = ReadAhead[bool](2)
    expected = [True] * tried + [False] * handed + [True] * tried + [False] * 5
    assert of_this_thread(ahead, len(expected)) == expected
    ahead.forget()


def test_small_files_go_on_while_a_large_one_is_read_and_are_told_after_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(reading_ahead, "QUICK_S", float("inf"))
    small_done = threading.Event()

    def large() -> int:
        assert small_done.wait(TEN_SECONDS)
        return -1

    ahead = ReadAhead[int](2)
    told = list(ahead.put(large, reading_ahead._BATCH_BYTES))
    for number in range(500):
        told += ahead.put(partial(int, number), 100)
    assert told == []
    small_done.set()
    told += ahead.drain()
    assert told == [-1, *range(500)]
    ahead.forget()


def test_what_was_read_by_whoever_asked_is_told_when_the_sweep_is_stopped(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(reading_ahead, "QUICK_S", float("inf"))
    ahead = ReadAhead[int](1)
    may_end = threading.Event()
    told = list(ahead.put(lambda: may_end.wait(TEN_SECONDS) and -1, reading_ahead._BATCH_BYTES))
    told += ahead.put(lambda: 1, 100)
    may_end.set()
    assert (told, ahead.forget()) == ([], [-1, 1])


def test_what_a_small_file_raises_is_raised_after_what_was_asked_for_before(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(reading_ahead, "QUICK_S", float("inf"))
    may_end = threading.Event()

    def fails() -> int:
        may_end.set()
        raise ZeroDivisionError

    ahead = ReadAhead[int](1)
    told = list(ahead.put(lambda: may_end.wait(TEN_SECONDS) and 7, reading_ahead._BATCH_BYTES))
    with pytest.raises(ZeroDivisionError):
        told.extend(ahead.put(fails, 100))
    ahead.forget()
    assert told == [7]
