"""Harmless files, one for each type of indicator that is about a file.

None is a program that could run, none is opened by anything, and all lie in a folder of their own.
"""

from __future__ import annotations

import hashlib
import secrets
import struct
from pathlib import Path
from typing import Any, NamedTuple

from ..indicators import (
    Certificate,
    Content,
    Domain,
    FileHash,
    FileName,
    FilePath,
    Gate,
    Indicator,
    Layout,
    LnkTrait,
    PeTrait,
    Url,
)
from ..model.report import Strength
from .marks import Marks
from .probe import REFERENCE, Probe, identified
from .tiny_dll import tiny_dll

ZONE = "Zone.Identifier"
"""The stream in which Windows keeps where a file came from."""
_SAID = "A harmless file of a self-test. It may be deleted."
_AT = 0x40
_LINK_ID = bytes.fromhex("0114020000000000c000000000000046")
_HAS_ARGUMENTS, _IS_UNICODE = 0x20, 0x80


class Planted(NamedTuple):
    """One file, or one stream of a file, and how it is to be found."""

    name: str
    """In the folder; ``name:stream``."""
    data: bytes
    probes: tuple[Probe, ...]
    loaded: tuple[Probe, ...] = ()
    """How it is to be found once a process has it loaded."""

    def write(self, folder: Path) -> None:
        """Raises OSError, also where such a file is there already."""
        with (folder / self.name).open("xb") as file:
            file.write(self.data)


class Files:
    """Makes them of the marks of one run."""

    def __init__(self, marks: Marks) -> None:
        self.marks = marks

    def made(self, folder: str) -> list[Planted]:
        """All but the stream; ``folder``: the name of the one that they will lie in."""
        return [
            self._named(),
            self._placed(folder),
            self._hashed(),
            self.dll(),
            self._link(),
            self._laid_out(),
            self._text(),
            self._certificate(),
        ]

    def _id(self, part: str) -> dict[str, Any]:
        return {
            "id": identified(self.marks.word, part),
            "strength": Strength.WEAK,
            "reference": [REFERENCE],
            "status": "DRV",
        }

    def _named(self) -> Planted:
        name = f"{self.marks.word}-name.txt"
        known = FileName(value=name, **self._id("name"))
        probes = (
            Probe.of(known, "files", "a file's name"),
            Probe.of(known, "files", "a file's name, by the volume's records", by_record=True),
            Probe.of(known, "usn_journal", "that a file was made", by_record=True),
            Probe.of(known, "ntfs_log", "that a file was made", by_record=True),
        )
        return Planted(name, _SAID.encode("ascii"), probes)

    def _placed(self, folder: str) -> Planted:
        name = f"{self.marks.word}-place.txt"
        known = FilePath(value=f"{folder}\\{name}", **self._id("path"))
        probe = Probe.of(known, "files", "a file by its folder")
        return Planted(name, _SAID.encode("ascii"), (probe,))

    def _hashed(self) -> Planted:
        data = secrets.token_bytes(4_000 + secrets.randbelow(1_000))
        known = FileHash(
            value=hashlib.sha256(data).hexdigest(),
            gate=Gate(size=len(data)),
            **self._id("hash"),
        )
        probe = Probe.of(known, "files", "a file's SHA-256")
        return Planted(f"{self.marks.word}-hash.bin", data, (probe,))

    def dll(self) -> Planted:
        """Which the process of the self-test loads, too."""
        data = tiny_dll(self.marks.module, self.marks.export)
        gate = Gate(size=len(data), magic=b"MZ".hex(), machine="amd64")
        export = PeTrait(value=self.marks.export, gate=gate, **self._id("export"))
        name = FileName(value=self.marks.module, **self._id("module"))
        loaded = (
            Probe.of(export, "modules", "what a loaded DLL exports"),
            Probe.of(name, "modules", "a loaded DLL's name"),
        )
        probe = Probe.of(export, "files", "what a DLL exports")
        return Planted(self.marks.module, data, (probe,), loaded)

    def _link(self) -> Planted:
        """[MS-SHLLINK], 2.1 and 2.4: a header, and arguments."""
        arguments = f"{self.marks.word}-arguments"
        head = struct.pack("<I16sI", 0x4C, _LINK_ID, _HAS_ARGUMENTS | _IS_UNICODE).ljust(
            0x4C, b"\0"
        )
        data = head + struct.pack("<H", len(arguments)) + arguments.encode("utf-16-le")
        known = LnkTrait(
            field="arguments",
            value=arguments,
            gate=Gate(size=len(data), magic=b"L\0\0\0".hex()),
            **self._id("link"),
        )
        probe = Probe.of(known, "files", "a shell link's arguments")
        return Planted(f"{self.marks.word}-link.lnk", data, (probe,))

    def _laid_out(self) -> Planted:
        data = secrets.token_bytes(2_000 + secrets.randbelow(1_000))
        known = Layout(
            value="16 bytes of chance at one place",
            parts={hex(_AT): data[_AT : _AT + 16].hex()},
            gate=Gate(size=len(data)),
            **self._id("layout"),
        )
        probe = Probe.of(known, "files", "bytes at their place")
        return Planted(f"{self.marks.word}-layout.bin", data, (probe,))

    def _text(self) -> Planted:
        data = f"{_SAID}\n{self.marks.text}\n{self.marks.url}\n".encode("utf-16-le")
        gate = Gate(size=len(data), extensions=[".txt"])
        content = Content(value=self.marks.text, gate=gate, **self._id("text"))
        probes = (
            Probe.of(content, "files", "a text within a file"),
            Probe.of(self.url(), "files", "a URL within a file"),
            Probe.of(
                Domain(value=self.marks.domain, **self._id("domain")),
                "files",
                "a domain within a file",
            ),
        )
        return Planted(f"{self.marks.word}-text.txt", data, probes)

    def url(self) -> Url:
        """The same wherever it is found."""
        return Url(value=self.marks.url, **self._id("url"))

    def _certificate(self) -> Planted:
        """The frame of one in DER, and chance in it: no certificate is parsed, nor is this one
        good for anything."""
        body = secrets.token_bytes(600)
        data = b"\x30\x82" + struct.pack(">H", len(body)) + body
        value = hashlib.sha256(data).hexdigest()
        known = Certificate(value=value, **self._id("certificate"))
        probe = Probe.of(known, "files", "a certificate in a file")
        return Planted(f"{self.marks.word}-certificate.cer", data, (probe,))

    def stream(self) -> Planted:
        """Where a file claims to come from, in a stream of the named one (NTFS)."""
        origin = f"[ZoneTransfer]\r\nZoneId=3\r\nHostUrl={self.marks.url}-stream\r\n"
        known = Url(value=f"{self.marks.url}-stream", **self._id("stream"))
        probe = Probe.of(known, "files", f"a URL in the stream {ZONE}")
        return Planted(f"{self.marks.word}-name.txt:{ZONE}", origin.encode("ascii"), (probe,))


def indicators_of(probes: list[Probe]) -> list[Indicator]:
    """Each once."""
    found = {probe.indicator.id: probe.indicator for probe in probes if probe.indicator is not None}
    return list(found.values())
