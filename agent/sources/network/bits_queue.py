r"""The queue of BITS: what Windows was told to fetch, from where, and what it then runs.

Evidence: ``%ProgramData%\Microsoft\Network\Downloader``: ``qmgr0.dat`` and ``qmgr1.dat`` up to
Windows 8.1, then ``qmgr.db``, an ESE database, and its log ``edb*.log``. Jobs that are done stand
in them for a while longer. Since: Windows XP.
Cannot tell: what became of a file that was fetched; since Windows 10, whose job it was; jobs that
were written over.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from ...formats.bits_queue import UNKNOWN, Job, Transfer, is_queue, jobs_in, transfers_in
from ...model.objects import File, Process, Url, User
from ...model.observation import ByteHit, Claim, Observation, Place, moments
from ...reading.opening import read_up_to, reason_of
from ...spelling import base_name, fold
from .. import whereabouts
from ..artefact import BLANK, Found, Reader, is_blank
from ..ese_databases import PIECE, EseDatabases, HitRow, bytes_of
from ..places import byte_in, told_as

if TYPE_CHECKING:
    from ...coverage import Part
    from ...matching.record_rules import RecordRules
    from ...targets.evidence import EvidenceFile

MAX_OLD = 64 << 20
"""Bytes of ``qmgr0.dat``; a real one has some megabytes."""


class BitsQueue(EseDatabases):
    """One observation for each file, and for each job that runs something."""

    name = "bits_queue"
    kind = "queue of BITS"
    where = whereabouts.BITS_QUEUE

    def reader(self, file: EvidenceFile, part: Part) -> Reader:
        is_old = fold(file.path).endswith(".DAT")
        return _OldReader(file, part) if is_old else super().reader(file, part)

    def told(self, hit: HitRow) -> Iterator[Observation]:
        """What the row is the record of; else that something is mentioned in it."""
        seen = list(_told(bytes_of(hit.row), hit.place, hit.owner, hit.hits))
        yield from seen or [self.mention(hit)]


@dataclass
class _OldReader(Reader):
    _occurs: bool = field(default=False, init=False)
    _written: bool = field(default=False, init=False)
    _is_queue: bool = field(default=False, init=False)

    def passes(self, window: bytes, at: int, offset: int) -> None:
        """A file is one, however many pieces it has."""
        self._written = self._written or not is_blank(window[at : at + PIECE])
        if not offset:
            self._is_queue = is_queue(window)
            self.part.examined()

    def records(self, found: Found) -> Iterator[Observation]:  # noqa: ARG002 - it is read whole
        """Nothing yet: its records do not keep to pieces."""
        self._occurs = True
        yield from ()

    def end(self, rules: RecordRules) -> Iterator[Observation]:
        """Its records in which something occurs, and what is in none. Raises ScanFailed."""
        if (self.file.size or self._written) and not self._is_queue:
            reason = "no queue of BITS" if self._written else BLANK
            self.part.unread(f"{BitsQueue.kind}: {reason}", self.file.path)
        if not self._occurs:
            return
        try:
            with self.file.open() as opened:
                data = read_up_to(opened, MAX_OLD + 1)
        except OSError as error:
            self.part.unread(f"{BitsQueue.kind}: {reason_of(error)}", self.file.path)
            return
        if len(data) > MAX_OLD:
            self.part.unread(f"{BitsQueue.kind}: read up to {MAX_OLD >> 20} MiB only")
        explained: set[str] = set()
        jobs = jobs_in(data)
        records: list[Transfer | Job] = [*transfers_in(data), *jobs]
        for record in records:
            text = data[record.offset : record.end]
            if not rules.occurs(text):
                continue
            hits = tuple(rules.mentions(text, whole_words=False))
            explained.update(hit.indicator for hit in hits)
            place = byte_in(self.file, record.offset)
            if isinstance(record, Job):
                yield from _of_job(record, place, hits)
            else:
                # Its job is the last one before it.
                before = [job for job in jobs if job.offset < record.offset]
                owner = User(id=before[-1].sid) if before else None
                yield from _of_file(record, place, owner, hits)
        left = [
            hit for hit in rules.mentions(data, whole_words=False) if hit.indicator not in explained
        ]
        if left:
            yield Observation(
                source=BitsQueue.name,
                seen=BitsQueue.kind,
                claim=Claim.MENTIONED,
                place=byte_in(self.file, left[0].offset),
                hits=tuple(left),
            )


def _told(
    data: bytes, place: Place, owner: User | None, hits: tuple[ByteHit, ...]
) -> Iterator[Observation]:
    for one in transfers_in(data):
        yield from _of_file(one, place, owner, hits)
    for job in jobs_in(data):
        yield from _of_job(job, place, hits)


def _of_file(
    one: Transfer, place: Place, owner: User | None, hits: tuple[ByteHit, ...]
) -> Iterator[Observation]:
    is_known = one.size != UNKNOWN
    size = f"{one.fetched:,} of {one.size:,} bytes" if is_known else f"{one.fetched:,} bytes"
    yield Observation(
        source=BitsQueue.name,
        seen="job of BITS",
        claim=Claim.DOWNLOADED,
        place=told_as(one.target, place),
        moments=moments(created=one.created),
        url=Url(full=one.url),
        file=File(path=one.target, name=base_name(one.target), zone_url=[one.url]),
        user=owner,
        hits=hits,
        remarks=(f"fetched when the queue was written: {size}",),
    )


def _of_job(job: Job, place: Place, hits: tuple[ByteHit, ...]) -> Iterator[Observation]:
    """Of one that runs nothing, only what it is called."""
    line = f"{job.command} {job.arguments}".strip()
    user = User(id=job.sid)
    yield Observation(
        source=BitsQueue.name,
        seen="job of BITS",
        claim=Claim.RAN if line else Claim.LOGGED,
        place=told_as(line, place),
        process=Process(
            name=base_name(job.command),
            executable=job.command,
            command_line=line,
            user=user,
        )
        if line
        else None,
        user=None if line else user,
        hits=hits,
        remarks=(f'its job is called "{job.name}"',) if job.name else (),
    )
