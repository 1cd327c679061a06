r"""What users opened: the links of Recent and Office, and the jump lists of programs.

Evidence: of each user ``Recent\*.lnk``, ``Office\Recent\*.lnk``, links on the desktop, and
``Recent\AutomaticDestinations`` and ``CustomDestinations``: where a file was that was opened, its
size and times then, the machine's name, and when it was opened last. They outlive the file. Since:
Windows XP; jump lists since 7.
Cannot tell: who wrote a link (a program may), what was opened by a program without Explorer, more
than the newest 150 of Recent.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from typing import TYPE_CHECKING

from ...engine.patterns import BytePattern
from ...formats import FormatError
from ...formats.compound import MAGIC, read_streams
from ...formats.jump_lists import Opened, read_jump_list
from ...formats.lnk import Target, read_target
from ...matching.hidden_commands import HIDES_TEXT
from ...model.objects import File
from ...model.observation import Claim, Moment, MomentOf, Observation, Place, moments
from ...spelling import base_name
from .. import whereabouts
from ..artefact import Artefact, Found, Reader
from ..places import owner_of, place_in

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ...coverage import Part
    from ...targets.evidence import EvidenceFile

LINK = ".lnk"


class OpenedFiles(Artefact):
    """One observation for each link, and each entry of a jump list."""

    name = "opened_files"
    kind = "link or jump list"
    where = whereabouts.OPENED_FILES
    max_bytes = 32 << 20
    markers: Sequence[BytePattern] = (
        *HIDES_TEXT,
        # A second download of that name: what is looked for stands nowhere in it.
        BytePattern((r"/\(\x00?[0-9]/",), 3),
        BytePattern((r"/ \x00?[-\x13\x14]\x00? /",), 5),
    )

    def reader(self, file: EvidenceFile, part: Part) -> Reader:
        return _OpenedReader(file, part)


class _OpenedReader(Reader):
    """One link or jump list."""

    def plain(self, data: bytes) -> bytes:
        """Of a compound file its streams too: the small ones lie in pieces in it."""
        if not data.startswith(MAGIC):
            return data
        streams = read_streams(data)
        if streams.is_cut:
            self.part.unread(f"{OpenedFiles.kind}: cut short", self.file.path)
        return data + b"\0\0".join(streams.by_name.values())

    def records(self, found: Found) -> Iterator[Observation]:
        data = found.data
        if self.file.path.lower().endswith(LINK):
            yield from self._told(Opened("", data), found)
            return
        problem: FormatError | None = None
        told: set[str] = set()
        for opened in read_jump_list(data):
            try:
                for seen in self._told(opened, found):
                    yield seen
                    told.update(hit.indicator for hit in seen.hits)
            except FormatError as error:
                problem = error
        mentioned = found.rules.mentions(data)
        if problem is not None:
            raise problem
        if any(hit.indicator not in told for hit in mentioned):
            raise FormatError("something is in none of its entries")

    def _told(self, opened: Opened, found: Found) -> Iterator[Observation]:
        """Raises FormatError."""
        text = opened.link + b"\0\0" + opened.path.encode("utf-16-le", "surrogatepass")
        if not found.rules.occurs(text):
            return
        target = read_target(opened.link) if opened.link else None
        path = (target.path if target is not None else "") or opened.path
        hits = tuple(found.rules.mentions(text))
        yield Observation(
            source=OpenedFiles.name,
            seen="opened file",
            claim=Claim.WAS_THERE if path else Claim.LOGGED,
            place=self._place(opened, path),
            moments=(*_moments(target), *self._openings(opened)),
            file=_file(target, path),
            user=owner_of(self.file),
            hits=hits,
            remarks=(f"on {opened.host}",) if opened.host else (),
        )

    def _place(self, opened: Opened, path: str) -> Place:
        where = f"{self.file.path}, entry {opened.name}" if opened.name else self.file.path
        return place_in(self.file, opened.name, f"{path} in {where}" if path else where)

    def _openings(self, opened: Opened) -> Iterator[Moment]:
        """When it was opened: by the list; of a link of Recent, when that was made and written."""
        times: list[datetime | None] = [opened.opened]
        if "\\recent\\" in self.file.path.lower() and not opened.name:
            times += [self.file.created, self.file.modified]
        for time in dict.fromkeys(times):
            if time is not None:
                yield Moment(time=time, of=MomentOf.HAPPENED)


def _moments(target: Target | None) -> tuple[Moment, ...]:
    if target is None:
        return ()
    return moments(created=target.created, modified=target.modified, accessed=target.accessed)


def _file(target: Target | None, path: str) -> File | None:
    if not path and target is None:
        return None
    return File(
        path=path,
        name=base_name(path),
        size=(target.size or None) if target is not None else None,
        lnk=target.link if target is not None else None,
    )
