"""The planted tree: harmless files in the shapes of the campaign, of its look-alikes and of
trouble.

``plant(folder)`` builds it and says for every case what a sweep must make of it.
"""

from __future__ import annotations

import errno
import os
import socket
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO
from uuid import UUID

from agent.model.report import Strength
from agent.reading.opening import open_quietly
from agent.windows import files as windows_files

from .files import DLL_SIZE, EXPORT, LNK_SIZE, archive, bomb, campaign_link, dll, shell_link

QUERY_3 = "-noni -ep bypass $zk='JHB0Z3Q9MHgwMDA1ZTJiZTskdmNxPTB4MDAwNjIzYjY7JHRiPSJ"
"""Of hunting query 3."""


@dataclass(frozen=True)
class Case:
    """One planted thing and what a sweep of the tree must make of it."""

    what: str
    place: str
    """Whole, as a finding's evidence names it (the archive's member and stream included)."""
    at_least: Strength | None = None
    """Of the strongest finding about it; None: there need not be one."""
    at_most: Strength | None = None
    """None: there must be no finding."""
    seen: frozenset[str] = frozenset()
    """What the files source must say that it saw there."""
    unread: str = ""
    """The reason, or its beginning, under which the coverage must count it."""
    skipped: str = ""
    """Why this case could not be planted here."""


@dataclass(frozen=True)
class Planted:
    """The tree, and what lies in it."""

    folder: Path
    cases: tuple[Case, ...]
    denied: frozenset[str]
    """Files that ``opener`` refuses: tests run as root, to whom nothing is denied."""

    @property
    def unread(self) -> int:
        """How many things the coverage must count as unread."""
        return sum(1 for case in self.cases if case.unread and not case.skipped)

    def opener(self) -> Callable[[str], BinaryIO]:
        """Opens files as the sweep does, but for those that are denied."""

        def open_file(path: str) -> BinaryIO:
            if windows_files.shown(path) in self.denied:
                raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), path)
            return open_quietly(path)

        return open_file


def plant(folder: Path) -> Planted:
    """Build the tree in an empty folder."""
    return _Planter(folder).plant()


class _Planter:
    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.cases: list[Case] = []
        self.denied: set[str] = set()

    def plant(self) -> Planted:
        self._names()
        self._genuine()
        self._links()
        self._archives()
        self._sizes()
        self._trouble()
        self._innocent()
        return Planted(self.folder, tuple(self.cases), frozenset(self.denied))

    def _write(self, where: str, data: bytes = b"harmless\n") -> Path:
        path = self.folder / where
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
        return path

    def _found(
        self,
        what: str,
        place: Path | str,
        *seen: str,
        least: Strength = Strength.WEAK,
        most: Strength = Strength.STRONG,
        unread: str = "",
    ) -> None:
        self.cases.append(Case(what, str(place), least, most, frozenset(seen or ("file",)), unread))

    def _nothing(self, what: str, place: Path | str, *, unread: str = "") -> None:
        self.cases.append(Case(what, str(place), unread=unread))

    def _weak(self, what: str, place: Path | str, *seen: str) -> None:
        self.cases.append(Case(what, str(place), Strength.WEAK, Strength.WEAK, frozenset(seen)))

    def _skip(self, what: str, why: str) -> None:
        self.cases.append(Case(what, "", skipped=why))

    def _names(self) -> None:
        self._found("the name in lower case", self._write("names/lower/cyzfc.dat"))
        self._found("the name in upper case", self._write("names/upper/CYZFC.DAT"))
        self._found("the name in mixed case", self._write("names/mixed/CyZfC.dAt"))
        for what, name in (("Cyrillic", "Документы"), ("Chinese", "下載"), ("Arabic", "التنزيلات")):
            self._found(f"the name in a {what} folder", self._write(f"names/{name}/cyzfc.dat"))
        self._found("the name below a dotted and a dotless i", self._write("names/İıİ/cyzfc.dat"))
        # NTFS folds single characters: no look-alike and no letter of another alphabet is the name.
        self._nothing("Cyrillic look-alike of c", self._write("names/other/\u0441yzfc.dat"))
        self._nothing("Cyrillic look-alike of y", self._write("names/other/c\u0443zfc.dat"))
        self._nothing(
            "full-width look-alike", self._write("names/other/\uff43\uff59\uff5a\uff46\uff43.dat")
        )
        self._nothing("the name with a tail", self._write("names/other/cyzfc.dat.txt"))
        self._nothing("the name with a head", self._write("names/other/xcyzfc.dat"))
        self._found("the archive's name", self._write("downloads/ds7002.zip", archive({"a": b"x"})))
        self._found(
            "the archive's name, a second download",
            self._write("downloads/ds7002 (1).zip", archive({"a": b"x"})),
        )
        form = self._write("downloads/ds7002.pdf", b"%PDF-1.4\nthe public form\n")
        self._weak("the public form of that name", form, "file")
        (self.folder / "temp/Temp1_ds7002.zip").mkdir(parents=True)
        self._found(
            "Explorer's folder for the archive", self.folder / "temp/Temp1_ds7002.zip", "directory"
        )
        self._not_unicode()

    def _not_unicode(self) -> None:
        """Stray bytes on POSIX, lone surrogates on Windows: Python shows both as the latter."""
        bad, other = ("bad-\udcff\udcfe", "cyzfc\udce9.dat")
        try:
            found = self._write(f"names/{bad}/cyzfc.dat", b"")
            nothing = self._write(f"names/{bad}/{other}", b"")
        except (OSError, UnicodeError) as error:
            self._skip("names that are no Unicode", str(error))
            return
        self._found("the name below a name that is no Unicode", found)
        self._nothing("a name that is no Unicode", nothing)

    def _genuine(self) -> None:
        strong, confirmed = Strength.STRONG, Strength.CONFIRMED
        local = "user/AppData/Local"
        self._found(
            "a DLL of the campaign's shape in its place",
            self._write(f"{local}/cyzfc.dat", dll()),
            least=confirmed,
            most=confirmed,
        )
        self._found(
            "the same in upper case elsewhere",
            self._write("dll/upper/CYZFC.DAT", dll()),
            least=confirmed,
            most=confirmed,
        )
        self._found(
            "the same under another name",
            self._write("dll/renamed/audio.dll", dll()),
            least=strong,
            most=confirmed,
        )
        self._found(
            "the same with a tail of an older file",
            self._write("dll/longer/cyzfc.dat", dll(size=DLL_SIZE + 999)),
            least=confirmed,
            most=confirmed,
        )
        self._nothing(
            "a DLL of that size that exports more",
            self._write("dll/more/codec.dll", dll([EXPORT, "DllRegisterServer"])),
        )
        self._nothing(
            "a 32-bit DLL of that size and export",
            self._write("dll/x86/codec.dll", dll(machine=0x14C)),
        )
        self._nothing(
            "other content of that size", self._write("dll/size/data.bin", bytes(DLL_SIZE))
        )
        lab = self._write("lab/AppData/Local/cyzfc.dat", dll(["DLLMain"], size=9216))
        self._found("the training lab's DLL", lab, least=Strength.EXCLUDED, most=Strength.WEAK)

    def _links(self) -> None:
        confirmed = Strength.CONFIRMED
        data = campaign_link()
        self._found(
            "a link of the campaign's layout",
            self._write("lnk/own/ds7002.lnk", data),
            least=Strength.STRONG,
            most=confirmed,
        )
        self._found(
            "the same under another name",
            self._write("lnk/renamed/report.lnk", data),
            least=Strength.STRONG,
            most=confirmed,
        )
        self._found(
            "the same without its extension",
            self._write("lnk/bare/report", data),
            least=Strength.STRONG,
            most=confirmed,
        )
        recent = shell_link(
            "", machine_id="ws-17", serial=1, tracked=UUID(int=0), target=r"C:\d.pdf"
        )
        self._found("Explorer's recent link", self._write("user/Recent/ds7002.lnk", recent))
        self._nothing(
            "a large link of another layout",
            self._write("lnk/other/large.lnk", recent.ljust(LNK_SIZE, b"\0")),
        )

    def _archives(self) -> None:
        outer = self._write("zip/mail.zip", archive({"docs/ds7002.lnk": campaign_link()}))
        self._found(
            "the link in an archive",
            f"{outer} → docs/ds7002.lnk",
            "archive member",
            least=Strength.STRONG,
            most=Strength.CONFIRMED,
        )
        renamed = self._write("zip/tools.zip", archive({"bin/audio.dll": dll(), "readme": b"hi"}))
        self._found(
            "the DLL in an archive under another name",
            f"{renamed} → bin/audio.dll",
            "archive member",
            least=Strength.STRONG,
            most=Strength.CONFIRMED,
        )
        nested = self._write(
            "zip/nested.zip", archive({"inner.zip": archive({"cyzfc.dat": b"harmless"})})
        )
        self._found(
            "the name in an archive in an archive",
            f"{nested} → inner.zip → cyzfc.dat",
            "archive member",
        )
        locked = self._write("zip/locked.zip", archive({"ds7002.lnk": b"x"}, encrypted=True))
        self._found(
            "the name in an encrypted archive",
            f"{locked} → ds7002.lnk",
            "archive member",
            unread="archive: encrypted archive member",
        )
        whole = archive({"ds7002.lnk": b"x" * 100, "b": b"y" * 100})
        corrupt = self._write("zip/corrupt.zip", whole[:-30])
        self._found(
            "the name in an archive cut short",
            corrupt,
            "content",
            most=Strength.WEAK,
            unread="archive: ",
        )
        bombed = self._write("zip/bomb.zip", bomb("cyzfc.dat", 1000, 128 << 20))
        self._found(
            "the name of a member that unpacks without end",
            f"{bombed} → cyzfc.dat",
            "archive member",
            unread="archive member larger",
        )
        self._nothing(
            "a text that calls itself an archive", self._write("zip/no.zip", b"no archive")
        )

    def _sizes(self) -> None:
        self._found("the name with nothing in it", self._write("sizes/zero/cyzfc.dat", b""))
        self._found("the name with 6 MB", self._write("sizes/six/cyzfc.dat", bytes(6_000_000)))
        sparse = self._write("sizes/sparse/cyzfc.dat")
        os.truncate(sparse, 80_000_000)
        self._found("the name with 80 MB of holes", sparse, unread="larger than --max-file-size")
        self._nothing("80 MB of another name", self._write("sizes/big/movie.mkv"))
        os.truncate(self.folder / "sizes/big/movie.mkv", 80_000_000)

    def _trouble(self) -> None:
        denied = self._write("denied/cyzfc.dat", dll())
        self.denied.add(str(denied))
        self._found(
            "the name on a file that is denied", denied, "file name", unread="access denied"
        )
        script = self._write("denied/hunt.ps1", b"cyzfc.dat")
        self.denied.add(str(script))
        self._nothing("a script that is denied", script, unread="access denied")
        long = "/".join(["p" * 60] * 6)
        self._found("the name at the end of a long path", self._write(f"long/{long}/cyzfc.dat"))
        self._deep()
        loop = self.folder / "loop/inner"
        loop.mkdir(parents=True)
        if self._link("a link to a folder above itself", loop / "up", self.folder / "loop"):
            self._nothing("a link to a folder above itself", loop / "up")
        self._write("loop/cyzfc.dat")
        self._found("the name beside a loop, once", self.folder / "loop/cyzfc.dat")
        for what, where, to in (
            ("a dangling link of that name", "links/dangling/cyzfc.dat", "nowhere"),
            ("a link to a folder of that name", "links/folder/cyzfc.dat", ".."),
            ("a link to itself of that name", "links/self/cyzfc.dat", "cyzfc.dat"),
        ):
            path = self.folder / where
            path.parent.mkdir(parents=True)
            if self._link(what, path, Path(to)):
                self._found(what, path, "file name")
        self._special()
        self._skip("a stream of that name", "this file system has none: see test_files on NTFS")

    def _link(self, what: str, path: Path, target: Path) -> bool:
        try:
            path.symlink_to(target)
        except OSError as error:
            self._skip(what, str(error))
            return False
        if not os.path.lexists(path):
            self._skip(what, "no links are made here")
            return False
        return True

    def _deep(self) -> None:
        """A path that no single system call takes: built, as it is walked, in steps."""
        what = "the name 5,000 characters deep"
        if sys.platform == "win32":
            self._skip(what, "POSIX only")
            return
        part = "d" * 250
        number = os.open(self.folder, os.O_RDONLY)
        path = str(self.folder)
        for _ in range(20):
            os.mkdir(part, dir_fd=number)
            inner = os.open(part, os.O_RDONLY, dir_fd=number)
            os.close(number)
            number, path = inner, f"{path}/{part}"
        os.close(os.open("cyzfc.dat", os.O_CREAT | os.O_WRONLY, dir_fd=number))
        os.close(number)
        self._found(what, f"{path}/cyzfc.dat")

    def _special(self) -> None:
        fifo = self.folder / "special/fifo/cyzfc.dat"
        listener = self.folder / "special/socket/cyzfc.dat"
        if sys.platform == "win32":
            self._skip("a FIFO of that name", "POSIX only")
            self._skip("a socket of that name", "POSIX only")
            return
        fifo.parent.mkdir(parents=True)
        os.mkfifo(fifo)
        self._found("a FIFO of that name", fifo, "file name")
        listener.parent.mkdir(parents=True)
        before = os.open(".", os.O_RDONLY)
        os.chdir(listener.parent)  # a socket's address holds 107 bytes at most
        try:
            with socket.socket(socket.AF_UNIX) as server:
                server.bind(listener.name)
        finally:
            os.fchdir(before)
            os.close(before)
        self._found("a socket of that name", listener, "file name")

    def _innocent(self) -> None:
        script = (
            "# Looks for the campaign's files.\n"
            f'DeviceProcessEvents | where ProcessCommandLine contains\n"{QUERY_3}"\n'
            "Get-ChildItem C:\\Users -Recurse -Include cyzfc.dat, ds7002.lnk, ds7002.zip\n"
        )
        self._weak("a hunting script", self._write("hunt/find.ps1", script.encode()), "content")
        self._weak(
            "the same in UTF-16",
            self._write("hunt/find16.ps1", b"\xff\xfe" + script.encode("utf-16-le")),
            "content",
        )
        self._nothing("notes", self._write("hunt/notes.txt", b"Buy milk. Call Jo.\n"))
        self._nothing("a report of an earlier sweep", self._write("hunt/report.json", _REPORT))
        zone = self._write(
            "downloads/statement.zip:Zone.Identifier"
            if sys.platform != "win32"
            else "downloads/statement.zip_Zone.Identifier",
            b"[ZoneTransfer]\r\nZoneId=3\r\nHostUrl=https://www.jmj.com/personal/nauerthn_state_gov/x\r\n",
        )
        self._found("the campaign's address as a file's origin", zone, "zone identifier")


_REPORT = b'{"schema":"iocsweep.report/1","findings":[{"file":{"path":"C:\\\\x\\\\cyzfc.dat"}}]}'
