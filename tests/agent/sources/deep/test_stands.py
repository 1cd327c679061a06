"""A deep search that was ended in the middle of a large file goes on where it was."""

from __future__ import annotations

import os
from datetime import datetime, timedelta, timezone
from pathlib import Path

import pytest

from agent.indicators import Indicator
from agent.matching.own_traces import Own
from agent.model.observation import ByteHit
from agent.model.report import Report
from agent.sources.deep import stands
from agent.sources.deep.look import GOES_ON
from agent.sources.deep.source import DeepSource
from agent.sources.deep.stands import MAX_AGE, MAX_HITS, Standing, Stands
from agent.sweep.course import Deadline
from agent.targets.offline.folder import FolderTarget
from tests.agent.sources.deep.test_deep import WIDE, with_text
from tests.evidence.packs import campaign
from tests.evidence.sweeping import commanded, reported
from tests.evidence.windows_folder import as_folder, windows

MIB = 1 << 20
SIZE = 24 * MIB
AT = (500, 9 * MIB, 20 * MIB + 9)
WHEN = datetime(2026, 11, 29, 4, 0, tzinfo=timezone.utc)
HIT = (ByteHit("cyzfc-dll", 500, "cyzfc.dat"), 1)


@pytest.fixture(autouse=True)
def _small_files_count(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stands, "LEAST", MIB)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    content = with_text(SIZE, *((at, WIDE) for at in AT))
    return as_folder(tmp_path / "c", windows({"C:\\pagefile.sys": content}))


class Ended:
    """Ends after so many pieces of the page file; counts them."""

    def __init__(self, most: int) -> None:
        self.most, self.pieces = most, -1

    def __call__(self, place: str) -> None:
        self.pieces += place.endswith("pagefile.sys")
        if self.pieces > self.most:
            raise Deadline


def swept(folder: Path, kept: Path, most: int = 1000) -> tuple[Report, Ended]:
    ended = Ended(most)
    target = FolderTarget(str(folder), own=Own())
    return reported(target, DeepSource(progress=ended, kept=kept)), ended


def places(report: Report) -> list[str]:
    seen = [one.place.record for finding in report.findings for one in finding.evidence]
    return sorted(seen, key=lambda record: int(record.split()[1]))


def notes(report: Report) -> list[str]:
    (coverage,) = report.coverage
    return [note.reason for note in coverage.notes]


def test_what_was_searched_is_not_read_again_and_what_was_found_is_told(
    folder: Path, tmp_path: Path
) -> None:
    first, _ = swept(folder, tmp_path / "kept", 16)
    assert places(first) == [f"byte {at}" for at in AT[:2]]
    assert GOES_ON not in notes(first)
    second, ended = swept(folder, tmp_path / "kept")
    assert places(second) == [f"byte {at}" for at in AT]
    assert GOES_ON in notes(second)
    assert ended.pieces < SIZE // MIB - 8
    (coverage,) = second.coverage
    assert coverage.reasons == []
    assert list((tmp_path / "kept").iterdir()) == [], "it was searched whole"
    third, ended = swept(folder, tmp_path / "kept")
    assert (places(third), ended.pieces) == (places(second), SIZE // MIB)


def test_it_goes_on_again_and_again(folder: Path, tmp_path: Path) -> None:
    for _ in range(10):
        report, _ = swept(folder, tmp_path / "kept", 8)
        if not report.coverage[0].reasons:
            break
    assert places(report) == [f"byte {at}" for at in AT]
    assert report.coverage[0].reasons == []


def test_another_state_of_the_file_is_begun_anew(folder: Path, tmp_path: Path) -> None:
    swept(folder, tmp_path / "kept", 16)
    os.utime(folder / "pagefile.sys", (1, 1))
    report, ended = swept(folder, tmp_path / "kept")
    assert (GOES_ON in notes(report), ended.pieces) == (False, SIZE // MIB)


def test_that_it_cannot_be_kept_is_told_and_nothing_more(folder: Path, tmp_path: Path) -> None:
    (tmp_path / "kept").write_bytes(b"no folder")
    report, _ = swept(folder, tmp_path / "kept", 16)
    assert any(note.startswith("how far it came could not be kept") for note in notes(report))
    assert places(report) == [f"byte {at}" for at in AT[:2]]


# One stand.


def standing(
    folder: Path,
    *identity: str,
    now: datetime = WHEN,
    indicators: tuple[Indicator, ...] = campaign().indicators,
) -> Standing:
    made = Stands(folder, indicators, lambda: now).of("x", identity, SIZE)
    assert made is not None
    return made


def test_a_killed_sweep_leaves_what_it_kept_every_few_seconds(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(stands, "_EVERY_S", 0.0)
    standing(tmp_path, "a").reached(4096, [HIT])
    begun = standing(tmp_path, "a", now=WHEN + timedelta(hours=1)).begun
    assert (begun.until, begun.when, begun.hits) == (4096, WHEN, [HIT])


@pytest.mark.parametrize(
    ("identity", "later", "indicators"),
    [
        ("b", timedelta(), campaign().indicators),
        ("a", timedelta(), campaign().indicators[1:]),
        ("a", MAX_AGE + timedelta(seconds=1), campaign().indicators),
        ("a", -timedelta(seconds=1), campaign().indicators),
    ],
    ids=["another file", "another pack", "long ago", "the clock was set back"],
)
def test_another_search_begins_anew(
    identity: str, later: timedelta, indicators: tuple[Indicator, ...], tmp_path: Path
) -> None:
    one = standing(tmp_path, "a")
    one.reached(4096, [])
    one.keep()
    again = standing(tmp_path, identity, now=WHEN + later, indicators=indicators)
    assert again.begun.until == 0


@pytest.mark.parametrize("content", [b"", b"{", b'{"what": 1}', b"\xff" * 100])
def test_what_is_damaged_counts_as_nothing(content: bytes, tmp_path: Path) -> None:
    one = standing(tmp_path, "a")
    one.keep()
    (path,) = tmp_path.iterdir()
    path.write_bytes(content)
    assert standing(tmp_path, "a").begun.until == 0


def test_a_file_with_too_many_hits_is_begun_anew(tmp_path: Path) -> None:
    one = standing(tmp_path, "a")
    one.reached(4096, [HIT])
    one.keep()
    one.reached(8192, [HIT] * MAX_HITS)
    one.keep()
    assert list(tmp_path.iterdir()) == []


def test_nobody_else_may_read_it(tmp_path: Path) -> None:
    one = standing(tmp_path / "kept", "a")
    one.keep()
    (path,) = (tmp_path / "kept").iterdir()
    assert path.stat().st_mode & 0o077 == 0


@pytest.mark.parametrize(("name", "own"), [("deep", True), ("other", False)])
def test_the_next_sweep_does_not_find_what_is_kept(
    name: str, own: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("IOCSWEEP_HOME", str(tmp_path / "home"))
    one = standing(tmp_path / "home" / name, "a")
    one.reached(4096, [(ByteHit("c2-domain", 500, "pandorasong.com"), 1)])
    (tmp_path / "home").mkdir()
    one.keep()
    where = str(tmp_path / "home")
    _, report = commanded(tmp_path / "out", "offline", where, "--quiet", "--thorough")
    assert (report.findings == []) is own
