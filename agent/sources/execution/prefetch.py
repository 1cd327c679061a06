r"""Prefetch: which programs ran, when, and what they loaded as they started.

Evidence: ``%SystemRoot%\Prefetch\*.pf``, one file for each program and path, for rundll32 and other
hosts one for each command line: the last eight runs (before Windows 8 one), how often it ran, and
the files that it read in its first ten seconds. It outlives them all: a file of rundll32 that lists
a DLL tells that it was loaded, after both are gone. A program that was run from an alternate stream
has its file in a stream of one in that folder; streams of the folder itself are looked at as well.
Since: Windows XP; of servers only where it was switched on. At most 1,024 files (128 before Windows
8), the oldest leave first.
Cannot tell: who ran it, nor with what arguments; which of several runs loaded a file; what was
loaded after ten seconds; more than the first 29 characters of a program's name.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime
from pathlib import PureWindowsPath
from typing import TYPE_CHECKING, NamedTuple

from ...formats import FormatError
from ...formats.prefetch import (
    MAX_PLAIN_BYTES,
    MappedFile,
    Prefetch,
    last_run,
    plain,
    read_prefetch,
    stated_size,
)
from ...model.objects import Dll, File, Process
from ...model.observation import ByteHit, Claim, Moment, MomentOf, Observation
from ...spelling import base_name, fold
from .. import whereabouts
from ..artefact import WholeFile
from ..places import place_in

if TYPE_CHECKING:
    from ...targets.evidence import EvidenceFile

MAX_TEXT = 32_767
"""Characters of the longest path."""
_LOADER = r"\SYSTEM32\NTDLL.DLL"
"""What every program loads from the Windows that runs it."""


class PrefetchArtefact(WholeFile):
    """What Windows remembers of the programs that ran."""

    name = "prefetch"
    kind = "prefetch file"
    where = whereabouts.PREFETCH
    max_bytes = MAX_PLAIN_BYTES

    def plain(self, data: bytes) -> bytes:
        """The bytes in which texts stand as they are. Raises FormatError, also for a file that is
        shorter than it says."""
        made = plain(data)
        if len(made) < stated_size(made):
            raise FormatError("cut short", f"{len(made)} bytes")
        return made

    def reach(self, data: bytes) -> datetime | None:
        """When the program ran last: the file of one that ran no later is gone when there are too
        many."""
        return last_run(data)

    def records(
        self, file: EvidenceFile, data: bytes, hits: Sequence[ByteHit]
    ) -> Iterator[Observation]:
        """The program, each file that it loaded or read, and their folders.

        ``data``: as it was read, or plain; ``hits``: in the plain bytes. Raises FormatError.
        """
        data = plain(data)
        yield from _Record(self, file, read_prefetch(data)).observations(data, hits)


class _Sighting(NamedTuple):
    """What one text of the record tells of."""

    text: str
    """As it stands there; empty: the program itself."""
    seen: str
    claim: Claim
    file: File | None = None
    dll: Dll | None = None
    remarks: tuple[str, ...] = ()


class _Record:
    """One prefetch file, as observations."""

    def __init__(self, artefact: PrefetchArtefact, file: EvidenceFile, facts: Prefetch) -> None:
        self._artefact = artefact
        self._file = file
        self._facts = facts
        self._drives = _drives(facts, file.path)
        path = self._shown(facts.path)
        self._process = Process(name=base_name(path) or facts.executable, executable=path)
        self._moments = tuple(Moment(time=run, of=MomentOf.RAN) for run in facts.runs)

    def observations(self, data: bytes, hits: Iterable[ByteHit]) -> Iterator[Observation]:
        """Each with the hits that lie in its text; the program has those that lie in none."""
        sightings = {sighting.text: sighting for sighting in self._sightings()}
        found: dict[str, list[ByteHit]] = {}
        for hit in hits:
            text = _text_at(data, hit.offset)
            # In front of a folder's text stands its length.
            own = next((known for known in sightings if known and text.endswith(known)), "")
            found.setdefault(own, []).append(hit)
        for text, sighting in sightings.items():
            yield self._observation(sighting, tuple(found.get(text, ())))

    def _sightings(self) -> Iterator[_Sighting]:
        yield _Sighting("", self._artefact.kind, Claim.RAN, remarks=self._how_often())
        for file in self._facts.files:
            if file.path != self._facts.path:
                yield self._of_file(file)
        for volume in self._facts.volumes:
            for folder in volume.directories:
                path = self._shown(folder).rstrip("\\")
                yield _Sighting(folder, "prefetched folder", Claim.WAS_THERE, file=File(path=path))

    def _of_file(self, file: MappedFile) -> _Sighting:
        path = self._shown(file.path)
        name = base_name(path)
        if file.as_image is False:
            read = File(path=path, name=name)
            return _Sighting(file.path, "prefetched file", Claim.WAS_THERE, file=read)
        told = () if file.as_image else ("prefetch does not tell whether it was loaded or read",)
        return _Sighting(
            file.path,
            self._artefact.kind,
            Claim.RAN,
            dll=Dll(path=path, name=name),
            remarks=(*self._how_often(), *told),
        )

    def _observation(self, sighting: _Sighting, hits: tuple[ByteHit, ...]) -> Observation:
        part = sighting.file or sighting.dll
        path = self._file.path
        return Observation(
            source=self._artefact.name,
            seen=sighting.seen,
            claim=sighting.claim,
            place=place_in(self._file, text="" if part is None else f"{part.path} in {path}"),
            moments=self._moments,
            process=self._process,
            file=sighting.file,
            dll=sighting.dll,
            hits=hits,
            remarks=sighting.remarks,
        )

    def _how_often(self) -> tuple[str, ...]:
        count, known = self._facts.run_count, len(self._facts.runs)
        if count <= known:
            return ()
        return (f"ran {count:,} times, of which prefetch keeps the last {known}",)

    def _shown(self, path: str) -> str:
        """As the host's user knows it, where the volume's drive is known."""
        for device, drive in self._drives.items():
            if path.startswith(f"{device}\\"):
                return drive + path[len(device) :]
        return path


def _drives(facts: Prefetch, file: str) -> dict[str, str]:
    r"""Of the device that Windows is on, the drive: it is the one that the prefetch file is on.

    Known by ``ntdll.dll`` in the same ``\Windows``; the devices of other volumes stay as they are.
    """
    above = PureWindowsPath(file).parent
    root = above if fold(base_name(file)).startswith("PREFETCH:") else above.parent
    if not root.drive:
        return {}
    loader = fold(str(root)[len(root.drive) :]) + _LOADER
    listed = {fold(one.path) for one in facts.files}
    return {
        volume.device: root.drive
        for volume in facts.volumes
        if fold(volume.device) + loader in listed
    }


def _text_at(data: bytes, offset: int) -> str:
    """The UTF-16 text, up to the NULs around it, that holds this place."""
    start = offset - 2 * min(offset // 2, MAX_TEXT)
    before = data[start:offset].decode("utf-16-le", "surrogatepass").rpartition("\0")[2]
    rest = data[offset : offset + 2 * MAX_TEXT]
    after = rest[: len(rest) & ~1].decode("utf-16-le", "surrogatepass").partition("\0")[0]
    return before + after
