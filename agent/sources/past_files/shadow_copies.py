r"""Shadow copies: files that a volume held when one was made, and does not hold any more.

Evidence: the blocks of the $MFT that a copy keeps (``System Volume Information``), read from the
raw volume or an image of it by our own reader, so that a running host and its image say the same.
Each record that was another one then is searched for names, and for files of a wanted size or
hash, whose content is read through the copy; and that part of the change journal that is gone by
now, and the log of NTFS as it was. What is found carries the date of the copy. A file that is found
in several is told with the newest. Since Windows Vista; System Restore makes them, backups, and the
administrator. How far back they go is the coverage's reach, and each is a part of it.

Never required: a host without any says as much as one with them. What of a copy cannot be read is a
gap all the same.

Cannot tell: content, but of files that are called for by their name or size; what lies in
containers there, nor what its folders' indexes left; data that are kept on another volume (a gap).
A file that is still there as it was is told by the files source, and left out here. Since Windows 8
System Restore keeps only what it needs itself: what else its copies show may be as it was later.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

from msgspec import Struct, field, structs

from ...coverage import Ledger, Part
from ...matching.matcher import Matcher
from ...model.observation import Claim, Observation
from ...ntfs import MftEntry, NtfsError, Volume
from ...ntfs.content import ClusterContent
from ...ntfs.shadow_copies import MAX_BLOCKS, Copy, Kept, ShadowView, shadow_copies
from ...ntfs.shadow_volume import ShadowVolume
from ...reading.opening import reason_of
from ...reading.openings import Selection
from ...targets import RawNtfs, Target
from ..files.by_records import NtfsFiles
from ..files.facts import Limits
from ..files.file_inspection import FileLook
from ..files.users_reach import ProgramsInReach
from .change_journal import NONE as NO_JOURNAL
from .change_journal import Journal
from .left_names import LeftNames
from .log_file import SEEN, Log
from .raw_volumes import Opened, raw_volumes

NONE = "no shadow copies on this volume"
FOUND = "shadow copy searched for what is no longer on the volume"
NOT_INTO = "container in a shadow copy, not looked into"


class ShadowCopiesSource:
    """Searches what the copies of raw volumes keep of their $MFT."""

    name = "shadow_copies"

    def __init__(
        self, max_file_size: int, *, progress: Callable[[str], None] = lambda _: None
    ) -> None:
        """``max_file_size``: bytes; content of larger files is not read. ``progress``: is told
        each copy, again while it is read, and may raise to end it."""
        self._limits = Limits(max_file_size)
        self._progress = progress

    def required(self, target: Target) -> bool:  # noqa: ARG002 - of none
        """Never: most hosts have none, or lose them."""
        return False

    def observe(self, target: Target, matcher: Matcher, ledger: Ledger) -> Iterator[Observation]:
        """As :class:`~agent.sources.Source`: each file with what a copy says of it."""
        for opened in raw_volumes(target, ledger, self._progress):
            try:
                copies = shadow_copies(opened.volume.source)
            except OSError as error:
                what = error.what if isinstance(error, NtfsError) else reason_of(error)
                ledger.unread(f"shadow copies: {what}", opened.path)
                continue
            if not copies:
                ledger.note(NONE, opened.path)
                continue
            search = _Search(target, matcher, ledger, self._limits, self._progress, opened)
            yield from search.observe(copies)


class _Search(Struct):
    """Of one volume's copies."""

    target: Target
    matcher: Matcher
    ledger: Ledger
    limits: Limits
    progress: Callable[[str], None]
    opened: Opened
    kept: list[Kept] = field(default_factory=list)
    """Of the copy at hand and those that are newer, in this order."""

    def observe(self, copies: list[Copy]) -> Iterator[Observation]:
        newer = self.opened.volume
        waiting = list(copies)
        try:
            while waiting:
                copy = waiting[-1]
                part = self.ledger.part(self._named(copy))
                try:
                    view = self._view(copy, newer, part)
                except OSError as error:
                    part.unread(_why(error))
                    waiting.pop()
                    return
                waiting.pop()
                part.note(FOUND)
                if copy.made is not None:
                    part.reaches(copy.made)
                told = _Told(copy, view, self.opened.volume)
                yield from self._files(told, part)
                yield from self._journal(told, newer, part)
                yield from self._log(told, part)
                newer = view
        finally:
            # Each is read through all that are newer.
            for copy in waiting:
                self.ledger.unread("shadow copy not reached", self._named(copy))

    def _named(self, copy: Copy) -> str:
        return f"{self.opened.path}, {copy.name}"

    def _view(self, copy: Copy, newer: Volume, part: Part) -> ShadowVolume:
        self.progress(self._named(copy))
        source, most = self.opened.volume.source, MAX_BLOCKS - sum(k.count for k in self.kept)
        own = Kept.of(source, copy, most)
        self.kept = [own, *self.kept]
        return ShadowVolume(ShadowView(source, self.kept), own, newer, part)

    def _raw(self) -> RawNtfs:
        """The view at hand, to be opened again."""
        raw, kept = self.opened.raw, self.kept
        return RawNtfs(lambda: _ClosingView(raw.open(), kept), raw.prefix)

    def _files(self, told: _Told, part: Part) -> Iterator[Observation]:
        look = FileLook(
            target=self.target,
            matcher=self.matcher,
            ledger=self.ledger,
            limits=self.limits,
            progress=lambda _: self.progress(self._named(told.copy)),
            everything=False,
        )
        look.reader.programs = ProgramsInReach(())  # Those of no wanted name are not read.
        before = self.ledger.examined
        selection = Selection(exact_sizes=self.matcher.selector.exact_sizes)
        files = NtfsFiles(look, told.then, self._raw(), selection)
        try:
            with look.reading():
                for seen in files.observe():
                    yield from told.of(seen)
                for seen in look.drain():
                    yield from told.of(seen)
        except OSError as error:
            part.unread(_why(error))
        for seen in look.pending():
            yield from told.of(seen)
        # The look counted them; here they are this copy's.
        examined = self.ledger.examined - before
        self.ledger.examined = before
        part.examined(examined)
        for root in look.containers.roots():
            part.unread(NOT_INTO, root.path)

    def _journal(self, told: _Told, newer: Volume, part: Part) -> Iterator[Observation]:
        """What the change journal had that it has no more in the next newer view."""
        journal = Journal(
            self.target,
            self.matcher,
            self.ledger,
            told.then,
            self._raw(),
            lambda _: self.progress(self._named(told.copy)),
            account=part,
            end=_begin_of_journal(newer, told.then),
        )
        try:
            for seen in journal.observe():
                if not (seen.mention and seen.file is not None):
                    yield from told.of(seen)
                # A file that was there then was told by its record, if it is there no more.
        except NtfsError as error:
            if error.what != NO_JOURNAL:
                part.unread(f"change journal: {error.what}")
        except OSError as error:
            part.unread(f"change journal: {reason_of(error)}")

    def _log(self, told: _Told, part: Part) -> Iterator[Observation]:
        """What the log of NTFS had: that of the last hours before the copy was made."""
        raw, view = self._raw(), told.then
        names = LeftNames(
            ShadowCopiesSource.name, SEEN, self.target, self.matcher, self.ledger, view, raw
        )
        path = f"{self.opened.path}, {told.copy.name}"
        log = Log(names, self.ledger, Opened(path, raw, view), self.progress, part)
        try:
            for seen in log.observe():
                yield from told.of(seen)
        except OSError as error:
            part.unread(f"$LogFile: {reason_of(error)}")


def _begin_of_journal(newer: Volume, then: Volume) -> int | None:
    """The byte where the journal of a newer view begins, if it is the same one: a record's place
    never changes. None: not known."""
    try:
        if then.identity() is None or newer.identity() != then.identity():
            return None
        journal = newer.change_journal()
    except OSError:
        return None
    return journal.next_data(0) if isinstance(journal, ClusterContent) else None


def _why(error: OSError) -> str:
    what = error.what if isinstance(error, NtfsError) else reason_of(error)
    return f"shadow copy not read: {what}"


class _ClosingView(ShadowView):
    """Closes what it reads from."""

    def close(self) -> None:
        self._source.close()


class _Told(Struct):
    """What a look at the files of a copy saw, as this source tells it."""

    copy: Copy
    then: Volume
    now: Volume
    unchanged: set[str] = field(default_factory=set)
    """Paths of files that are still there as they were."""

    def of(self, seen: Observation) -> Iterator[Observation]:
        """Nothing of a file that is still there as it was, nor of what it holds."""
        file = seen.file
        if file is not None and file.inode and self._is_unchanged(file.inode):
            self.unchanged.add(file.path)
            return
        if file is not None and file.member_of in self.unchanged:
            return
        yield structs.replace(
            seen,
            source=ShadowCopiesSource.name,
            claim=Claim.WAS_THERE if seen.claim is Claim.EXISTS else seen.claim,
            place=structs.replace(seen.place, view=self.copy.name),
            remarks=(f"in the {self.copy.name}", *seen.remarks),
        )

    def _is_unchanged(self, inode: str) -> bool:
        """Whether a file was there, and is, with the same names, size and time of writing."""
        number, _, sequence = inode.partition("-")
        try:
            then, now = self.then.entry(int(number)), self.now.entry(int(number))
        except OSError:
            return False
        is_it = then.live and then.reference.sequence == int(sequence)
        return is_it and now.live and _state(then) == _state(now)


def _state(entry: MftEntry) -> tuple[object, ...]:
    names = {(name.text, name.parent) for name in entry.names}
    written = None if entry.times is None else entry.times.modified
    return entry.reference, names, entry.size, written
