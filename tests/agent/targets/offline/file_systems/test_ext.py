from __future__ import annotations

import json
import os
import random
import struct
import subprocess
import sys
from collections.abc import Mapping
from datetime import datetime, timezone
from pathlib import Path

import pytest

from agent.targets.offline.file_systems.ext import DELETED, NO_LIBRARY, NOT_REPLAYED, TOO_SHORT
from agent.targets.tree import Kind
from tests.evidence.file_systems import ext, listed, needs, read
from tests.evidence.trees import content, contents, gaps_of, tree_of, walked

BYTES = random.Random(14).randbytes(300_001)
FILES = {
    "C:\\Users\\jo\\large.bin": BYTES,
    "C:\\ünïcödé 日本語 \U0001f600.txt": b"name",
    "C:\\empty": b"",
    **{f"C:\\many\\file number {number}.bin": b"%d" % number for number in range(400)},
}
SORTS = {
    "ext2": ("-t", "ext2", "-b", 1024),
    "ext3": ("-t", "ext3"),
    "ext4": ("-t", "ext4"),
    "ext4 as of old": ("-t", "ext4", "-O", "^64bit,^metadata_csum,^flex_bg", "-I", 128),
    "ext4 in large clusters": ("-t", "ext4", "-O", "bigalloc", "-C", 16384),
    "ext4 without a place for all groups": ("-t", "ext4", "-O", "meta_bg,^resize_inode", "-b", 1024),
}  # fmt: skip


def made(path: Path, files: Mapping[str, bytes], *options: object) -> Path:
    pytest.importorskip("pyfsext")
    return ext(path, files, *options, "-N", 4096, size=48 << 20)


@pytest.fixture(scope="module", params=SORTS)
def volume(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return made(tmp_path_factory.mktemp("volume") / "disk.img", FILES, *SORTS[request.param])


def test_files_are_those_that_were_written(volume: Path) -> None:
    expected = {path[3:].replace("\\", "/"): data for path, data in FILES.items()}
    assert contents(tree_of(volume)) == expected
    assert gaps_of(volume) == []


def features_of(path: Path) -> str:
    done = subprocess.run(["/sbin/dumpe2fs", "-h", str(path)], check=True, capture_output=True)
    return done.stdout.decode()


def test_the_sleuth_kit_lists_the_same_and_reads_the_same(volume: Path) -> None:
    if "bigalloc" in features_of(volume):
        pytest.skip("the Sleuth Kit 4.11 reads none of this sort")
    found, numbers = walked(tree_of(volume)), listed(volume, "ext4")
    assert sorted(found) == sorted(numbers)
    number = numbers["Users/jo/large.bin"]
    assert content(found["Users/jo/large.bin"]) == read(volume, "ext4", number) == BYTES


def test_what_is_no_file_is_not_one(tmp_path: Path) -> None:
    needs("mke2fs")
    pytest.importorskip("pyfsext")
    source = tmp_path / "source"
    source.mkdir()
    (source / "file").write_bytes(b"x")
    (source / "link").symlink_to("file")
    (source / "far").symlink_to("/" + "f" * 200)
    os.mkfifo(source / "pipe")
    sparse = source / "sparse"
    with sparse.open("wb") as file:
        file.seek(5 << 20)
        file.write(b"end")
    os.utime(sparse, (2_000_000_000, 2_100_000_000))
    path = tmp_path / "disk.img"
    path.touch()
    os.truncate(path, 8 << 20)
    command = ["mke2fs", "-q", "-t", "ext4", "-d", str(source), str(path)]
    subprocess.run(command, check=True, env={**os.environ, "PATH": f"{os.environ['PATH']}:/sbin"})
    found = walked(tree_of(path))
    kinds = {name: entry.kind() for name, entry in found.items()}
    assert kinds == {
        "file": Kind.FILE, "link": Kind.LINK, "far": Kind.LINK, "pipe": Kind.OTHER,
        "sparse": Kind.FILE, "lost+found": Kind.FOLDER,
    }  # fmt: skip
    assert content(found["sparse"]) == bytes(5 << 20) + b"end"
    times = found["sparse"].facts().times()
    assert times.accessed == datetime(2033, 5, 18, 3, 33, 20, tzinfo=timezone.utc)
    assert times.modified == datetime(2036, 7, 18, 13, 20, tzinfo=timezone.utc)
    assert not times.is_local


def changed(path: Path, at: int, value: int) -> Path:
    """A word of the superblock."""
    with path.open("r+b") as file:
        file.seek(1024 + at)
        word: int = struct.unpack("<I", file.read(4))[0]
        file.seek(1024 + at)
        file.write(struct.pack("<I", word | value))
    return path


@pytest.mark.parametrize(
    ("feature", "reason"),
    [
        (0x4, f"ext volume: {NOT_REPLAYED}"),
        (0x8000, "ext volume: with inline_data, which is not read"),
        (0x8, "ext volume: with journal_dev, which is not read"),
        (0x40000000, "ext volume: with 0x40000000, which is not read"),
    ],
)
def test_what_libfsext_would_pass_over_is_a_gap(tmp_path: Path, feature: int, reason: str) -> None:
    path = made(tmp_path / "disk.img", {"C:\\a": b"x"}, "-t", "ext4", "-O", "^metadata_csum")
    assert gaps_of(changed(path, 0x60, feature)) == [reason]


@pytest.mark.parametrize("block", [1024, 4096])
def test_an_image_that_ends_early_is_a_gap_as_is_each_file_behind_its_end(
    tmp_path: Path, block: int
) -> None:
    files = {"C:\\a": b"x" * 5000, "C:\\b": BYTES}
    path = made(tmp_path / "disk.img", files, "-t", "ext4", "-b", block)
    data = path.read_bytes()
    path.write_bytes(data[: data.index(BYTES[:64]) + 5000])
    if block == 1024:  # Of its groups others hold a copy of the superblock.
        assert gaps_of(path) == [f"ext volume: {TOO_SHORT}"]
        return
    assert gaps_of(path) == ["ext volume: image ends before the volume does"]
    found = walked(tree_of(path))
    assert content(found["a"]) == b"x" * 5000
    with pytest.raises(OSError, match="ext volume"):
        content(found["b"])


def test_a_damaged_folder_is_a_gap_and_never_empty(tmp_path: Path) -> None:
    path = made(tmp_path / "disk.img", {"C:\\in it\\a": b"x"}, "-t", "ext4")
    data = bytearray(path.read_bytes())
    name = data.index(b"\1\1a\0")  # one letter, a regular file
    data[name - 2 : name] = b"\xff\xff"
    path.write_bytes(data)
    problems: list[str] = []
    assert "in it/a" not in walked(tree_of(path), problems)
    assert problems == [
        "folder: ext volume: damaged, or of a form that libfsext does not read"
    ]  # fmt: skip


def test_where_the_library_is_not_installed_it_is_said_what_to_install(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = ext(tmp_path / "disk.img", {"C:\\a": b"x"}, "-t", "ext4")
    monkeypatch.setitem(sys.modules, "pyfsext", None)
    assert gaps_of(path) == [NO_LIBRARY]
    assert "(extra: offline)" in NO_LIBRARY


def test_it_is_said_that_deleted_files_are_not_looked_for() -> None:
    assert DELETED == "deleted files: not looked for"


_WALK = """
import json, sys
from pathlib import Path
from tests.evidence.trees import content, gaps_of, tree_of, walked
from agent.targets.tree import Kind
path, problems, read = Path(sys.argv[1]), [], 0
if not gaps_of(path):
    for entry in walked(tree_of(path), problems).values():
        try:
            read += entry.kind() is Kind.FILE and len(content(entry)) == entry.facts().size
        except OSError as error:
            problems.append(str(error))
print(json.dumps([read, len(problems)]))
"""


def test_any_damage_ends_in_bytes_or_in_a_reason(tmp_path: Path) -> None:
    """In a process of its own: what a library does to it is seen here."""
    files = {path: data for path, data in FILES.items() if "many" not in path}
    options = ("-t", "ext4", "-b", 1024, "-O", "^has_journal", "-N", 32)
    path = ext(tmp_path / "disk.img", files, *options, size=1 << 20)
    pytest.importorskip("pyfsext")
    whole = path.read_bytes()
    of_file = whole.index(BYTES[:64])
    used = [
        at
        for at in range(1024, len(whole), 512)
        if whole.count(0, at, at + 512) < 512 and not of_file <= at < of_file + len(BYTES)
    ]
    outcomes = []
    for seed in range(12):
        chance, damaged = random.Random(seed), bytearray(whole)
        for _ in range(chance.choice((2, 20, 200))):
            damaged[chance.choice(used) + chance.randrange(512)] = chance.randrange(256)
        path.write_bytes(damaged)
        command = [sys.executable, "-c", _WALK, str(path)]
        done = subprocess.run(command, check=True, capture_output=True, timeout=120)
        outcomes.append(tuple(json.loads(done.stdout)))
    assert len(outcomes) == 12
    assert (len(files), 0) in outcomes
    assert any(problems for _, problems in outcomes)
