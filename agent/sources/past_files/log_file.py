r"""The log of NTFS volumes, ``$LogFile``: files that came and went in the last hours.

Evidence: before NTFS changes a record or a folder's index, it writes what it is about to do into
this ring of 64 MiB (2 MiB on small volumes): the record of a new file, the entry that is put into a
folder or taken out of it, records of the change journal. Every Windows keeps one on each volume.
Its pages are mended, joined and searched for names; a hit tells the file, its folder, its times,
and what was done by the log record that holds it. Read from the raw volume or an image of it.

Never required: what it tells, the $MFT and the change journal tell too, most of the time. What
cannot be read of it is a gap all the same.

Cannot tell: when that was (no record has a time of its own; those of a name are the file's), who
did it, nor content. On a volume that Linux wrote last it is blank.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack

from msgspec import Struct, field

from ...coverage import Ledger, Part
from ...matching.matcher import Matcher
from ...model.observation import Moment, MomentOf, Observation, Place
from ...ntfs import Reference
from ...ntfs.entry import WIN32, Name, Times
from ...ntfs.left_names import LeftName
from ...ntfs.log_file import LogChange, LogMention, LogName, LogScan
from ...ntfs.reference import LOG_RECORD
from ...ntfs.usn import REASONS
from ...reading.opening import reason_of
from ...targets import Target
from ..copied_volumes import LOG, copied_volume, copies, volume_of
from .left_names import MAX_FILES, LeftNames, born, wanted_names
from .raw_volumes import Opened, raw_volumes

OF_A_VIEW = "$LogFile of a shadow copy, copied without its volume: not read"
BLANK = "$LogFile is blank"
SEEN = "file in the NTFS log"
_PATH = "\\$LogFile"
_CLOSED = 0x8000_0000
_Key = tuple[Reference | None, Reference, str]


class LogFileSource:
    """Searches the logs of the target's raw volumes."""

    name = "ntfs_log"

    def __init__(self, *, progress: Callable[[str], None] = lambda _: None) -> None:
        """``progress``: is told each log, again while it is read, and may raise to end it."""
        self._progress = progress

    def required(self, target: Target) -> bool:  # noqa: ARG002 - of none
        """Never: it reaches back hours."""
        return False

    def observe(self, target: Target, matcher: Matcher, ledger: Ledger) -> Iterator[Observation]:
        """As :class:`~agent.sources.Source`: each file with a wanted name that is not there any
        more, with what was done to it."""
        for opened in raw_volumes(target, ledger, self._progress):
            yield from self._volume(opened, target, matcher, ledger)
        # What cannot be listed is told by the files source.
        for file in copies(target, LOG, Ledger(self.name, required=False)):
            if file.view:
                ledger.unread(OF_A_VIEW, file.path)
                continue
            try:
                with ExitStack() as held:
                    log = held.enter_context(file.open())
                    volume = copied_volume(target, file, held, log=log)
                    copied = Opened(file.path, volume_of(file), volume)
                    yield from self._volume(copied, target, matcher, ledger)
            except OSError as error:
                ledger.unread(f"$LogFile: {reason_of(error)}", file.path)

    def _volume(
        self, opened: Opened, target: Target, matcher: Matcher, ledger: Ledger
    ) -> Iterator[Observation]:
        names = LeftNames(self.name, SEEN, target, matcher, ledger, opened.volume, opened.raw)
        try:
            yield from Log(names, ledger, opened, self._progress).observe()
        except OSError as error:
            ledger.unread(f"$LogFile: {reason_of(error)}", opened.path)


class _History(Struct):
    """What the log says of one name of one file."""

    left: LeftName
    place: int
    """Of the first record."""
    done: list[str] = field(default_factory=list)
    """In words, each once."""
    logged: list[Moment] = field(default_factory=list)
    """When the change journal was told; the first and the last."""


class Log(Struct):
    """That of one volume."""

    names: LeftNames
    ledger: Ledger
    opened: Opened
    progress: Callable[[str], None]
    account: Part | None = None
    """Of what it belongs to; None: its own."""
    files: dict[_Key, _History] = field(default_factory=dict)

    def observe(self) -> Iterator[Observation]:
        """Raises OSError if it cannot be opened."""
        path = f"{self.opened.raw.prefix}{_PATH}"
        part = self.account or self.ledger.part(path)
        wanted = wanted_names(self.names.matcher)
        with self.opened.volume.open_stream(LOG_RECORD) as log:
            scan = LogScan(log, wanted, part, lambda: self.progress(path))
            try:
                for hit in scan.hits():
                    if isinstance(hit, LogMention):
                        seen = "text in the NTFS log"
                        yield from self.names.mention(hit.text, seen, path, hit.place)
                    else:
                        self._keep(hit)
            finally:
                part.examined(scan.pages)
                self.ledger.bytes += scan.read
        if not scan.pages:
            part.note(BLANK)
        for history in self._merged():
            name = history.left.name
            if not self.names.is_there(history.left.file, name.parent, name.text):
                place = Place(text="", path=path, record=f"byte {history.place}")
                done = ", ".join(history.done) or "named"
                remarks = (f"NTFS log: {done}",)
                # A new name has none yet, and few records tell it later.
                left = history.left._replace(size=history.left.size or None)
                yield from self.names.file(left, place, remarks, history.logged)

    def _merged(self) -> list[_History]:
        """Records of which nothing says whose name they have, with those that say it."""
        told = [history for history in self.files.values() if history.left.file is not None]
        known = {born(history.left): history for history in told}
        for history in self.files.values():
            if history.left.file is None:
                same = known.get(born(history.left))
                if same is None:
                    told.append(history)
                else:
                    for done in history.done:
                        self._done(same, done)
        return told

    def _keep(self, hit: LogName | LogChange) -> None:
        left = hit.left if isinstance(hit, LogName) else _left_of(hit)
        key = (left.file, left.name.parent, left.name.text)
        history = self.files.get(key)
        if history is None:
            if len(self.files) >= MAX_FILES:
                self.ledger.unread("$LogFile: more files than are kept", left.name.text)
                return
            history = self.files[key] = _History(left, hit.place)
        if (left.size or 0) > (history.left.size or 0) or history.left.size is None:
            history.left = left
        if isinstance(hit, LogName):
            self._done(history, hit.operation)
            return
        for bit, word in REASONS.items():
            if hit.record.reason & bit & ~_CLOSED:
                self._done(history, f"change journal: {word}")
        if hit.record.time is not None:
            moment = Moment(time=hit.record.time, of=MomentOf.LOGGED)
            times = sorted({*history.logged, moment}, key=lambda one: one.time)
            history.logged = list(dict.fromkeys((times[0], times[-1])))

    @staticmethod
    def _done(history: _History, operation: str) -> None:
        if operation and operation not in history.done:
            history.done.append(operation)


def _left_of(hit: LogChange) -> LeftName:
    """The name that a record of the change journal tells: without the times and size of the
    file."""
    record = hit.record
    name = Name(record.name, record.parent, WIN32, Times(0, 0, 0, 0))
    is_folder = bool(record.attributes & 0x10)
    return LeftName(name, 0, None, is_folder, record.file)
