"""Of a volume in use: what the disk does not show yet is found through the file system."""

from __future__ import annotations

import errno
import hashlib
import io
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, BinaryIO

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.matching.own_traces import Own
from agent.model.report import State
from agent.ntfs import FileSource, NtfsError
from agent.ntfs.usn import records_in
from agent.reading.opening import open_quietly
from agent.reading.streams import Streams
from agent.sources.files import recent_changes, walked
from agent.sources.files.recent_changes import AGAIN
from agent.sources.files.source import FilesSource
from agent.targets import LiveJournal, RawNtfs, Root, SkippedVolume
from agent.targets.offline.folder import FolderTarget
from agent.targets.raw_fallback import BY_RECORD, RawFallbackOpener
from agent.windows import dlls
from agent.windows.files import CloudPlaceholder
from tests.evidence.files import dll
from tests.evidence.images import (
    BadSectors,
    encrypted,
    file_name,
    folders,
    image,
    make,
    mounted,
    record,
    require_tools,
    resident,
    standard,
)
from tests.evidence.journals import NOON, MadeJournal, change
from tests.evidence.packs import chains_of
from tests.evidence.sweeping import Swept, swept

USERS, JO = 40, 41
ON_DISK = folders("Users", "jo")
FOLDERS: dict[int, str | int | OSError] = {USERS: "\\Users", JO: "\\Users\\jo"}
ASKED = "what changed lately was asked of its change journal"
IN_JO = (JO, 5)


class Host(FolderTarget):
    """A volume of made-up records that is mounted and in use, at noon; ``D:`` is a folder here."""

    def __init__(
        self,
        root: Path,
        journal: LiveJournal | OSError,
        records: dict[int, bytes] | None = None,
        source: Callable[[], Any] | None = None,
    ) -> None:
        super().__init__(str(root), own=Own(), now=lambda: NOON)
        self.root, self.journal = root, journal
        data = image({**ON_DISK, **(records or {})})
        self.source = source or (lambda: FileSource(io.BytesIO(data)))

    def roots(self) -> tuple[Sequence[Root], Sequence[SkippedVolume]]:
        return [Root(str(self.root), raw=RawNtfs(self.source, "D:", self.changes))], []

    def changes(self) -> LiveJournal:
        if isinstance(self.journal, OSError):
            raise self.journal
        return self.journal


@pytest.fixture
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    r"""A folder that is named as a volume is, so that ``D:/x`` and ``D:\x`` are one place."""
    monkeypatch.chdir(tmp_path)
    Path("D:/Users/jo").mkdir(parents=True)
    return Path("D:")


def filler(count: int) -> list[bytes]:
    """Records of nothing that is looked at, at noon: 96 bytes each."""
    return [change("filler of a journal", 0x8000, minutes=-0.01) for _ in range(count)]


OLD = [change("an old change", 0x8000, minutes=-60)]


def walked_too(sweep: Swept) -> list[str]:
    return [note for note in sweep.notes if note.startswith("walked too: ")]


# What is looked at again.


def test_a_file_that_is_not_on_the_disk_yet_is_found(root: Path) -> None:
    (root / "Users/jo/cyzfc.dat").write_bytes(dll())
    journal = MadeJournal([*OLD, change("cyzfc.dat", folder=IN_JO)], FOLDERS)
    sweep = swept(Host(root, journal))
    (file,) = [one for one in sweep.at("D:/Users/jo/cyzfc.dat") if one.seen == "file"]
    assert file.file is not None
    assert file.file.hash is not None
    assert file.file.hash.sha256 == hashlib.sha256(dll()).hexdigest()
    assert sweep.notes[AGAIN] == 1
    assert sweep.notes[ASKED] == 1
    assert sweep.notes["read by its $MFT"] == 1
    assert not walked_too(sweep)
    assert sweep.coverage.state is State.COMPLETE
    assert not journal.is_open


def test_a_folder_that_is_not_on_the_disk_yet_is_found_by_the_system(root: Path) -> None:
    (root / "Users/new").mkdir()
    (root / "Users/new/cyzfc.dat").write_bytes(b"x")
    changes = [
        change("new", folder=(USERS, 5), file=(60, 1), attributes=0x10),
        change("cyzfc.dat", folder=(60, 1)),
    ]
    folders = {**FOLDERS, 60: "\\Users\\new"}
    sweep = swept(Host(root, MadeJournal([*OLD, *changes], folders)))
    assert sweep.matches("D:/Users/new/cyzfc.dat")
    assert sweep.notes[AGAIN] == 2
    assert sweep.coverage.state is State.COMPLETE


def test_a_folder_that_was_moved_lately_is_listed_where_it_is(root: Path) -> None:
    (root / "Users/jo").rename(root / "Users/moved")
    (root / "Users/moved/cyzfc.dat").write_bytes(b"x")
    folders = {**FOLDERS, JO: "\\Users\\moved"}
    sweep = swept(Host(root, MadeJournal([*OLD, change("cyzfc.dat", folder=IN_JO)], folders)))
    assert sweep.matches("D:/Users/moved/cyzfc.dat")


def test_only_what_changed_is_looked_at(root: Path) -> None:
    """The rest was seen on the disk: it is not there in this volume, so a find would be a look."""
    (root / "Users/jo/inner").mkdir()
    for place in (".", "Users", "Users/jo", "Users/jo/inner"):
        (root / place / "cyzfc.dat").write_bytes(dll())
        (root / place / "by its size.txt").write_bytes(dll())
    (root / "Users/jo/new.txt").write_bytes(b"x")
    sweep = swept(Host(root, MadeJournal([*OLD, change("new.txt", folder=IN_JO)], FOLDERS)))
    assert sweep.seen == []
    assert sweep.notes[AGAIN] == 1
    assert sweep.coverage.state is State.COMPLETE


@pytest.mark.parametrize(
    "reason",
    [0x100, 0x2000, 0x1, 0x2, 0x4, 0x10000, 0x80000102],
    ids=["made", "renamed", "overwritten", "extended", "cut", "linked", "made and closed"],
)
def test_every_way_to_get_there_counts(root: Path, reason: int) -> None:
    (root / "Users/jo/cyzfc.dat").write_bytes(b"x")
    journal = MadeJournal([*OLD, change("cyzfc.dat", reason, folder=IN_JO)], FOLDERS)
    assert swept(Host(root, journal)).matches("D:/Users/jo/cyzfc.dat")


@pytest.mark.parametrize("reason", [0x200, 0x1000, 0x8000, 0x800, 0x80000000])
def test_what_leaves_a_folder_or_only_touches_it_is_no_reason_to_list_it(
    root: Path, reason: int
) -> None:
    journal = MadeJournal([*OLD, change("cyzfc.dat", reason, folder=IN_JO)], FOLDERS)
    assert AGAIN not in swept(Host(root, journal)).notes


def test_a_file_that_is_gone_again_is_not_looked_for(root: Path) -> None:
    (root / "Users/jo/audio.dll").write_bytes(dll())
    changes = [
        change("gone.tmp", 0x100, folder=IN_JO),
        change("gone.tmp", 0x80000200, folder=IN_JO),
        change("old.tmp", 0x1000, folder=(USERS, 5)),
    ]
    sweep = swept(Host(root, MadeJournal([*OLD, *changes], FOLDERS)))
    assert AGAIN not in sweep.notes
    assert sweep.seen == []


def test_a_file_that_took_the_place_of_another_is_looked_at(root: Path) -> None:
    """The record of the one that was replaced may come last."""
    (root / "Users/jo/cyzfc.dat").write_bytes(b"x")
    changes = [
        change("cyzfc.dat", 0x2000, folder=IN_JO, file=(60, 1)),
        change("CYZFC.DAT", 0x80000200, folder=IN_JO, file=(61, 1)),
    ]
    assert swept(Host(root, MadeJournal([*OLD, *changes], FOLDERS))).seen


def test_a_name_that_is_not_there_makes_everything_there_be_looked_at(root: Path) -> None:
    (root / "Users/jo/cyzfc.dat").write_bytes(b"x")
    journal = MadeJournal([*OLD, change("CYZFC~1.DAT", 0x2, folder=IN_JO)], FOLDERS)
    assert swept(Host(root, journal)).matches("D:/Users/jo/cyzfc.dat")


def test_new_streams_of_files_and_folders_are_looked_at(
    root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (root / "Users/jo/holiday.jpg").write_bytes(b"x")
    shown = {"D:/Users/jo/holiday.jpg": "cyzfc.dat", "D:/Users/jo": "ds7002.lnk"}
    monkeypatch.setattr(
        Streams, "names", lambda _, path, __: [(shown[path], 1)] if path in shown else []
    )
    monkeypatch.setattr(walked, "open_stream", lambda *_: io.BytesIO(b"x"))
    changes = [
        change("holiday.jpg", 0x200020, folder=IN_JO),
        change("jo", 0x200020, folder=(USERS, 5), file=IN_JO, attributes=0x10),
    ]
    sweep = swept(Host(root, MadeJournal([*OLD, *changes], FOLDERS)))
    places = {one.place.text for one in sweep.seen}
    assert places == {"D:/Users/jo/holiday.jpg:cyzfc.dat", "D:/Users/jo:ds7002.lnk"}


def test_both_looks_at_one_file_make_one_finding(root: Path) -> None:
    (root / "Users/jo/cyzfc.dat").write_bytes(dll())
    on_disk = record(standard(), file_name("cyzfc.dat", JO, 5), resident(0x80, b"x"))
    journal = MadeJournal([*OLD, change("cyzfc.dat", 0x2, folder=IN_JO)], FOLDERS)
    sweep = swept(Host(root, journal, {50: on_disk}))
    assert sweep.at("D:\\Users\\jo\\cyzfc.dat")
    assert sweep.at("D:/Users/jo/cyzfc.dat")
    matches = sweep.matches()
    assert len(chains_of(matches)) == 1


def test_with_verify_walk_everything_is_walked_and_nothing_asked(root: Path) -> None:
    journal = MadeJournal([], refused={"state": 1})
    sweep = swept(Host(root, journal), FilesSource(verify_walk=True))
    assert "walked: --verify-walk" in sweep.notes
    assert not walked_too(sweep)


# How far back.


def test_changes_before_the_last_quarter_of_an_hour_are_on_the_disk(root: Path) -> None:
    (root / "Users/jo/cyzfc.dat").write_bytes(b"x")
    old = change("cyzfc.dat", minutes=-16, folder=IN_JO)
    assert not swept(Host(root, MadeJournal([*OLD, old, *filler(1000)], FOLDERS))).seen
    young = change("cyzfc.dat", minutes=-14, folder=IN_JO)
    assert swept(Host(root, MadeJournal([*OLD, young, *filler(1000)], FOLDERS))).seen


def test_the_last_changes_count_whatever_the_clock_said(root: Path) -> None:
    (root / "Users/jo/cyzfc.dat").write_bytes(b"x")
    old = change("cyzfc.dat", minutes=-600, folder=IN_JO)
    assert swept(Host(root, MadeJournal([*OLD, old, *filler(10)], FOLDERS))).seen
    ahead = change("cyzfc.dat", minutes=600, folder=IN_JO)
    assert swept(Host(root, MadeJournal([*OLD, ahead, *filler(1000)], FOLDERS))).seen


def test_only_the_end_of_a_long_journal_is_read(root: Path) -> None:
    (root / "Users/jo/cyzfc.dat").write_bytes(b"x")
    long = [change("x" * 200, 0x8000, minutes=-60) for _ in range(9000)]
    new = change("cyzfc.dat", folder=IN_JO)
    journal = MadeJournal([*long, new], FOLDERS, at_once=1 << 20)
    assert swept(Host(root, journal)).seen
    assert min(journal.read_from) >= journal.next - (1 << 20) - 4096
    assert not any(start % 4096 for start in journal.read_from[:1])


def test_more_is_read_until_it_reaches_back(root: Path) -> None:
    (root / "Users/jo/cyzfc.dat").write_bytes(b"x")
    first = change("cyzfc.dat", minutes=-14, folder=IN_JO)
    busy = [change("x" * 200, 0x8000, minutes=-5) for _ in range(9000)]
    sweep = swept(Host(root, MadeJournal([*OLD, first, *busy], FOLDERS, at_once=1 << 20)))
    assert sweep.seen
    assert sweep.notes[ASKED] == 1


def test_a_journal_that_is_too_much_is_read_back_as_far_as_said(
    root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(recent_changes, "MAX_BYTES", 1 << 20)
    (root / "Users/jo/cyzfc.dat").write_bytes(b"x")
    busy = [change("x" * 200, 0x8000, minutes=-5) for _ in range(9000)]
    new = change("cyzfc.dat", folder=IN_JO)
    sweep = swept(Host(root, MadeJournal([*OLD, *busy, new], FOLDERS, at_once=1 << 20)))
    assert sweep.seen
    assert sweep.notes["change journal: read back to 11:55:00 UTC only, there is too much of it"]
    assert not walked_too(sweep)

    (root / "Users/jo/cyzfc.dat").rename(root / "cyzfc.dat")
    busier = [change("x" * 200, 0x8000, minutes=-1) for _ in range(9000)]
    sweep = swept(Host(root, MadeJournal([*OLD, *busier], FOLDERS, at_once=1 << 20)))
    assert "does not reach back far enough" in walked_too(sweep)[0]
    assert sweep.matches("D:/cyzfc.dat")


@pytest.mark.parametrize("lowest", [1 << 20, (1 << 20) + 4096], ids=["made", "begun anew"])
def test_a_journal_that_was_begun_lately_is_not_relied_on(root: Path, lowest: int) -> None:
    """Whoever deletes it hides what came before."""
    (root / "cyzfc.dat").write_bytes(b"x")
    before = [] if lowest == 1 << 20 else [*OLD, *filler(40)]
    since = [change("filler of a journal", 0x8000, minutes=-10) for _ in range(10)]
    journal = MadeJournal([*before, *since], FOLDERS, lowest=lowest)
    sweep = swept(Host(root, journal))
    assert "does not reach back far enough" in walked_too(sweep)[0]
    assert sweep.matches("D:/cyzfc.dat")


def test_a_journal_that_was_begun_long_ago_is_relied_on(root: Path) -> None:
    journal = MadeJournal([*OLD, *filler(10)], FOLDERS, lowest=1 << 20)
    assert not walked_too(swept(Host(root, journal)))


def test_a_journal_in_which_no_page_begins_with_a_record_is_read_whole(root: Path) -> None:
    class Odd(MadeJournal):
        def read(self, journal: int, start: int) -> tuple[int, bytes]:
            if start != self.first and not start % 4096:
                raise dlls.failure("journal", dlls.ERROR_INVALID_PARAMETER)
            return super().read(journal, start)

    (root / "Users/jo/cyzfc.dat").write_bytes(b"x")
    long = [change("x" * 200, 0x8000, minutes=-60) for _ in range(4000)]
    # Read at once in pieces that end within a page.
    made = Odd([*long, change("cyzfc.dat", folder=IN_JO)], FOLDERS, at_once=999_999)
    sweep = swept(Host(root, made))
    assert sweep.matches("D:/Users/jo/cyzfc.dat")
    assert not walked_too(sweep)


# What cannot be asked is walked.


@pytest.mark.parametrize(
    ("journal", "why"),
    [
        (MadeJournal(OLD, refused={"state": 1179}), "its change journal is not active"),
        (
            MadeJournal(OLD, refused={"state": 1}),
            "its change journal cannot be read: not offered by the system",
        ),
        (MadeJournal(OLD, refused={"read": 1181}), "its change journal was cut while it was read"),
        (
            PermissionError(errno.EACCES, "denied"),
            "its change journal cannot be read: access denied",
        ),
        (
            MadeJournal(OLD, refused={"folder": 50}),
            "folders are not opened by their records: not supported by the system",
        ),
        (MadeJournal(OLD, {5: "\\Users"}), "folders are not opened by their records"),
        (MadeJournal([]), "its change journal holds nothing"),
        (
            MadeJournal([*OLD, b"\x40\0\0\0\2\0\0\0" + bytes(56)]),
            "its change journal cannot be read: record damaged",
        ),
    ],
    ids=["not active", "Wine", "cut", "denied", "no OpenFileById", "wrong", "empty", "damaged"],
)
def test_a_volume_whose_journal_cannot_be_asked_is_walked_too(
    root: Path, journal: LiveJournal | OSError, why: str
) -> None:
    (root / "cyzfc.dat").write_bytes(b"x")
    sweep = swept(Host(root, journal))
    expected = f"walked too: {why}, so what was written last may not be on its disk yet"
    assert walked_too(sweep) == [expected]
    assert sweep.matches("D:/cyzfc.dat")
    assert sweep.coverage.state is State.COMPLETE
    assert sweep.notes["read by its $MFT"] == 1


@pytest.mark.parametrize("bound", ["MAX_FOLDERS", "MAX_CHANGES"])
def test_too_much_for_a_second_look_is_walked(
    root: Path, monkeypatch: pytest.MonkeyPatch, bound: str
) -> None:
    monkeypatch.setattr(recent_changes, bound, 1)
    (root / "cyzfc.dat").write_bytes(b"x")
    changes = [change("x", folder=(at, 5)) for at in (USERS, JO)]
    sweep = swept(Host(root, MadeJournal([*OLD, *changes], FOLDERS)))
    assert walked_too(sweep)
    assert sweep.matches("D:/cyzfc.dat")


def test_a_journal_that_does_not_come_to_an_end_is_walked(root: Path) -> None:
    class Circle(MadeJournal):
        def read(self, journal: int, start: int) -> tuple[int, bytes]:
            return start, super().read(journal, start)[1]

    assert "goes in circles" in walked_too(swept(Host(root, Circle([*OLD, *filler(3)]))))[0]


# Folders that cannot be listed.


def test_a_folder_that_the_system_does_not_tell_is_found_on_the_disk(root: Path) -> None:
    (root / "Users/jo/cyzfc.dat").write_bytes(b"x")
    journal = MadeJournal([*OLD, change("cyzfc.dat", folder=IN_JO)], {JO: 5})
    sweep = swept(Host(root, journal))
    assert sweep.matches("D:/Users/jo/cyzfc.dat")
    assert sweep.coverage.state is State.COMPLETE


@pytest.mark.parametrize("sequence", [5, 6], ids=["not there", "an older one"])
def test_a_folder_that_nobody_tells_is_a_gap(root: Path, sequence: int) -> None:
    number = 60 if sequence == 5 else JO
    journal = MadeJournal([*OLD, change("x", folder=(number, sequence))], {number: 5})
    sweep = swept(Host(root, journal))
    assert sweep.reasons == {"folder changed lately: access denied": 1}
    assert sweep.coverage.state is State.PARTIAL


@pytest.mark.parametrize(
    ("told", "note"),
    [
        (87, "vanished during the sweep"),
        (2, "vanished during the sweep"),
        (CloudPlaceholder(errno.ENODATA, "in a cloud"), "cloud folder, not recalled"),
    ],
    ids=["no such record", "not found", "cloud"],
)
def test_a_folder_that_is_gone_or_kept_in_a_cloud_is_told(
    root: Path, told: int | OSError, note: str
) -> None:
    (root / "Users/jo/cyzfc.dat").write_bytes(b"x")
    journal = MadeJournal([*OLD, change("cyzfc.dat", folder=IN_JO)], {JO: told})
    sweep = swept(Host(root, journal))
    assert sweep.notes[note] == 1
    assert sweep.coverage.state is State.COMPLETE
    assert sweep.seen == []


def test_what_became_a_link_is_not_followed(root: Path) -> None:
    not_a_folder = NotADirectoryError(errno.ENOTDIR, "a link")
    journal = MadeJournal([*OLD, change("x", folder=IN_JO)], {JO: not_a_folder})
    notes = swept(Host(root, journal)).notes
    assert AGAIN not in notes
    assert notes["changed lately, and no folder any more"] == 1


def test_a_listed_folder_that_vanishes_is_no_gap(root: Path) -> None:
    folders = {**FOLDERS, JO: "\\Users\\gone"}
    sweep = swept(Host(root, MadeJournal([*OLD, change("x", folder=IN_JO)], folders)))
    assert sweep.notes["vanished during the sweep"] >= 1
    assert sweep.coverage.state is State.COMPLETE


def test_the_file_systems_own_folders_are_left_alone(root: Path) -> None:
    own = {
        11: record(standard(), file_name("$Extend"), sequence=11, flags=3),
        28: record(standard(), file_name("$RmMetadata", 11, 11), sequence=1, flags=3),
    }
    changes = [change("$TxfLog.blf", 0x2, folder=(28, 1)), change("$ObjId", 0x2, folder=(11, 11))]
    sweep = swept(Host(root, MadeJournal([*OLD, *changes], {28: 5, 11: 5}), own))
    assert sweep.coverage.state is State.COMPLETE
    assert AGAIN not in sweep.notes


@pytest.mark.parametrize("name", ["..", ".", "a/b", "a\0b"])
def test_a_name_on_the_disk_that_leads_elsewhere_is_not_followed(root: Path, name: str) -> None:
    made = record(standard(), file_name(name, USERS, 5), sequence=5, flags=3)
    journal = MadeJournal([*OLD, change("x", folder=IN_JO)], {JO: 5})
    sweep = swept(Host(root, journal, {JO: made}))
    assert sweep.reasons == {"folder changed lately: access denied": 1}


# One file that two looks cannot read is one gap.


def refusing(*names: str) -> Callable[[str], BinaryIO]:
    def open_file(path: str) -> BinaryIO:
        inside = path.removeprefix("\\\\?\\").replace("\\", "/")
        if inside.endswith(names):
            raise PermissionError(errno.EACCES, "refused", path)
        return open_quietly(inside)

    return open_file


def test_a_file_unread_in_both_looks_is_counted_once(root: Path) -> None:
    (root / "Users/jo/ds7002.lnk").write_bytes(b"x" * 4096)
    journal = MadeJournal([*OLD, change("ds7002.lnk", 0x1, folder=IN_JO)], FOLDERS)
    sweep = swept(
        Host(root, journal, {50: encrypted("ds7002.lnk", JO)}),
        FilesSource(open_file=refusing("ds7002.lnk")),
    )
    assert len({one.place.text for one in sweep.seen}) == 2
    assert sweep.reasons == {"access denied": 1}
    assert sweep.coverage.unread == 1


@pytest.mark.parametrize("verify", [True, False], ids=["--verify-walk", "walked too"])
def test_a_file_unread_by_its_record_and_by_a_walk_is_counted_once(
    root: Path, verify: bool
) -> None:
    (root / "Users/jo/ds7002.lnk").write_bytes(b"x" * 4096)
    host = Host(root, MadeJournal([]), {50: encrypted("ds7002.lnk", JO)})
    sweep = swept(host, FilesSource(open_file=refusing("ds7002.lnk"), verify_walk=verify))
    assert sweep.reasons == {"access denied": 1}


def test_where_a_walk_has_to_make_it_good_its_account_is_the_one_that_counts(root: Path) -> None:
    """A file that only the broken scan could not read is no gap; one that the walk cannot is."""
    (root / "Users/jo/ds7002.lnk").write_bytes(b"x" * 4096)
    data = image({**ON_DISK, 50: encrypted("ds7002.lnk", JO), 51: encrypted("ds7002.pdf", JO)})
    end = range((16 << 10) + 60 * 1024, (16 << 10) + 64 * 1024)
    host = Host(root, MadeJournal([]), source=lambda: BadSectors(data, end))
    sweep = swept(host, FilesSource(open_file=refusing("ds7002.lnk", "ds7002.pdf")))
    assert sweep.notes["walked: parts of the $MFT are unreadable"] == 1
    assert len([one for one in sweep.seen if one.place.text.endswith("pdf")]) == 1
    assert sweep.reasons == {"access denied": 1}
    assert [reason.samples for reason in sweep.coverage.reasons] == [["D:/Users/jo/ds7002.lnk"]]


# Refused by its path, read by its record.


@pytest.fixture(scope="module")
def volume(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """An image, and the same one since."""
    require_tools()
    image = make(tmp_path_factory.mktemp("refused") / "disk.img", 16)
    with mounted(image) as root:
        (root / "cyzfc.dat").write_bytes(dll())
        (root / "grown.dat").write_bytes(b"x" * 5000)
        (root / "moved.dat").write_bytes(b"x" * 5000)
    before = image.with_name("before.img")
    before.write_bytes(image.read_bytes())
    with mounted(image) as root:
        with (root / "grown.dat").open("ab") as file:
            file.write(b"more")
        (root / "new.dat").write_bytes(b"x" * 5000)
        (root / "moved.dat").rename(root / "renamed.dat")
    return image, before


def opener(before: Path) -> RawFallbackOpener:
    raw = RawNtfs(lambda: FileSource(before.open("rb")), "D:")
    return RawFallbackOpener(refusing(".dat"), raw)


def test_a_refused_file_is_read_by_its_record(volume: tuple[Path, Path]) -> None:
    image, before = volume
    with mounted(image, "ro") as root:
        one = opener(before)
        assert one(str(root / "cyzfc.dat")).read() == dll()
        assert (one.refused, one.first) == (1, str(root / "cyzfc.dat"))
        one.close()
        with pytest.raises(PermissionError):
            one(str(root / "cyzfc.dat"))


@pytest.mark.parametrize("name", ["grown.dat", "new.dat", "renamed.dat"])
def test_a_refused_file_that_is_not_on_the_disk_as_it_is_stays_refused(
    volume: tuple[Path, Path], name: str
) -> None:
    image, before = volume
    with mounted(image, "ro") as root:
        one = opener(before)
        with pytest.raises(PermissionError):
            one(str(root / name))
        assert one.refused == 0


def test_a_placeholder_is_never_read_by_its_record() -> None:
    def in_cloud(path: str) -> BinaryIO:
        raise CloudPlaceholder(errno.ENODATA, "in a cloud", path)

    def opened() -> Any:
        raise AssertionError("the raw volume was opened")

    with pytest.raises(CloudPlaceholder):
        RawFallbackOpener(in_cloud, RawNtfs(opened, "D:"))("x")


def test_a_walk_reads_refused_files_so_and_says_it(volume: tuple[Path, Path]) -> None:
    image, _ = volume
    with mounted(image, "ro") as root:
        host = Host(root, MadeJournal([]), source=lambda: FileSource(image.open("rb")))
        sweep = swept(host, FilesSource(open_file=refusing("cyzfc.dat")))
    (found,) = [one for one in sweep.at(f"{root}/cyzfc.dat") if one.seen == "file"]
    assert found.file is not None
    assert found.file.hash is not None
    assert found.file.hash.sha256 == hashlib.sha256(dll()).hexdigest()
    assert found.file.mtime is not None
    assert sweep.notes[BY_RECORD] == 1
    assert sweep.coverage.state is State.COMPLETE


# The parser.


@given(st.binary(max_size=600))
def test_any_bytes_end_in_records_or_in_an_error(data: bytes) -> None:
    try:
        assert len(list(records_in(data))) <= len(data) // 60
    except NtfsError as error:
        assert str(error).startswith("change journal: ")


def test_records_follow_each_other(root: Path) -> None:
    nameless = b"\x38\0\0\0\4\0\0\0" + bytes(48)
    data = change("a") + nameless + change("b")
    assert [record.name for record in records_in(data)] == ["a", "b"]
    for cut in range(1, len(data)):
        if cut not in (len(change("a")), len(change("a") + nameless)):
            with pytest.raises(NtfsError):
                list(records_in(data[:cut]))
