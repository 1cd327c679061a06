"""Volumes as ntfs-3g writes them: everything planted is found, and reads as ntfs-3g reads it."""

from __future__ import annotations

import hashlib
import os
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import pytest

from agent.coverage import Ledger
from agent.ntfs import Hit, MftScan, RawHit, Selected, Unread, Volume, Wanted
from agent.reading.openings import Selection
from agent.reading.walk import Walk
from tests.evidence.images import fls, icat, make, mounted, require_tools, volume, wants

LONG = "x" * 245 + ".cyzfc.dat"
DLL = bytes(range(256)) * 1150
"""294,400 bytes."""
WANTED = Wanted(
    wants("cyzfc.dat", "ds7002.zip", LONG, "имя.exe"),
    frozenset({"CYZFC.DAT", "DS7002.ZIP", LONG.upper(), "ИМЯ.EXE"}),
    (),
    Selection(frozenset({294_400, 123}), 402_358, frozenset({".lnk", "", ".tmp"})),
)


@dataclass
class Made:
    image: Path
    seen: dict[str, str]
    """Path by ntfs-3g (with ``:stream``), and the SHA-256 of what it reads."""


def digest(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def plant(root: Path) -> None:
    (root / "Users" / "jo" / "AppData").mkdir(parents=True)
    home = root / "Users" / "jo"
    (home / "AppData" / "cyzfc.dat").write_bytes(DLL)
    (home / "small.CYZFC.dat").write_bytes(b"resembles")
    (home / "CYZFC (1).DAT").write_bytes(b"resident")
    (home / "notes.txt").write_bytes(b"n")
    Path(f"{home}/notes.txt:cyzfc.dat").write_bytes(b"in a stream" * 1000)
    Path(f"{home}/notes.txt:sized").write_bytes(b"9" * 123)
    Path(f"{home}/AppData:ds7002.zip").write_bytes(b"PK in a stream of a folder")
    (home / "innocent.dll").write_bytes(b"MZ" + bytes(9000))
    os.link(home / "innocent.dll", home / "AppData" / "ds7002.zip")
    (home / LONG).write_bytes(b"l" * 5000)
    (home / "имя.exe").write_bytes(b"MZ")
    (home / "of a long name.tmp").write_bytes(b"8.3")
    os.setxattr(home / "of a long name.tmp", "system.ntfs_dos_name", b"OFALON~1.TMP")
    (home / "sized.bin").write_bytes(b"z" * 123)
    (home / "large.bin").write_bytes(b"L" * 402_358)
    (home / "almost.bin").write_bytes(b"L" * 402_357)
    with (home / "sparse.bin").open("wb") as file:
        file.write(b"start")
        file.seek(3 << 20)
        file.write(b"end")
    packed = home / "packed"
    packed.mkdir()
    os.setxattr(packed, "system.ntfs_attrib_be", (0x810).to_bytes(4, "big"))
    (packed / "text.log").write_bytes(b"".join(b"line %d of a log\r\n" % n for n in range(40_000)))
    (packed / "noise.log").write_bytes(hashlib.shake_128(b"noise").digest(200_000))
    with (packed / "holes.log").open("wb") as file:
        file.write(b"a" * 70_000)
        file.seek(400_000)
        file.write(hashlib.shake_128(b"more").digest(70_001))
    for number in range(1, 100, 7):
        (home / f"{number:03}{'y' * number}").write_bytes(b"")
        os.link(home / f"{number:03}{'y' * number}", home / f"link{number}.lnk")


@pytest.fixture(
    scope="module",
    params=[("1 KiB records", ()), ("4 KiB records", ("-s", "4096", "-c", "4096"))],
    ids=lambda p: p[0],
)
def made(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Made:
    require_tools()
    image = make(tmp_path_factory.mktemp("ntfs") / "volume.img", 64, *request.param[1])
    seen: dict[str, str] = {}
    with mounted(image) as root:
        plant(root)
    with mounted(image, "ro") as root:
        for folder, _, names in os.walk(root):
            for name in [*names, ""]:
                path = os.path.join(folder, name) if name else folder
                shown = "\\" + os.path.relpath(path, root).replace("/", "\\").removeprefix(".")
                if name:
                    seen[shown] = digest(Path(path).read_bytes())
                for stream in os.getxattr(path, "ntfs.streams.list").split(b"\0"):
                    if stream:
                        data = Path(f"{path}:{stream.decode()}").read_bytes()
                        seen[f"{shown}:{stream.decode()}"] = digest(data)
    return Made(image, seen)


def everything(opened: Volume) -> dict[str, str]:
    """As ``Made.seen``, by us: all live files and streams with their content."""
    found: dict[str, str] = {}
    for number in range(opened.records):
        record = opened.record(number)
        if (
            not record.signed
            or record.extends
            or not record.in_use
            or (number < 24 and number != 5)
        ):
            continue
        entry = opened.entry(record)
        if any(name.parent.number == 11 for name in entry.names):
            continue
        for path in opened.paths(entry) if number != 5 else [opened.path_of(entry.reference)]:
            assert path.known
            assert not path.note
            for stream in entry.streams:
                text = f"{path.text}:{stream.name}" if stream.name else path.text
                with opened.content(stream) as content:
                    found[text] = digest(content.read())
    return found


def test_every_stream_reads_as_ntfs_3g_reads_it(made: Made) -> None:
    account = Unread()
    opened = volume(made.image, account)
    assert everything(opened) == made.seen
    assert not account.gaps


def test_the_scan_singles_out_what_a_walk_would(made: Made) -> None:
    opened = volume(made.image)
    scanned: set[str] = set()
    named: set[str] = set()
    linked: set[str] = set()
    for hit in MftScan(opened, WANTED).hits():
        assert isinstance(hit, Hit)
        paths = {path.text for path in opened.paths(hit.entry)}
        if len(paths) > 1:
            linked |= paths
        for path in opened.paths(hit.entry):
            if hit.why & (Selected.SIZE | Selected.LEAST_SIZE | Selected.EXTENSION):
                scanned.add(path.text)
            if hit.why & Selected.NAME and path.text.rpartition("\\")[2] in hit.wanted:
                named.add(path.text)
    with mounted(made.image, "ro") as root:
        walk = Walk(WANTED.selection, Ledger("files", required=True))
        walked: set[str] = set()
        by_name: set[str] = set()
        for folder in walk.folders([str(root)]):
            shown = folder.path.removeprefix(str(root)).replace("/", "\\")
            walked |= {f"{shown}\\{name}" for name, _ in folder.selected}
            by_name |= {f"{shown}\\{name}" for name in WANTED.is_wanted(folder.names)}
    assert named == by_name
    # A file of several names is singled out by any of them, and told of with all.
    assert walked <= scanned
    assert scanned - walked <= linked


def test_streams_are_found_by_name_and_by_size(made: Made) -> None:
    opened = volume(made.image)
    hits = [hit for hit in MftScan(opened, WANTED).hits() if isinstance(hit, Hit)]
    by_name = {
        hit.entry.names[0].text: hit.wanted for hit in hits if hit.why & Selected.STREAM_NAME
    }
    assert by_name == {"notes.txt": ("cyzfc.dat",), "AppData": ("ds7002.zip",)}
    by_size = {hit.entry.names[0].text for hit in hits if hit.why & Selected.STREAM_SIZE}
    assert by_size == {"notes.txt"}


def test_a_name_over_the_end_of_a_stride_is_found(made: Made) -> None:
    opened = volume(made.image)
    if opened.record_size != 1024:
        pytest.skip("the names lie in the first KiB")
    (hit,) = [h for h in MftScan(opened, WANTED).hits() if isinstance(h, Hit) and LONG in h.wanted]
    content = opened.open_stream(0)
    content.seek(hit.entry.number * 1024)
    name = LONG.encode("utf-16-le")
    assert name not in content.read(1024)
    assert name in opened.record(hit.entry.number).data


def test_sleuth_kit_lists_the_same_names_and_bytes(made: Made) -> None:
    require_tools("fls", "icat")
    listed: dict[str, str] = {}
    for line in fls(made.image, "-r", "-p", "-u"):
        kind, _, rest = line.partition(" ")
        address, _, path = rest.partition(":\t")
        shown = "\\" + path.replace("/", "\\")
        number = int(address.split("-")[0])
        if (
            "-128-" not in address
            or number < 24
            or kind.startswith("V")
            or "$Extend" in path
            or "/.:" in path
        ):
            continue
        listed[shown] = digest(icat(made.image, address))
    assert listed == everything(volume(made.image))


def test_short_names_are_kept_apart(made: Made) -> None:
    opened = volume(made.image)
    (hit,) = [
        h
        for h in MftScan(opened, WANTED).hits()
        if isinstance(h, Hit)
        and h.entry.long_names
        and h.entry.long_names[0].text == "of a long name.tmp"
    ]
    assert [name.text for name in hit.entry.names if name.is_short] == ["OFALON~1.TMP"]
    assert [path.text for path in opened.paths(hit.entry)] == ["\\Users\\jo\\of a long name.tmp"]


def test_names_that_only_resemble_are_no_hits(made: Made) -> None:
    opened = volume(made.image)
    for hit in MftScan(opened, WANTED).hits():
        assert isinstance(hit, Hit)
        assert "small.CYZFC.dat" not in {name.text for name in hit.entry.names}


# Deleted files.


@pytest.fixture
def deleted(tmp_path: Path) -> Volume:
    require_tools()
    image = make(tmp_path / "deleted.img", 32)
    with mounted(image) as root:
        (root / "kept").mkdir()
        (root / "gone").mkdir()
        (root / "reused").mkdir()
        (root / "kept" / "cyzfc.dat").write_bytes(DLL)
        (root / "gone" / "ds7002.zip").write_bytes(b"PK" * 3000)
        (root / "reused" / "cyzfc.dat").write_bytes(b"resident")
    with mounted(image) as root:
        for name in ("kept/cyzfc.dat", "gone/ds7002.zip", "reused/cyzfc.dat"):
            (root / name).unlink()
        (root / "gone").rmdir()
        number = os.stat(root / "reused").st_ino
        (root / "reused").rmdir()
    with mounted(image) as root:
        taken: list[int] = []
        while not taken or (taken[-1] != number and len(taken) < 3):
            path = root / f"new{len(taken)}"
            path.mkdir()
            taken.append(os.stat(path).st_ino)
    return volume(image)


def test_deleted_files_are_found_with_their_last_path(deleted: Volume) -> None:
    hits = {
        h.entry.number: h
        for h in MftScan(deleted, WANTED).hits()
        if isinstance(h, Hit) and not h.entry.live
    }
    paths = {
        path.text: (path.note, hit) for hit in hits.values() for path in deleted.paths(hit.entry)
    }
    note, kept = paths["\\kept\\cyzfc.dat"]
    assert note == ""
    assert deleted.open_stream(kept.entry).read() == DLL
    stream = kept.entry.stream()
    assert stream is not None
    assert deleted.still_free(stream) is True
    others = {path: note for path, (note, _) in paths.items() if "kept" not in path}
    assert set(others) <= {
        "\\gone\\ds7002.zip",
        "\\reused\\cyzfc.dat",
        "?\\ds7002.zip",
        "?\\cyzfc.dat",
    }
    for path, note in others.items():
        assert note == (
            "in a deleted folder"
            if path.startswith("\\")
            else "the folder's record was used again: where it lay is not known"
        )
    assert any(path.startswith("?") for path in others)


def test_clusters_used_again_are_told(tmp_path: Path) -> None:
    require_tools()
    image = make(tmp_path / "again.img", 16)
    with mounted(image) as root:
        (root / "first").write_bytes(b"its record is the one that is used again")
        (root / "cyzfc.dat").write_bytes(DLL)
    with mounted(image) as root:
        (root / "first").unlink()
        (root / "cyzfc.dat").unlink()
    with mounted(image) as root, suppress(OSError), (root / "filler").open("wb") as file:
        while True:
            file.write(b"f" * (1 << 20))
    opened = volume(image)
    (hit,) = [h for h in MftScan(opened, WANTED).hits() if isinstance(h, Hit) and not h.entry.live]
    stream = hit.entry.stream()
    assert stream is not None
    assert opened.still_free(stream) is False


# Fragments.


@pytest.fixture(scope="module")
def fragmented(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A volume whose $MFT and one file lie in more than 2,000 places each."""
    require_tools()
    image = make(tmp_path_factory.mktemp("ntfs") / "fragments.img", 64, "-c", "4096")
    with mounted(image) as root:
        count = 0
        try:
            while True:
                (root / f"f{count}").write_bytes(b"1" * 4096)
                count += 1
        except OSError:
            pass
    opened, places = volume(image), []
    for number in range(64, opened.records):
        entry = opened.entry(number)
        if (
            entry.names
            and entry.names[0].text[1:].isdigit()
            and (stream := entry.stream())
            and stream.runs
        ):
            places.append((stream.runs[0].cluster, entry.names[0].text))
    with mounted(image) as root:
        for _, name in sorted(places)[::2]:
            os.truncate(root / name, 0)
        with (root / "pieces.bin").open("wb", buffering=0) as file:
            for number in range(2_200):
                file.write(number.to_bytes(4, "little") * 1024)
        number = 0
        try:
            while True:
                (root / f"some longer name of a file {number:6}").write_bytes(b"")
                number += 1
        except OSError:
            pass
    with mounted(image) as root:
        os.unlink(root / f"some longer name of a file {number - 2:6}")
        (root / "cyzfc.dat").write_bytes(b"")
    return image


def test_an_mft_in_2000_places_is_read_whole(fragmented: Path) -> None:
    account = Unread()
    opened = volume(fragmented, account)
    assert opened.mft_runs[-1].vcn > 2_000
    assert len(opened.mft_runs) > 2_000
    scan = MftScan(opened, WANTED)
    assert [h.wanted for h in scan.hits() if isinstance(h, Hit) and h.why & Selected.NAME] == [
        ("cyzfc.dat",)
    ]
    assert scan.counts.records == opened.records
    assert not account.gaps


def test_a_file_in_2000_places_is_read_whole(fragmented: Path) -> None:
    opened = volume(fragmented)
    (hit,) = [
        h
        for h in MftScan(opened, WANTED).hits()
        if isinstance(h, Hit) and h.entry.names[0].text == "pieces.bin"
    ]
    stream = hit.entry.stream()
    assert stream is not None
    assert len(stream.runs) > 2_000
    content = opened.content(stream)
    assert content.read() == b"".join(n.to_bytes(4, "little") * 1024 for n in range(2_200))
    content.seek(4096 * 1999 - 2)
    assert content.read(4) == (1998).to_bytes(4, "little")[2:] + (1999).to_bytes(4, "little")[:2]


def test_mentions_tell_what_is_left_in_slack(tmp_path: Path) -> None:
    require_tools()
    image = make(tmp_path / "slack.img", 16)
    with mounted(image) as root:
        (root / "note").write_bytes("see cyzfc.dat there".encode("utf-16-le"))
    found = [m for m in MftScan(volume(image), WANTED).hits() if isinstance(m, RawHit)]
    assert [(m.text, m.place) for m in found] == [("cyzfc.dat there", "content of a small file")]
