"""Names that a volume's own structures left behind, told as files that were there."""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterable, Iterator

from msgspec import Struct

from ...coverage import Ledger
from ...formats.filetime import utc_of
from ...matching.matcher import Matcher, ScanFailed
from ...model.objects import File
from ...model.observation import ByteHit, Claim, Moment, Observation, Place, moments
from ...ntfs import Reference, Volume, Wanted, list_folder
from ...ntfs.left_names import LeftName
from ...targets import RawNtfs, Target
from ...windows import files as windows_files

MAX_FILES = 100_000
"""Files with a wanted name that one source keeps of one volume."""


def wanted_names(matcher: Matcher) -> Wanted:
    """The names that are looked for."""
    selector = matcher.selector
    return Wanted(selector.matching_names, selector.exact_names, selector.literal_parts)


Born = tuple[Reference, str, int]


def born(left: LeftName) -> Born:
    """Tells a file where nothing says which record it had: its folder, its name, and when it was
    made."""
    return left.name.parent, left.name.text, left.name.times.created


class LeftNames(Struct, dict=True):
    """Of one volume, by one source."""

    source: str
    seen: str
    """What such a file is called."""
    target: Target
    matcher: Matcher
    ledger: Ledger
    volume: Volume
    raw: RawNtfs

    @functools.cached_property
    def _in_folder(self) -> Callable[[Reference, str], bool]:
        return functools.lru_cache(1024)(self._listed)

    def is_there(self, file: Reference | None, parent: Reference, text: str) -> bool:
        """Whether this very file still has this name in this folder; one of which nothing says
        which it is: whether any has."""
        if file is None:
            return self._in_folder(parent, text)
        try:
            entry = self.volume.entry(file.number)
        except OSError:
            return False
        return (
            entry.live
            and entry.reference == file
            and any(own.text == text and own.parent.number == parent.number for own in entry.names)
        )

    def _listed(self, parent: Reference, text: str) -> bool:
        try:
            record = self.volume.record(parent.number)
            if record.sequence != parent.sequence:
                return False
            return any(list_folder(self.volume, parent.number, text.__eq__, []))
        except OSError:
            return False

    def file(
        self, left: LeftName, place: Place, remarks: Iterable[str], more: Iterable[Moment] = ()
    ) -> Iterator[Observation]:
        """A file that was there; nothing of our own. ``place``: of the record, its text left out;
        ``more``: times beside those that the name has."""
        path = self.volume.path_in(left.name.parent, left.name.text)
        shown = windows_files.shown(f"{self.raw.prefix}{path.text}")
        if self.target.own.has_file(shown):
            self.ledger.own += 1
            return
        created, modified = utc_of(left.name.times.created), utc_of(left.name.times.modified)
        inode = "" if left.file is None else f"{left.file.number}-{left.file.sequence}"
        yield Observation(
            source=self.source,
            seen="deleted directory" if left.is_folder else self.seen,
            claim=Claim.WAS_THERE,
            place=Place(text=shown, path=place.path, record=place.record, view="deleted"),
            moments=(*moments(created=created, modified=modified), *more),
            file=File(
                path=shown,
                name=left.name.text,
                size=None if left.is_folder else left.size,
                created=created,
                mtime=modified,
                inode=inode,
            ),
            remarks=(*remarks, *((path.note,) if path.note else ())),
        )

    def mention(self, text: str, seen: str, path: str, at: int) -> Iterator[Observation]:
        """Of a text of which nothing says what it belongs to; ``at``: its byte there."""
        place = f"{path} (byte {at:,})"
        if self.target.own.has_text(text):
            self.ledger.own += 1
            return
        hits = self._hits(text, place)
        if hits:
            yield Observation(
                source=self.source,
                seen=seen,
                claim=Claim.MENTIONED,
                place=Place(text=place, path=path, record=f"byte {at}"),
                hits=tuple(hits),
            )

    def _hits(self, text: str, place: str) -> list[ByteHit]:
        try:
            return self.matcher.scan(text.encode("utf-16-le", "surrogatepass"))
        except ScanFailed as error:
            self.ledger.unread(f"scan of the bytes: {error}", place)
            return []
