"""``--cache``: what has not changed is not read again, and nothing that changed is missed."""

from __future__ import annotations

import sqlite3
from pathlib import Path
from typing import Any

import pytest

from agent.cli import main
from agent.matching.own_traces import Own
from agent.model.codec import decode
from agent.model.objects import Hash
from agent.model.report import Strength
from agent.sources.files.hash_cache import FileState, HashCache, HashCacheError
from agent.sources.files.source import FilesSource
from agent.targets.offline.image import ImageTarget
from tests.evidence.journals import OTHER, QUIET, journalled
from tests.evidence.packs import content, matcher_of, sha256_of
from tests.evidence.sweeping import cached, swept, was_read

EVIL = content("evil words", strength=Strength.STRONG)
NOTHING = content("nothing to see", strength=Strength.STRONG)
STATE = FileState("volume", 30, 1, 8400, 77, 10**17)


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
def test_a_file_that_changed_is_read_again(tmp_path: Path, change: dict[str, Any]) -> None:
    cached(journalled(tmp_path), tmp_path, sha256_of(b"other"))
    _, second = cached(journalled(tmp_path, **change), tmp_path, sha256_of(b"other"))
    assert was_read(second)


def test_what_a_changed_file_holds_is_found(tmp_path: Path) -> None:
    cached(journalled(tmp_path), tmp_path, EVIL)
    changed = journalled(tmp_path, OTHER, usn=78)
    found, _ = cached(changed, tmp_path, EVIL)
    assert [match.indicator.id for match in found] == ["content"]


def test_what_another_image_of_the_same_volume_shows_is_found(tmp_path: Path) -> None:
    """The first one had zeros where the disk could not be read; the records are the same."""
    cached(journalled(tmp_path, bytes(len(OTHER))), tmp_path, EVIL)
    again = journalled(tmp_path, OTHER, made=1_700_000_001)
    found, _ = cached(again, tmp_path, EVIL)
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
    found, again = cached(path, tmp_path, sha256_of(b"other"), NOTHING)
    assert [match.indicator.id for match in found] == ["content"]
    assert was_read(again)


def test_a_file_with_a_hit_is_found_in_every_sweep(tmp_path: Path) -> None:
    path = journalled(tmp_path)
    for _ in range(3):
        found, coverage = cached(path, tmp_path, NOTHING)
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
    matcher = matcher_of(sha256_of(b"other"), thorough=True)
    cache = HashCache(tmp_path / "hashes.sqlite", matcher.looks_for())
    swept(ImageTarget(str(path), own=Own()), FilesSource(cache=cache), matcher=matcher)
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
    matcher = matcher_of(sha256_of(b"other"), thorough=True)
    cache = HashCache(tmp_path / "hashes.sqlite", matcher.looks_for())
    cache.close()
    target = ImageTarget(str(journalled(tmp_path)), own=Own())
    sweep = swept(target, FilesSource(cache=cache), matcher=matcher)
    assert was_read(sweep.coverage)
    assert "--cache: not used any more" in sweep.notes


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
        coverage = decode(out.read_bytes()).coverage
        read.append(was_read(next(one for one in coverage if one.source == "files")))
    assert read == [True, False]
