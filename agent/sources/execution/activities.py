r"""What Windows' own databases remember of files and programs.

Evidence: of each user ``ConnectedDevicesPlatform\*\ActivitiesCache.db`` (the timeline: programs and
files that were opened, 30 days), ``Notifications\wpndatabase.db`` (toasts); of the host
``Search\Data\Applications\Windows\Windows.db`` and ``Windows-gather.db`` (names of indexed files),
each with its WAL. Since: Windows 10 1803; the index as SQLite since Windows 11 22H2.
Cannot tell: more than that a row mentions something, but for the timeline's programs and files
(``activity_rows.py``) and what was indexed (``past_files/index_rows.py``).
"""

from __future__ import annotations

from collections.abc import Iterator

from ...model.observation import ByteHit, Claim, Observation, moments
from .. import whereabouts
from ..databases import Databases, HitRow
from ..past_files.index_rows import indexed, is_indexed
from ..places import owner_of
from ..registry.hive_names import profile_of
from ..remembered import Remembered
from .activity_rows import of_activity, sender_of, time_of


class Activities(Databases):
    """One observation for each row in which something occurs."""

    name = "activities"
    kind = "database of Windows"
    where = whereabouts.ACTIVITIES

    def told(self, hit: HitRow) -> Iterator[Observation]:
        """The program and the file of an activity, what was indexed; any other row as a mention of
        its table. Raises FormatError."""
        if is_indexed(hit):
            yield indexed(hit, self.name)
            return
        row, hits = hit.row, hit.hits
        for thing in of_activity(row, profile_of(hit.file)):
            yield self._observation(hit, thing, hits)
            hits = ()
        if hits:
            sender = sender_of(row, hit.database)
            logged = Remembered(
                seen=f"table {row.table}",
                claim=Claim.LOGGED,
                texts=(),
                moments=moments(happened=time_of(row)),
                remarks=(f"of the application {sender}",) if sender else (),
            )
            yield self._observation(hit, logged, hits)

    def _observation(
        self, hit: HitRow, thing: Remembered, hits: tuple[ByteHit, ...]
    ) -> Observation:
        file, process = hit.file, thing.process
        user = owner_of(file)
        if process is not None:
            process.user = user
        return Observation(
            source=self.name,
            seen=thing.seen,
            claim=thing.claim,
            place=hit.place,
            moments=thing.moments,
            file=thing.file,
            process=process,
            user=user if process is None else None,
            hits=hits,
            remarks=thing.remarks,
        )
