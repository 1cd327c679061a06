"""``--cache``: what has not changed is not read again, and nothing that changed is missed."""

from __future__ import annotations

import hashlib
import os
import sqlite3
import struct
from pathlib import Path

import pytest

from agent.cli import main
from agent.coverage import Ledger
from agent.indicators import Content, FileHash, Indicator
from agent.matching.matcher import Match, Matcher
from agent.matching.own_traces import Own
from agent.model.codec import decode
from agent.model.objects import Hash
from agent.model.report import Coverage, State, Strength
from agent.sources.files.hash_cache import FileState, HashCache, HashCacheError
from agent.sources.files.source import FilesSource
from agent.targets.offline.image import ImageTarget
from tests.agent.ntfs.synthetic import (
    file_name,
    image,
    non_resident,
    record,
    resident,
    run,
    standard,
)

QUIET, OTHER = b"nothing to see" * 600, b"evil words here" * 560
READ_AGAIN = "not read again: as it was when an earlier sweep read it"
STATE = FileState("volume", 30, 1, 8400, 77, 10**17)


def sha256_of(data: bytes, name: str = "hash") -> FileHash:
    value = hashlib.sha256(data).hexdigest()
    return FileHash(
        id=name, strength=Strength.CONFIRMED, reference=["r"], status="SRC", value=value
    )


def content(value: str) -> Content:
    return Content(
        id="content", strength=Strength.STRONG, reference=["r"], status="SRC", value=value,
        match="text",
    )  # fmt: skip


def journalled(
    tmp_path: Path,
    data: bytes = QUIET,
    *,
    usn: int = 77,
    journal: int = 5,
    stream: bytes = b"",
    keeps_journal: bool = True,
    names: tuple[str, ...] = ("report.bin",),
    made: int = 1_700_000_000,
) -> Path:
    """An image with one file, ``\\report.bin``, on a volume with a change journal.
    ``made``: when the image was, in seconds."""
    name = "$UsnJrnl".encode("utf-16-le")
    entry = struct.pack("<QHHHHQ", 40 | 1 << 48, 0x68, 0x54, 0, 0, 11 | 11 << 48).ljust(0x50, b"\0")
    index = bytes(0x20) + entry + bytes([len(name) // 2, 3]) + name
    times = (10**17 + 7,) * 4
    si = struct.pack("<4QI", *times, 0x20).ljust(64, b"\0") + struct.pack("<Q", usn)
    streams = [resident(0x80, stream, "more")] if stream else []
    records = {
        30: record(
            resident(0x10, si), *map(file_name, names),
            non_resident(0x80, len(data), run(3, 100), last=2), *streams,
        ),
    }  # fmt: skip
    if keeps_journal:
        records[11] = record(
            standard(), file_name("$Extend"), resident(0x90, index, "$I30"), flags=3
        )
        records[40] = record(
            standard(), file_name("$UsnJrnl", 11, 11),
            resident(0x80, struct.pack("<4Q", 1 << 25, 1 << 22, journal, 0), "$Max"),
            resident(0x80, b"", "$J"),
        )  # fmt: skip
    path = tmp_path / "C.dd"
    path.write_bytes(image(records, contents={100: data}))
    os.utime(path, (made, made))
    return path


def sweep(
    path: Path, cache: HashCache | None, *indicators: Indicator, thorough: bool = True
) -> tuple[list[Match], Coverage]:
    matcher = Matcher(indicators, thorough=thorough)
    ledger = Ledger("files", required=True)
    source = FilesSource(cache=cache)
    found = [
        match
        for seen in source.observe(ImageTarget(str(path), own=Own()), matcher, ledger)
        for match in matcher.match(seen)
    ]
    return found, ledger.close()


def cached(
    path: Path, folder: Path, *indicators: Indicator, thorough: bool = True
) -> tuple[list[Match], Coverage]:
    matcher = Matcher(indicators, thorough=thorough)
    cache = HashCache(folder / "hashes.sqlite", matcher.looks_for())
    try:
        return sweep(path, cache, *indicators, thorough=thorough)
    finally:
        cache.close()


def was_read(coverage: Coverage) -> bool:
    assert coverage.state is State.COMPLETE
    return not any(note.reason == READ_AGAIN for note in coverage.notes)


def test_a_file_that_has_not_changed_is_not_read_again(tmp_path: Path) -> None:
    path = journalled(tmp_path)
    _, first = cached(path, tmp_path, sha256_of(b"other"))
    _, second = cached(path, tmp_path, sha256_of(b"other"))
    assert was_read(first)
    assert not was_read(second)
    assert first.bytes - second.bytes >= len(QUIET)


@pytest.mark.parametrize(
    "change", [{"usn": 78}, {"journal": 6}, {"data": QUIET + b"."}], ids=["usn", "journal", "size"]
)
def test_a_file_that_changed_is_read_again(tmp_path: Path, change: dict[str, int]) -> None:
    cached(journalled(tmp_path), tmp_path, sha256_of(b"other"))
    _, second = cached(journalled(tmp_path, **change), tmp_path, sha256_of(b"other"))  # type: ignore[arg-type]
    assert was_read(second)


def test_what_a_changed_file_holds_is_found(tmp_path: Path) -> None:
    cached(journalled(tmp_path), tmp_path, content("evil words"))
    changed = journalled(tmp_path, OTHER, usn=78)
    found, _ = cached(changed, tmp_path, content("evil words"))
    assert [match.indicator.id for match in found] == ["content"]


def test_what_another_image_of_the_same_volume_shows_is_found(tmp_path: Path) -> None:
    """The first one had zeros where the disk could not be read; the records are the same."""
    cached(journalled(tmp_path, bytes(len(OTHER))), tmp_path, content("evil words"))
    again = journalled(tmp_path, OTHER, made=1_700_000_001)
    found, _ = cached(again, tmp_path, content("evil words"))
    assert [match.indicator.id for match in found] == ["content"]


def test_a_new_hash_is_compared_with_what_was_read_before(tmp_path: Path) -> None:
    path = journalled(tmp_path)
    cached(path, tmp_path, sha256_of(b"other"))
    found, again = cached(path, tmp_path, sha256_of(b"other"), sha256_of(QUIET, "new"))
    assert [(match.indicator.id, match.strength) for match in found] == [
        ("new", Strength.CONFIRMED)
    ]
    assert was_read(again)


def test_another_content_is_looked_for_in_the_file_itself(tmp_path: Path) -> None:
    path = journalled(tmp_path)
    cached(path, tmp_path, sha256_of(b"other"))
    found, again = cached(path, tmp_path, sha256_of(b"other"), content("nothing to see"))
    assert [match.indicator.id for match in found] == ["content"]
    assert was_read(again)


def test_a_file_with_a_hit_is_found_in_every_sweep(tmp_path: Path) -> None:
    path = journalled(tmp_path)
    for _ in range(3):
        found, coverage = cached(path, tmp_path, content("nothing to see"))
        assert len(found) == 1
        assert was_read(coverage)


def test_a_file_with_a_second_stream_is_read_every_time(tmp_path: Path) -> None:
    path = journalled(tmp_path, stream=b"x")
    cached(path, tmp_path, sha256_of(b"other"))
    _, second = cached(path, tmp_path, sha256_of(b"other"))
    assert was_read(second)


def test_without_a_change_journal_everything_is_read_and_the_coverage_says_why(
    tmp_path: Path,
) -> None:
    path = journalled(tmp_path, keeps_journal=False)
    for _ in range(2):
        _, coverage = cached(path, tmp_path, sha256_of(b"other"))
        assert was_read(coverage)
        assert any("no change journal" in note.reason for note in coverage.notes)


def test_every_comparison_with_what_was_read_before_counts(tmp_path: Path) -> None:
    path = journalled(tmp_path)
    cached(path, tmp_path, sha256_of(b"other"))
    matcher = Matcher([sha256_of(b"other")], thorough=True)
    cache = HashCache(tmp_path / "hashes.sqlite", matcher.looks_for())
    ledger = Ledger("files", required=True)
    list(FilesSource(cache=cache).observe(ImageTarget(str(path), own=Own()), matcher, ledger))
    cache.close()
    assert matcher.counts()[0].tested == 1


def test_a_state_is_known_only_as_it_was(tmp_path: Path) -> None:
    cache = HashCache(tmp_path / "hashes.sqlite", "contents")
    cache.keep(STATE, Hash(md5="00" * 16))
    cache.close()
    cache = HashCache(tmp_path / "hashes.sqlite", "contents")
    assert cache.known(STATE) == Hash(md5="00" * 16)
    for name, value in STATE._asdict().items():
        other = STATE._replace(**{name: value + (1 if isinstance(value, int) else "x")})
        assert cache.known(other) is None, name
    cache.close()
    cache = HashCache(tmp_path / "hashes.sqlite", "other contents")
    assert cache.known(STATE) is None
    cache.close()


@pytest.mark.parametrize("value", ["text", 10**15], ids=type)
def test_what_is_no_hash_is_not_known(tmp_path: Path, value: str | int) -> None:
    cache = HashCache(tmp_path / "hashes.sqlite", "contents")
    cache.keep(STATE, Hash(md5="00" * 16))
    cache.close()
    db = sqlite3.connect(tmp_path / "hashes.sqlite")
    with db:
        db.execute("UPDATE file SET md5 = ?", (value,))
    db.close()
    cache = HashCache(tmp_path / "hashes.sqlite", "contents")
    assert cache.known(STATE) is None
    cache.close()


def test_a_damaged_cache_is_told_and_the_sweep_goes_on_without_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    home = tmp_path / "home"
    home.mkdir()
    (home / "hashes.sqlite").write_bytes(b"no database" * 1000)
    monkeypatch.setenv("IOCSWEEP_HOME", str(home))
    with pytest.raises(HashCacheError, match=r"hashes\.sqlite"):
        HashCache(home / "hashes.sqlite", "contents")
    out = tmp_path / "report.json"
    path = journalled(tmp_path)
    code = main(["offline", str(path), "--thorough", "--cache", "--out", str(out)])
    assert "--cache:" in capsys.readouterr().err
    assert decode(out.read_bytes()).verdict.value == "clean"
    assert code == 0


def test_a_cache_that_breaks_during_the_sweep_is_told_in_the_coverage(tmp_path: Path) -> None:
    matcher = Matcher([sha256_of(b"other")], thorough=True)
    cache = HashCache(tmp_path / "hashes.sqlite", matcher.looks_for())
    cache.close()
    _, coverage = sweep(journalled(tmp_path), cache, sha256_of(b"other"))
    assert was_read(coverage)
    assert any(note.reason == "--cache: not used any more" for note in coverage.notes)


def test_the_sweep_keeps_its_cache_in_the_home_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("IOCSWEEP_HOME", str(tmp_path / "home"))
    path = journalled(tmp_path)
    read = []
    for number in range(2):
        out = tmp_path / f"{number}.json"
        arguments = ["offline", str(path), "--thorough", "--cache", "--quiet", "--out", str(out)]
        assert main(arguments) == 0
        read.append(was_read(decode(out.read_bytes()).coverage[0]))
    assert read == [True, False]
