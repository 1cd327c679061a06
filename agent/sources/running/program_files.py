"""The files behind processes and modules: each is looked at once, and only as closely as needed.

Thousands of modules are a few hundred files; most are told apart from the indicators by name and
size.
"""

from __future__ import annotations

from msgspec import Struct, field

from ...coverage import Ledger
from ...indicators import FileHash, FileIndicator, Gate, PeTrait
from ...matching.matcher import Matcher
from ...model.objects import Hash, Pe
from ...spelling import base_name
from ...targets.live.system import Denied, LiveSystem, Unreadable, Vanished

_ALGORITHMS = {32: "md5", 40: "sha1", 64: "sha256"}
"""By the length of the hexadecimal value."""
_HEAD = 4096
"""Bytes read for a gate's magic: the longest that a gate can hold."""

LOADERS = frozenset({"rundll32.exe", "regsvr32.exe"})
"""Programs whose purpose is to run somebody else's DLL."""
RUNDLL32 = frozenset({"rundll32.exe"})


def is_program(programs: frozenset[str], name: str, original_file_name: str) -> bool:
    """Whether a process is one of these, by its image's name now or when it was made."""
    original = original_file_name.casefold().removesuffix(".mui")
    return name.casefold() in programs or original in programs


class ImageFile(Struct, frozen=True):
    """What was found out about the file of an image."""

    path: str
    size: int | None = None
    on_disk: bool | None = None
    """None when that could not be told."""
    hash: Hash | None = None
    pe: Pe | None = None
    wanted: bool = False
    """Some indicator about content could apply, and was compared."""


class ImageFiles(Struct):
    """Looks at image files for one source, keeping its ledger."""

    system: LiveSystem
    matcher: Matcher
    ledger: Ledger
    _sizes: dict[str, int | None] = field(default_factory=dict)
    _closed: dict[str, bool] = field(default_factory=dict)
    _gone: set[str] = field(default_factory=set)
    _looked: dict[tuple[str, bool], ImageFile] = field(default_factory=dict)
    _original: dict[str, str] = field(default_factory=dict)

    def look(self, path: str, *, closely: bool = False) -> ImageFile:
        """Size, and hash and PE traits as far as an indicator could apply; ``closely``: all of
        them,
        whatever the gates about size."""
        key = (path, closely)
        if key not in self._looked:
            self._looked[key] = self._look(path, closely=closely)
        return self._looked[key]

    def original_file_name(self, path: str) -> str:
        """From the version resource, empty if there is none."""
        if path not in self._original:
            if self._kept_closed(path):
                self._original[path] = ""
                return ""
            try:
                self._original[path] = self.system.original_file_name(path)
            except Vanished:
                self.ledger.note("image is no longer on disk", path)
                self._original[path] = ""
            except Unreadable as error:
                self.ledger.unread(f"original file name: {error.reason}", path)
                self._original[path] = ""
        return self._original[path]

    def _kept_closed(self, path: str) -> bool:
        """Whether nothing but the path may be looked at: the process may have made it up."""
        if path not in self._closed:
            try:
                reason = self.system.why_not_opened(path)
            except Unreadable as error:
                reason = f"where it leads cannot be told, not opened: {error.reason}"
            self._closed[path] = bool(reason)
            if reason:
                self.ledger.unread(reason, path)
        return self._closed[path]

    def _look(self, path: str, *, closely: bool) -> ImageFile:
        if self._kept_closed(path):
            return ImageFile(path=path)
        name = base_name(path)
        size = self._size(path)
        indicators = self.matcher.selector.file_indicators(name, size, named=closely)
        if path in self._gone:
            return ImageFile(path=path, on_disk=False)
        if not indicators:
            return ImageFile(path=path, size=size, on_disk=None if size is None else True)
        try:
            return self._open(path, size, indicators)
        except Vanished:
            self._gone.add(path)
            self.ledger.note("image is no longer on disk", path)
            return ImageFile(path=path, size=size, on_disk=False)
        except Unreadable as error:
            self.ledger.unread(f"image file: {error.reason}", path)
            return ImageFile(path=path, size=size, on_disk=None if size is None else True)

    def _size(self, path: str) -> int | None:
        if path not in self._sizes:
            self._sizes[path] = None
            try:
                self._sizes[path] = self.system.file_size(path)
            except Vanished:
                self._gone.add(path)
                self.ledger.note("image is no longer on disk", path)
            except Denied:
                # Whether that leaves a gap depends on what the file would have been opened for.
                pass
            except Unreadable as error:
                self.ledger.unread(f"image file: {error.reason}", path)
        return self._sizes[path]

    def _open(
        self, path: str, size: int | None, indicators: tuple[FileIndicator, ...]
    ) -> ImageFile:
        head = self.system.read_start(path, _HEAD)
        needed = [
            i for i in indicators if isinstance(i, (FileHash, PeTrait)) and _magic(i.gate, head)
        ]
        pe, unparsed = None, False
        if head[:2] == b"MZ" and any(isinstance(i, PeTrait) or i.gate.machine for i in needed):
            pe, unparsed = self._pe(path)
        # What could not be parsed may be for any machine, and is hashed all the same.
        machines = (None, pe.machine if pe else None)
        algorithms = frozenset(
            _ALGORITHMS[len(i.value)]
            for i in needed
            if isinstance(i, FileHash) and (unparsed or i.gate.machine in machines)
        )
        digest = self.system.hash_file(path, algorithms) if algorithms else None
        return ImageFile(
            path=path, size=size, on_disk=True, hash=digest, pe=pe, wanted=bool(needed)
        )

    def _pe(self, path: str) -> tuple[Pe | None, bool]:
        """What it says of itself, and whether that is a gap because it cannot be parsed."""
        try:
            return self.system.pe(path), False
        except (Vanished, Denied):
            raise
        except Unreadable as error:
            self.ledger.unread(f"image file: {error.reason}", path)
            return None, True


def _magic(gate: Gate, head: bytes) -> bool:
    return gate.magic is None or head.startswith(bytes.fromhex(gate.magic))
