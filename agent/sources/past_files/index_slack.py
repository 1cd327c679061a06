r"""Names that were taken out of folders, in the slack of the folders' indexes (``$I30``).

Evidence: entries of index blocks behind the end of those that count, in blocks that were given
back, behind the used bytes of folders' records and in records of deleted folders. An entry has the
name, the file's record, its size and its four times as the folder knew them last. They outlive
the file's record, which is used again soon: until the folder has new names. Every NTFS of every
Windows. Read from the raw volume or an image of it, all blocks of all folders once, in the order of
the disk.

Never required: it is what happens to be left. What cannot be read of it is a gap all the same.

Cannot tell: when a name was taken out, and why (deleted, renamed, moved); an entry whose beginning
was overwritten is a mention alone. Entries of files that are still there, which their folders move
about, are left to the files source.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

from msgspec import Struct, field

from ...coverage import Ledger
from ...matching.matcher import Matcher
from ...model.observation import Observation, Place
from ...ntfs import Reference
from ...ntfs.index_slack import IndexSlack, SlackMention, SlackName
from ...reading.opening import reason_of
from ...targets import Target
from ...windows import files as windows_files
from .left_names import MAX_FILES, LeftNames, born, wanted_names
from .raw_volumes import Opened, raw_volumes

_Key = tuple[Reference | None, Reference, str]


class IndexSlackSource:
    """Searches the folders of the target's raw volumes."""

    name = "index_slack"

    def __init__(self, *, progress: Callable[[str], None] = lambda _: None) -> None:
        """``progress``: is told each volume, again while it is read, and may raise to end it."""
        self._progress = progress

    def required(self, target: Target) -> bool:  # noqa: ARG002 - of none
        """Never: it is what happens to be left."""
        return False

    def observe(self, target: Target, matcher: Matcher, ledger: Ledger) -> Iterator[Observation]:
        """As :class:`~agent.sources.Source`: each wanted name whose file is not there any more."""
        for opened in raw_volumes(target, ledger, self._progress):
            names = LeftNames(
                self.name,
                "deleted index entry",
                target,
                matcher,
                ledger,
                opened.volume,
                opened.raw,
            )
            folders = _Folders(names, ledger, opened, self._progress)
            try:
                yield from folders.observe()
            except OSError as error:
                ledger.unread(f"folders' indexes: {reason_of(error)}", opened.path)


class _Folders(Struct):
    """Of one volume."""

    names: LeftNames
    ledger: Ledger
    opened: Opened
    progress: Callable[[str], None]
    files: dict[_Key, SlackName] = field(default_factory=dict)

    def observe(self) -> Iterator[Observation]:
        raw, volume = self.opened.raw, self.opened.volume
        part = self.ledger.part(self.names.target.known_as(f"{raw.prefix}\\").rstrip("\\"))
        scan = IndexSlack(
            volume,
            wanted_names(self.names.matcher),
            part,
            lambda: self.progress(f"{raw.prefix} $I30"),
        )
        try:
            for hit in scan.hits():
                if isinstance(hit, SlackMention):
                    yield from self._mention(hit)
                else:
                    self._keep(hit)
        finally:
            part.examined(scan.blocks + scan.folders)
            self.ledger.bytes += scan.read
        known = {born(hit.left) for hit in self.files.values() if hit.left.file is not None}
        for (file, parent, text), hit in self.files.items():
            if file is None and born(hit.left) in known:
                continue  # An entry whose beginning was overwritten.
            if not self.names.is_there(file, parent, text):
                place = Place(text="", path=self._folder(hit), record=self._record(hit))
                yield from self.names.file(
                    hit.left,
                    place,
                    (f"entry in the {hit.where}; the file's record does not have this name",),
                )

    def _keep(self, hit: SlackName) -> None:
        """Of several entries of one name that which was written last."""
        left = hit.left
        key = (left.file, left.name.parent, left.name.text)
        known = self.files.get(key)
        if known is None and len(self.files) >= MAX_FILES:
            self.ledger.unread("folders' indexes: more names than are kept", left.name.text)
        elif known is None or known.left.name.times.changed < left.name.times.changed:
            self.files[key] = hit

    def _folder(self, hit: SlackName | SlackMention) -> str:
        """The folder in whose index it is."""
        try:
            record = self.opened.volume.record(hit.record)
            number = record.base.number if record.extends else record.number
            path = self.opened.volume.path_of(Reference(number, 0)).text
        except OSError:
            path = f"?\\record {hit.record}"
        return windows_files.shown(f"{self.opened.raw.prefix}{path}")

    @staticmethod
    def _record(hit: SlackName) -> str:
        return f"record {hit.record}, {hit.where}, byte {hit.place}"

    def _mention(self, hit: SlackMention) -> Iterator[Observation]:
        yield from self.names.mention(
            hit.text, f"text in the {hit.where}", self._folder(hit), hit.place
        )
