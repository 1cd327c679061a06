from __future__ import annotations

import random
import struct
from collections.abc import Callable
from datetime import datetime, timezone
from pathlib import Path

import pytest

from agent.formats.cluster_chains import Clusters
from agent.formats.fat import Fat
from agent.reading.opening import read_up_to, reason_of
from agent.targets.offline.file_systems.fat import DELETED
from agent.targets.tree import Entry, Kind
from tests.evidence.file_systems import Files, copied, deleted, exfat, fat, listed, read
from tests.evidence.trees import content, contents, gaps_of, tree_of, walked

LONG = "a name of many letters, ünïcödé and 日本語 " + "x" * 150 + ".txt"
BYTES = random.Random(14).randbytes(90_001)
FILES = {
    "C:\\EFI\\Microsoft\\Boot\\bootmgfw.efi": BYTES,
    "C:\\EFI\\Boot\\bootx64.efi": BYTES[:4096],
    f"C:\\{LONG}": b"long",
    "C:\\SHORT.TXT": BYTES[:512],
    "C:\\lower.txt": BYTES[:513],
    "C:\\empty.bin": b"",
    **{f"C:\\many\\file number {number}.bin": b"%d" % number for number in range(300)},
}
MADE: dict[str, Callable[[Path, Files], Path]] = {
    "FAT12": lambda path, files: fat(path, files, "-F", 12, size=4 << 20),
    "FAT16": lambda path, files: fat(path, files, "-F", 16),
    "FAT32": lambda path, files: fat(path, files, "-F", 32, "-s", 1, size=40 << 20),
    "FAT16 of 4,096": lambda path, files: fat(path, files, "-F", 16, "-S", 4096, size=64 << 20),
    "exFAT": exfat,
    "exFAT in chains": lambda path, files: exfat(path, files, chained=True),
}


def kind_of(name: str) -> str:
    return "exfat" if name.startswith("exFAT") else "fat"


@pytest.fixture(scope="module", params=MADE)
def made(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    name: str = request.param
    return MADE[name](tmp_path_factory.mktemp("volume") / f"{kind_of(name)}.img", FILES)


def in_slashes(files: Files) -> dict[str, bytes]:
    return {path[3:].replace("\\", "/"): data for path, data in files.items()}


def test_files_are_those_that_were_written(made: Path) -> None:
    assert contents(tree_of(made)) == in_slashes(FILES)
    assert gaps_of(made) == []


def test_the_sleuth_kit_lists_the_same_and_reads_the_same(made: Path) -> None:
    found, numbers = walked(tree_of(made)), listed(made, made.stem)
    assert sorted(found) == sorted(numbers)
    for path in ("EFI/Microsoft/Boot/bootmgfw.efi", LONG, "SHORT.TXT", "empty.bin"):
        assert content(found[path]) == read(made, made.stem, numbers[path])


def test_any_place_of_a_file_is_read_in_any_order(made: Path) -> None:
    entry = tree_of(made).find("EFI", "MICROSOFT", "boot", "BOOTMGFW.EFI")
    assert entry is not None
    with entry.open()[0] as file:
        for offset, size in ((89_000, 5000), (0, 1), (4095, 2), (40_000, 9000), (90_001, 1)):
            file.seek(offset)
            assert file.read(size) == BYTES[offset : offset + size]


def test_a_file_in_many_pieces_is_read_whole(tmp_path: Path) -> None:
    small = {f"C:\\{number:03}.bin": bytes([number]) * 1500 for number in range(200)}
    path = fat(tmp_path / "disk.img", small, "-F", 12, "-s", 1, size=320 << 10)
    deleted(path, *(f"/{number:03}.bin" for number in range(0, 200, 2)))
    copied(path, {"C:\\whole.bin": BYTES})
    whole = tree_of(path).find("whole.bin")
    assert whole is not None
    assert content(whole) == BYTES
    volume = Fat(lambda offset, size: path.read_bytes()[offset : offset + size])
    assert runs_of(volume.clusters, first_of(path, "WHOLE   BIN")) > 20


def runs_of(clusters: Clusters, number: int | None) -> int:
    runs, before = 0, None
    while number is not None:
        runs += before is None or number != before + 1
        before, number = number, clusters.following(number)
    return runs


def entry_at(path: Path, short: str) -> int:
    """Where the entry of a short name lies in the image."""
    return path.read_bytes().index(short.encode())


def first_of(path: Path, short: str) -> int:
    found: int = struct.unpack_from("<H", path.read_bytes(), entry_at(path, short) + 26)[0]
    return found


def patched(path: Path, at: int, data: bytes) -> Path:
    with path.open("r+b") as file:
        file.seek(at)
        file.write(data)
    return path


def test_names_outside_of_the_first_plane_are_read(tmp_path: Path) -> None:
    path = fat(tmp_path / "disk.img", {"C:\\a long name.bin": b"x"})
    letters = "a long nam".encode("utf-16-le")
    assert path.read_bytes().count(letters[:10]) == 1
    patched(path, path.read_bytes().index(letters[:10]), "\U0001f600 ab".encode("utf-16-le"))
    assert list(walked(tree_of(path))) == ["\U0001f600 abg name.bin"]
    emoji = exfat(tmp_path / "disk2.img", {"C:\\\U0001f600.bin": b"x"})
    assert list(walked(tree_of(emoji))) == ["\U0001f600.bin"]


def test_a_long_name_that_another_system_left_behind_is_not_the_files(tmp_path: Path) -> None:
    path = fat(tmp_path / "disk.img", {"C:\\a long name.bin": b"x"})
    at = entry_at(path, "ALONGN~1BIN")
    patched(path, at, b"OTHER   BIN")
    assert list(walked(tree_of(path))) == ["OTHER.BIN"]


def test_times_of_fat_are_told_as_local_ones(tmp_path: Path) -> None:
    path = fat(tmp_path / "disk.img", {"C:\\a.bin": b"x"})
    at = entry_at(path, "A       BIN")
    date, time = 2018 - 1980 << 9 | 12 << 5 | 31, 23 << 11 | 59 << 5 | 29
    patched(path, at + 13, struct.pack("<BHHH2xHH", 150, time, date, date, time, date))
    times = walked(tree_of(path))["a.bin"].facts().times()
    assert times.created == datetime(2018, 12, 31, 23, 59, 59, 500_000, tzinfo=timezone.utc)
    assert times.modified == datetime(2018, 12, 31, 23, 59, 58, tzinfo=timezone.utc)
    assert times.accessed == datetime(2018, 12, 31, tzinfo=timezone.utc)
    assert times.is_local


def test_times_that_are_none_are_not_told(tmp_path: Path) -> None:
    path = fat(tmp_path / "disk.img", {"C:\\a.bin": b"x"})
    patched(path, entry_at(path, "A       BIN") + 13, bytes(7))
    times = walked(tree_of(path))["a.bin"].facts().times()
    assert times.created is None
    assert times.accessed is None
    assert times.modified is not None


@pytest.mark.parametrize(
    ("zone", "hour", "is_local"), [(0xF8, 17, False), (0x88, 13, False), (0x00, 15, True)]
)
def test_times_of_exfat_are_told_by_their_zone(
    tmp_path: Path, zone: int, hour: int, is_local: bool
) -> None:
    path = exfat(tmp_path / "disk.img", {"C:\\a.bin": b"x"}, zone=zone)
    times = walked(tree_of(path))["a.bin"].facts().times()
    assert times.created == datetime(2018, 11, 14, hour, 4, 8, tzinfo=timezone.utc)
    assert times.is_local is is_local


def test_what_was_never_written_of_a_file_is_zeros_and_not_what_lay_there(tmp_path: Path) -> None:
    path = exfat(tmp_path / "disk.img", {"C:\\a.bin": BYTES}, written={"a.bin": 5000})
    assert contents(tree_of(path)) == {"a.bin": BYTES[:5000] + bytes(len(BYTES) - 5000)}


def test_names_of_deleted_files_are_left(tmp_path: Path) -> None:
    files = {"C:\\in it\\a long name.bin": b"x", "C:\\in it\\stays.bin": b"y"}
    on_fat = fat(tmp_path / "fat.img", files)
    deleted(on_fat, "/in it/a long name.bin")
    on_exfat = exfat(tmp_path / "exfat.img", files, deleted=frozenset({"a long name.bin"}))
    for path in (on_fat, on_exfat):
        tree = tree_of(path)
        assert tree.left_in is not None
        folder = walked(tree)["in it"]
        assert [one.name for one in folder.entries(lambda _: True, print)] == ["stays.bin"]
        assert [one.name for one in tree.left_in(folder)] == ["a long name.bin"]


def test_of_a_deleted_short_name_the_first_letter_is_lost(tmp_path: Path) -> None:
    path = fat(tmp_path / "fat.img", {"C:\\CYZFC.DAT": b"x"})
    deleted(path, "/CYZFC.DAT")
    tree = tree_of(path)
    assert tree.left_in is not None
    assert not list(tree.top.entries(lambda _: True, print))
    assert [one.name for one in tree.left_in(tree.top)] == ["?YZFC.DAT"]


# Damage.


def table_entry(number: int, value: int) -> Callable[[Path], Path]:
    """Changes an entry of the table of a FAT16."""

    def change(path: Path) -> Path:
        reserved = struct.unpack_from("<H", path.read_bytes(), 14)[0]
        return patched(path, reserved * 512 + 2 * number, struct.pack("<H", value))

    return change


@pytest.mark.parametrize(
    ("value", "reason"),
    [
        (0, "chain of clusters that leads to a free one"),
        (0xFFF7, "chain of clusters that leads to a bad one"),
        (0xFF00, "chain of clusters that leads out of the volume"),
        (None, "chain of clusters that goes round"),
        (0xFFFF, "file ends before it should"),
    ],
)
def test_a_broken_chain_is_told_and_no_bytes_are_made_up(
    tmp_path: Path, value: int | None, reason: str
) -> None:
    path = fat(tmp_path / "disk.img", {"C:\\a.bin": BYTES}, "-F", 16, "-s", 4)
    first = first_of(path, "A       BIN")
    table_entry(first + 10, first if value is None else value)(path)
    entry = walked(tree_of(path))["a.bin"]
    with entry.open()[0] as file:
        assert file.read(2048) == BYTES[:2048]
        with pytest.raises(OSError, match="FAT volume") as told:
            read_up_to(file, len(BYTES))
        assert reason_of(told.value) == f"FAT volume: {reason}"


def test_a_folder_that_ends_in_damage_tells_so_and_what_it_lists_is_listed(tmp_path: Path) -> None:
    many = {f"C:\\many\\file number {number:03}.bin": b"" for number in range(300)}
    path = fat(tmp_path / "disk.img", many, "-F", 16, "-s", 1)
    first = first_of(path, "MANY       ")
    table_entry(first + 3, 0)(path)
    problems: list[str] = []
    found = walked(tree_of(path), problems)
    assert problems == ["folder: FAT volume: chain of clusters that leads to a free one"]
    in_four_clusters = (4 * 512 // 32 - 2) // 3
    assert len(found) == 1 + in_four_clusters
    assert set(found) <= {"many", *in_slashes(many)}


@pytest.mark.parametrize(
    ("cluster", "reason"),
    [
        (0, ["folder: FAT volume: without a cluster of its own"]),
        (0xFFF0, ["folder: FAT volume: cluster outside of the volume"]),
        (None, []),
    ],
    ids=["none", "outside", "the one above it"],
)
def test_a_folder_that_leads_nowhere_is_a_gap_and_one_that_leads_back_is_entered_once(
    tmp_path: Path, cluster: int | None, reason: list[str]
) -> None:
    path = fat(tmp_path / "disk.img", {"C:\\above\\below\\a.bin": b"x"}, "-F", 16)
    at = entry_at(path, "BELOW      ")
    value = first_of(path, "ABOVE      ") if cluster is None else cluster
    patched(path, at + 26, struct.pack("<H", value))
    problems: list[str] = []
    assert sorted(walked(tree_of(path), problems)) == ["above", "above/below"]
    assert problems == reason


def test_a_set_of_entries_whose_checksum_differs_is_told(tmp_path: Path) -> None:
    path = exfat(tmp_path / "disk.img", {"C:\\a.bin": b"x", "C:\\b.bin": b"y"})
    at = path.read_bytes().index("a.bin".encode("utf-16-le"))
    patched(path, at, b"c")
    problems: list[str] = []
    assert sorted(walked(tree_of(path), problems)) == ["b.bin", "c.bin"]
    assert problems == ["entry of a folder whose checksum differs"]


def test_entries_that_are_not_whole_are_told(tmp_path: Path) -> None:
    path = exfat(tmp_path / "disk.img", {"C:\\a.bin": b"x", "C:\\b.bin": b"y"})
    at = path.read_bytes().index("a.bin".encode("utf-16-le")) - 2
    patched(path, at - 32, b"\xe1")
    problems: list[str] = []
    assert list(walked(tree_of(path), problems)) == ["b.bin"]
    assert problems == ["entry of a folder that is broken"]


@pytest.mark.parametrize("name", ["FAT16", "exFAT"])
def test_an_image_that_ends_early_is_a_gap_as_is_each_file_behind_its_end(
    tmp_path: Path, name: str
) -> None:
    path = MADE[name](tmp_path / "disk.img", {"C:\\a.bin": b"x", "C:\\b.bin": BYTES})
    data = path.read_bytes()
    path.write_bytes(data[: data.index(BYTES[:64]) + 5000])
    kind = "FAT" if name == "FAT16" else "exFAT"
    assert gaps_of(path) == [f"{kind} volume: image ends before the volume does"]
    found = walked(tree_of(path))
    assert content(found["a.bin"]) == b"x"
    with pytest.raises(OSError, match="volume that ends before its clusters do"):
        content(found["b.bin"])


def test_it_is_said_what_is_not_looked_at_of_deleted_files() -> None:
    assert DELETED == "deleted files: their names are looked at, not what was in them"


def entries_and_reasons(path: Path) -> tuple[int, int]:
    """Of all that is there: how much is read, and how much is told not to be."""
    problems: list[str] = []
    found = walked(tree_of(path), problems)
    read_whole = 0
    for entry in found.values():
        if entry.kind() is Kind.FILE and _is_read(entry):
            read_whole += 1
    return read_whole, len(problems)


def _is_read(entry: Entry) -> bool:
    try:
        with entry.open()[0] as file:
            while file.read(1 << 20):
                pass
            return file.tell() == entry.facts().size
    except OSError as error:
        assert "volume" in str(error)
        return False


def test_a_file_cannot_be_larger_than_its_volume(tmp_path: Path) -> None:
    path = exfat(tmp_path / "disk.img", {"C:\\a.bin": BYTES})
    at = path.read_bytes().index("a.bin".encode("utf-16-le")) - 34
    patched(path, at + 24, struct.pack("<Q", 1 << 40))
    with pytest.raises(OSError, match="file larger than its volume"):
        walked(tree_of(path))["a.bin"].open()


@pytest.mark.parametrize("name", ["FAT12", "FAT32", "exFAT in chains"])
def test_any_damage_ends_in_bytes_or_in_a_reason(tmp_path: Path, name: str) -> None:
    files = {path: data for path, data in FILES.items() if "many" not in path}
    path = MADE[name](tmp_path / "disk.img", files)
    whole = path.read_bytes()
    places = [at for at in range(0, len(whole), 512) if whole.count(0, at, at + 512) < 512]
    folders = [at for at in places if _lists_files(whole[at : at + 512])]
    outcomes = set()
    for seed in range(100):
        chance = random.Random(seed)
        damaged = {
            chance.choice(chance.choice((places[1:8], folders, places))) + chance.randrange(512)
            for _ in range(chance.choice((1, 4, 40)))
        }
        for at in sorted(damaged):
            patched(path, at, bytes([chance.randrange(256)]))
        if not gaps_of(path):
            outcomes.add(entries_and_reasons(path))
        for at in damaged:
            patched(path, at, whole[at : at + 1])
    assert (len(files), 0) in outcomes
    assert len(outcomes) > 3


def _lists_files(sector: bytes) -> bool:
    return b"EFI   " in sector or "EFI".encode("utf-16-le") in sector
