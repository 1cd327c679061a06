"""A report that is there answers the same question about the same evidence, and no other."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from agent.cli import main
from agent.commands.offline import once
from agent.exit_codes import CLEAN, HIT, INCOMPLETE
from agent.matching.own_traces import Own
from agent.targets.offline.image import ImageTarget
from tests.evidence.bitlocker import PASSWORD, locked
from tests.evidence.collected import as_tar
from tests.evidence.encrypted import as_pem, by_acquire, rsa_key
from tests.evidence.images import file_name, image, record, resident, standard
from tests.evidence.journals import FOLDERS


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("IOCSWEEP_HOME", str(tmp_path / "home"))


def volume(name: str) -> bytes:
    made = record(standard(), file_name(name, 43), resident(0x80, b"x"))
    return image({**FOLDERS, 50: made})


def disk(path: Path, name: str = "notes.txt") -> Path:
    path.parent.mkdir(exist_ok=True)
    path.write_bytes(volume(name))
    os.utime(path, (1e9, 1e9))
    return path


def resumed(out: Path, *arguments: str | Path) -> tuple[int, int]:
    """The exit code, and how many reports there are."""
    out.mkdir(exist_ok=True)
    words = [*map(str, arguments), "--out", str(out), "--only", "files", "--quiet"]
    code = main(["offline", *words, "--jobs", "1", "--resume"])
    return code, len(list(out.glob("*.json")))


def identity(path: Path) -> str:
    (one,) = ImageTarget(str(path), own=Own()).exhibits()
    return one.identity


def test_another_image_of_the_same_name_size_and_time_is_swept(tmp_path: Path) -> None:
    clean, hit = disk(tmp_path / "a/disk.dd"), disk(tmp_path / "b/disk.dd", "cyzfc.dat")
    assert identity(clean) != identity(hit)
    assert resumed(tmp_path / "out", clean) == (CLEAN, 1)
    assert resumed(tmp_path / "out", clean, hit) == (HIT, 2)


def test_what_lies_beside_the_evidence_of_a_report_has_none(tmp_path: Path) -> None:
    here, copy = disk(tmp_path / "a/disk.dd"), disk(tmp_path / "b/disk.dd")
    assert identity(here) == identity(copy)
    assert resumed(tmp_path / "out", here) == (CLEAN, 1)
    assert resumed(tmp_path / "out", copy) == (CLEAN, 2)
    here.unlink()
    assert resumed(tmp_path / "out", copy) == (CLEAN, 2)


def test_changed_rules_are_another_question(tmp_path: Path) -> None:
    path, rules = disk(tmp_path / "a/disk.dd"), tmp_path / "r.yar"
    rules.write_text('rule x { strings: $a = "never there" condition: $a }')
    assert resumed(tmp_path / "out", path, "--rules", rules) == (CLEAN, 1)
    moved = rules.rename(tmp_path / "same.yar")
    assert resumed(tmp_path / "out", path, "--rules", moved) == (CLEAN, 2), "of another name"
    assert resumed(tmp_path / "out", path, "--rules", moved) == (CLEAN, 2)
    moved.write_text("rule x { condition: true }")
    assert resumed(tmp_path / "out", path, "--rules", moved) == (HIT, 3)
    assert resumed(tmp_path / "out", path, "--rules", moved) == (HIT, 3)


def test_a_key_that_fits_opens_what_was_locked_before(tmp_path: Path) -> None:
    pytest.importorskip("pybde", reason="libbde-python is not installed: the extra offline")
    path, keys = tmp_path / "locked.dd", tmp_path / "keys.txt"
    path.write_bytes(locked(volume("cyzfc.dat"), password=PASSWORD))
    assert resumed(tmp_path / "out", path) == (INCOMPLETE, 1)
    assert resumed(tmp_path / "out", path) == (INCOMPLETE, 1)
    keys.write_text("another one\n")
    given = (path, "--bitlocker-keys", keys)
    assert resumed(tmp_path / "out", *given) == (INCOMPLETE, 2)
    keys.write_text(PASSWORD)
    assert resumed(tmp_path / "out", *given) == (HIT, 3)
    assert resumed(tmp_path / "out", *given) == (HIT, 3)


def test_a_key_that_fits_opens_a_collection_that_was_encrypted(tmp_path: Path) -> None:
    plain = as_tar(tmp_path / "plain", {"a folder/a file.txt": b"x"}, 0)
    path, key = tmp_path / "HOST.tar.enc", tmp_path / "key.pem"
    path.write_bytes(by_acquire(plain.read_bytes(), rsa_key()))
    given = (path, "--keys", key)
    assert resumed(tmp_path / "out", path) == (INCOMPLETE, 1)
    key.write_text(as_pem(rsa_key("other")))
    assert resumed(tmp_path / "out", *given) == (INCOMPLETE, 2)
    key.write_text(as_pem(rsa_key()))
    assert resumed(tmp_path / "out", *given) == (CLEAN, 3)
    assert resumed(tmp_path / "out", *given) == (CLEAN, 3)


def test_what_is_given_twice_or_in_pieces_is_swept_once(tmp_path: Path) -> None:
    path = disk(tmp_path / "a/disk.dd")
    other = str(tmp_path / "a" / ".." / "a" / "disk.dd")
    assert once([str(path), other]) == [str(path)]
    data = path.read_bytes()
    pieces = [tmp_path / f"d.00{number}" for number in (1, 2, 3)]
    for number, piece in enumerate(pieces):
        third = -(-len(data) // 3)
        piece.write_bytes(data[number * third : (number + 1) * third])
    everything = [str(one) for one in (*reversed(pieces), path)]
    assert once(everything) == [str(pieces[0]), str(path)]
    assert once([str(pieces[1])]) == [str(pieces[1])]
