"""Programs where users can write: whatever their name and size, by their only export."""

from __future__ import annotations

from pathlib import Path

import pytest

from agent.model.report import Strength
from tests.evidence.files import EXPORT, dll
from tests.evidence.hosts import disk
from tests.evidence.images import file_name, image, non_resident, record, resident, run, standard
from tests.evidence.overlay import LZX, compact
from tests.evidence.sweeping import Swept, swept
from tests.evidence.windows_folder import as_folder, as_image, windows

OTHER = dll(["DllMain"], size=20_000)
IMPLANT = dll(size=20_000)
PLACES = [
    r"C:\Users\jo\AppData\Local\Temp\a.txt",
    r"C:\Users\Public\notes",
    r"C:\ProgramData\Vendor\cache\x.jpg",
    r"C:\Windows\Temp\update.log",
    r"C:\Temp\1",
    r"C:\$Recycle.Bin\S-1-5-21-1\$RABCDEF.dat",
    r"C:\Documents and Settings\jo\a.pdf",
]


def strengths(sweep: Swept) -> dict[str, Strength]:
    return {match.indicator.id: match.strength for match in sweep.matches()}


@pytest.mark.parametrize("place", PLACES)
@pytest.mark.parametrize("form", ["folder", "image"])
def test_an_only_export_is_strong_by_default_wherever_users_write(
    tmp_path: Path, form: str, place: str
) -> None:
    files = windows({place: IMPLANT, r"C:\Users\jo\other.dll": OTHER})
    root = (as_folder if form == "folder" else as_image)(tmp_path / "case", files)
    sweep = swept(root if form == "folder" else disk(tmp_path, root.read_bytes()))
    assert strengths(sweep) == {"dll-export": Strength.STRONG}
    file = sweep.only_file()
    assert file.path.endswith(place.rpartition("\\")[2])
    assert file.hash is not None
    assert file.hash.sha1
    assert sweep.reasons == {}


@pytest.mark.parametrize("thorough", [False, True])
@pytest.mark.parametrize("form", ["folder", "image"])
def test_elsewhere_it_takes_a_thorough_sweep(tmp_path: Path, form: str, thorough: bool) -> None:
    files = windows({r"C:\Program Files\Vendor\a.dll": IMPLANT})
    root = (as_folder if form == "folder" else as_image)(tmp_path / "case", files)
    target = root if form == "folder" else disk(tmp_path, root.read_bytes())
    found = strengths(swept(target, thorough=thorough))
    assert found.get("dll-export") == (Strength.STRONG if thorough else None)


@pytest.mark.parametrize(
    "data",
    [
        dll([EXPORT, "Other"], size=20_000),
        dll(machine=0x14C, size=20_000),
        OTHER,
        b"MZ" + bytes(20_000),
        IMPLANT[:600],
        b"x" + IMPLANT,
    ],
    ids=["among others", "x86", "other", "no PE", "cut off", "not from its beginning"],
)
@pytest.mark.parametrize("thorough", [False, True])
def test_others_are_neither_told_by_it_nor_a_gap(
    tmp_path: Path, data: bytes, thorough: bool
) -> None:
    root = as_folder(tmp_path / "case", windows({r"C:\Users\jo\a.bin": data}))
    sweep = swept(root, thorough=thorough)
    assert "dll-export" not in strengths(sweep)
    assert sweep.reasons == {}


def test_a_program_that_has_it_not_counts_as_compared(tmp_path: Path) -> None:
    root = as_folder(tmp_path / "case", windows({r"C:\Users\jo\a.bin": OTHER}))
    counts = {count.id: count.tested for count in swept(root).matcher.counts()}
    assert counts["dll-export"] == 1


def folder(number: int, name: str, parent: int = 5) -> dict[int, bytes]:
    return {number: record(standard(), named(name, parent), flags=3)}


def named(name: str, folder: int, space: int = 1) -> bytes:
    """A name in a folder that was used once; the root has the sequence 5."""
    return file_name(name, folder, 5 if folder == 5 else 1, space)


@pytest.mark.parametrize(
    "made",
    [
        record(standard(), named("a.jpg", 40), non_resident(0x80, 20_000, run(5, 100))),
        record(
            standard(), named("A~1.JPG", 40, space=2), named("a long.jpg", 40),
            non_resident(0x80, 20_000, run(5, 100)),
        ),
        record(
            standard(length=0x30), named("a.jpg", 40), non_resident(0x80, 20_000, run(5, 100))
        ),
        record(
            standard(), file_name("a.jpg", 5), named("b.jpg", 40),
            non_resident(0x80, 20_000, run(5, 100)), links=2,
        ),
        record(standard(), named("a.url", 40), non_resident(0x80, 20_000, run(5, 100))),
        compact("a.jpg", 20_000, IMPLANT, LZX, cluster=100).replace(b"\5\0\0\0\0\0\5\0", b"\x28\0\0\0\0\0\1\0"),
    ],
    ids=["usual", "with an 8.3 name", "as ntfs-3g writes it", "a second link", "a script", "compressed"],
)  # fmt: skip
@pytest.mark.parametrize("late", [False, True], ids=["folder before", "folder behind"])
def test_records_of_every_form(tmp_path: Path, made: bytes, late: bool) -> None:
    number = 30 if late else 50
    users = {**folder(40, "deep", 41), **folder(41, "Users" if late else "uSERS")}
    data = image({**users, number: made}, contents={100: IMPLANT})
    assert "dll-export" in strengths(swept(disk(tmp_path, data)))


def test_what_no_program_can_be_is_not_opened(tmp_path: Path) -> None:
    small = record(standard(), named("a.jpg", 40), resident(0x80, b"MZ" + bytes(200)))
    text = record(standard(), named("b.jpg", 40), non_resident(0x80, 20_000, run(5, 120)))
    deleted = record(
        standard(), named("c.jpg", 40), non_resident(0x80, 20_000, run(5, 100)), flags=0
    )
    made = {**folder(40, "Users"), 50: small, 51: text, 52: deleted}
    data = image(made, contents={100: IMPLANT, 120: b"text" * 5000})
    sweep = swept(disk(tmp_path, data))
    assert (sweep.seen, sweep.reasons) == ([], {})
    assert sweep.coverage.bytes < 70_000
