r"""Raw bytes in which names outlive their files, searched whole: only with ``--deep``.

Evidence: memory that was written to the disk (``pagefile.sys``, ``swapfile.sys``, ``hiberfil.sys``,
dumps), trace files, and the clusters of raw NTFS volumes that belong to no file. Each place of a
text is a mention, with its byte. No format says there what a text belongs to, who wrote it and
when.

Never required: a mention is weak, and a verdict does not hang on it; what could not be searched is
told in the coverage.

Cannot tell: what is compressed (nearly all of a hibernation, pages of Windows' memory compression,
compressed traces: told as such), encrypted, or cut by fragments that do not lie side by side; the
slack behind the end of files. Of a running host, what changes while it is read.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

from ...coverage import Ledger
from ...matching.matcher import Matcher
from ...model.observation import Observation, Place
from ...ntfs import NtfsError, Volume
from ...reading.opening import is_gone, read_at, reason_of
from ...targets import RawNtfs, Target
from ...targets.evidence import EvidenceFile
from ...targets.raw_fallback import BY_RECORD
from ..places import place_in
from .look import Named, RawLook, until
from .places import WHERE, tell_hidden
from .raw_search import WINDOW
from .reading import of_file, of_free_clusters
from .stands import Stands

NOT_READ = "free clusters: not read of a {}"
NO_VOLUME = "no raw NTFS volume: no free clusters to search"
OWN_RULES = "the operator's rules are not asked of raw bytes"
NOT_REACHED = "free clusters: not reached"
HIDDEN = "free clusters: what NTFS compressed or encrypted is searched as it stands"


class DeepSource:
    """Searches raw bytes."""

    name = "deep"

    def __init__(
        self, *, progress: Callable[[str], None] = lambda _: None, kept: Path | None = None
    ) -> None:
        """``progress``: is told each file and volume, again while it is read, and may raise to end
        it. ``kept``: a folder of our own for how far it came, for the next sweep."""
        self._progress = progress
        self._kept = kept

    def required(self, target: Target) -> bool:  # noqa: ARG002 - of none
        """Never: what it finds is weak."""
        return False

    def observe(self, target: Target, matcher: Matcher, ledger: Ledger) -> Iterator[Observation]:
        """As :class:`~agent.sources.Source`: each place of each text."""
        if matcher.own_rules is not None:
            ledger.note(OWN_RULES)
        stands = Stands(self._kept, matcher.indicators, target.now)
        search = _Deep(target, matcher, ledger, stands, self._progress)
        volumes = _volumes_of(target, ledger)
        waiting = [path for path, _ in volumes]
        try:
            for file in target.evidence(WHERE, ledger):
                yield from search.file(file)
            for path, raw in volumes:
                waiting.remove(path)
                yield from search.free_clusters(path, raw)
        finally:
            for path in waiting:
                ledger.unread(NOT_REACHED, path)
            if stands.problem:
                ledger.note(f"how far it came could not be kept: {stands.problem}")


def _volumes_of(target: Target, ledger: Ledger) -> list[tuple[str, RawNtfs]]:
    """By the place that the coverage names; what cannot be had raw is told."""
    roots, skipped = target.roots()
    volumes = [(root.path, root.raw) for root in roots if root.raw is not None]
    volumes += [(raw.prefix.removesuffix(":"), raw) for raw in target.volumes_met]
    for root in roots:
        if root.raw is None and "NTFS" in root.description:
            why = root.why_walked or "not read raw"
            ledger.unread(f"free clusters: {why}", root.path)
        elif root.tree is not None and root.description:
            ledger.unread(NOT_READ.format(root.description), root.path)
    for volume in skipped:
        if volume.gap:
            ledger.unread(f"free clusters: {volume.reason}", volume.path)
    if not volumes:
        ledger.note(NO_VOLUME)
    return volumes


class _Deep(RawLook):
    stands: Stands
    progress: Callable[[str], None]

    def file(self, file: EvidenceFile) -> Iterator[Observation]:
        """One file; an error in it is a gap."""
        self.progress(file.path)
        part = self.ledger.part(file.path)
        try:
            opened = file.open()
        except OSError as error:
            if is_gone(error):
                part.note("vanished during the sweep", file.path)
            else:
                part.unread(f"raw bytes: {reason_of(error)}", file.path)
            return
        if self.target.live is not None and file.how == "by record":
            part.note(BY_RECORD, file.path)

        standing = self.stands.of(
            file.path, (*self._host, file.path, file.view, file.created, file.modified), file.size
        )
        with opened:
            try:
                tell_hidden(file.path, read_at(opened, 0, WINDOW, file.size), part)
            except OSError as error:
                part.unread(f"its beginning: {reason_of(error)}", file.path)
            pieces = of_file(
                opened, file.size, part, lambda: self.progress(file.path), until(standing)
            )
            named = Named(DeepSource.name, "raw bytes", place_in(file))
            yield from self.searched(pieces, part, named, standing)
        part.examined()

    @property
    def _host(self) -> tuple[str, ...]:
        described = self.target.describe()
        return self.target.host().id, *described.paths

    def free_clusters(self, path: str, raw: RawNtfs) -> Iterator[Observation]:
        """What belongs to no file of one volume."""
        shown = f"{path}, free clusters"
        part = self.ledger.part(shown)
        try:
            with closing(raw.open()) as source:
                volume = Volume(source, part)
                serial = f"{volume.boot.serial:016x}"
                standing = self.stands.of(
                    shown, (*self._host, path, raw.state, serial, "free"), source.size
                )
                pieces = of_free_clusters(
                    volume, part, lambda: self.progress(shown), until(standing)
                )
                place = Place(text=shown, path=raw.prefix)
                named = Named(DeepSource.name, "free clusters", place)
                yield from self.searched(pieces, part, named, standing)
        except NtfsError as error:
            part.unread(f"free clusters: {error.what}", path)
            return
        except OSError as error:
            part.unread(f"free clusters: {reason_of(error)}", path)
            return
        part.note(HIDDEN, path)
        part.examined()
