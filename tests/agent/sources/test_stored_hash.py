from __future__ import annotations

import hashlib
from pathlib import Path

import pytest

from agent.coverage import Ledger
from agent.matching.own_traces import Own
from agent.model.custody import Checked, Exhibit
from agent.model.report import Coverage, State, Verdict
from agent.sources.stored_hash import (
    DIFFERENT,
    EQUAL,
    NO_IMAGE,
    NOTHING_STORED,
    StoredHashSource,
)
from agent.targets.offline.recognise import offline_target
from tests.evidence.containers import acquired
from tests.evidence.images import file_name, image, record, resident, standard
from tests.evidence.journals import FOLDERS
from tests.evidence.packs import campaign
from tests.evidence.sweeping import commanded


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("IOCSWEEP_HOME", str(tmp_path / "home"))


@pytest.fixture
def raw(tmp_path: Path) -> Path:
    """Two blocks that are read at once and a piece; of no even number of chunks."""
    made = record(standard(), file_name("notes.txt"), resident(0x80, b"x"))
    data = image({**FOLDERS, 30: made})
    noise = b"".join(hashlib.sha256(bytes([n & 255, n >> 8])).digest() for n in range(16_000))
    path = tmp_path / "disk.dd"
    path.write_bytes((data + noise + bytes(9 << 20))[: (9 << 20) + 512 * 7])
    return path


def checked(path: Path) -> tuple[Exhibit, Coverage]:
    target = offline_target(str(path), own=Own())
    source, ledger = StoredHashSource(), Ledger("stored_hash", required=True)
    assert [*source.observe(target, campaign(), ledger)] == []
    (exhibit,) = target.exhibits()
    return source.told(exhibit), ledger.close()


def flipped(path: Path, what: bytes | int) -> None:
    data = bytearray(path.read_bytes())
    place = data.index(what) if isinstance(what, bytes) else what
    data[place] ^= 1
    path.write_bytes(data)


def test_the_stored_hash_of_an_image_is_that_of_its_bytes(raw: Path, tmp_path: Path) -> None:
    exhibit, coverage = checked(acquired(raw, "best.E01", tmp_path))
    data = raw.read_bytes()
    assert exhibit.checked is Checked.EQUAL
    assert exhibit.read is not None
    assert exhibit.read.md5 == hashlib.md5(data).hexdigest()
    assert exhibit.read.sha1 == hashlib.sha1(data).hexdigest()
    assert exhibit.read.sha256 == hashlib.sha256(data).hexdigest()
    assert exhibit.stored is not None
    assert exhibit.stored.md5 == exhibit.read.md5
    assert coverage.state is State.COMPLETE
    assert coverage.bytes == len(data)
    assert [note.reason for note in coverage.notes] == [EQUAL]
    assert coverage.examined == 0, "it is no evidence that anything was looked at"


def test_another_stored_hash_is_a_gap(raw: Path, tmp_path: Path) -> None:
    path = acquired(raw, "best.E01", tmp_path)
    flipped(path, hashlib.md5(raw.read_bytes()).digest())
    exhibit, coverage = checked(path)
    assert exhibit.checked is Checked.DIFFERENT
    assert exhibit.read is not None
    assert coverage.state is State.PARTIAL
    assert [reason.reason for reason in coverage.reasons] == [DIFFERENT]


def test_a_damaged_chunk_is_a_gap_and_the_rest_is_read(raw: Path, tmp_path: Path) -> None:
    path = acquired(raw, "none.E01", tmp_path)
    flipped(path, hashlib.sha256(bytes([1, 1])).digest())
    exhibit, coverage = checked(path)
    assert exhibit.checked is Checked.NOT_READ
    assert exhibit.read is None
    (reason,) = coverage.reasons
    assert reason.reason == "EnCase image (E01): damaged chunk"
    assert reason.count == 1
    assert coverage.bytes == raw.stat().st_size - (32 << 10)


def test_a_container_without_a_hash_is_hashed(raw: Path) -> None:
    exhibit, coverage = checked(raw)
    assert exhibit.checked is Checked.NOTHING_STORED
    assert exhibit.read is not None
    assert exhibit.read.sha256 == hashlib.sha256(raw.read_bytes()).hexdigest()
    assert coverage.state is State.COMPLETE
    assert [note.reason for note in coverage.notes] == [NOTHING_STORED]


def test_a_missing_piece_is_a_gap_of_its_size(raw: Path, tmp_path: Path) -> None:
    data, folder = raw.read_bytes(), tmp_path / "pieces"
    folder.mkdir()
    size = len(data) // 3
    for number in (1, 3):
        (folder / f"disk.00{number}").write_bytes(data[(number - 1) * size : number * size])
    exhibit, coverage = checked(folder / "disk.001")
    assert exhibit.checked is Checked.NOT_READ
    assert [reason.reason for reason in coverage.reasons] == [
        "raw image in pieces: a piece is missing"
    ]
    assert size <= len(data) - coverage.bytes < size + (64 << 10)


def test_a_folder_stores_no_hash(tmp_path: Path) -> None:
    (tmp_path / "copy").mkdir()
    exhibit, coverage = checked(tmp_path / "copy")
    assert exhibit.kind == "folder"
    assert exhibit.checked is None
    assert [note.reason for note in coverage.notes] == [NO_IMAGE]


def test_a_hash_that_does_not_match_is_no_clean_host(raw: Path, tmp_path: Path) -> None:
    path = acquired(raw, "best.E01", tmp_path)
    _, known = commanded(tmp_path / "a", "offline", str(path), "--quiet", "--only", "files")
    assert known.custody is not None
    assert known.custody.exhibits[0].checked is None
    flipped(path, hashlib.md5(raw.read_bytes()).digest())
    options = ("--quiet", "--check-hash", "--only", "files")
    code, report = commanded(tmp_path / "b", "offline", str(path), *options)
    assert (known.verdict, report.verdict, code) == (Verdict.CLEAN, Verdict.INCOMPLETE, 3)
    assert report.custody is not None
    assert report.custody.exhibits[0].checked is Checked.DIFFERENT
    assert report.scope.limited_to == ["only files, stored_hash"]
