r"""What Windows' own databases remember of files and programs.

Evidence: of each user ``ConnectedDevicesPlatform\*\ActivitiesCache.db`` (the timeline: programs and
files that were opened, 30 days), ``Notifications\wpndatabase.db`` (toasts); of the host
``Search\Data\Applications\Windows\Windows.db`` and ``Windows-gather.db`` (names of indexed files),
each with its WAL. Since: Windows 10 1803; the index as SQLite since Windows 11.
Cannot tell: more than that a row mentions something; the index before Windows 11 (``Windows.edb``)
is not read.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timezone

from ...model.objects import User
from ...model.observation import Claim, Observation, moments
from ..databases import Databases, HitRow


class Activities(Databases):
    """One observation for each row in which something occurs."""

    name = "activities"
    kind = "database of Windows"
    where = (
        r"%Profile%\AppData\Local\ConnectedDevicesPlatform\*\ActivitiesCache.db",
        r"%Profile%\AppData\Local\Microsoft\Windows\Notifications\wpndatabase.db",
        r"%ProgramData%\Microsoft\Search\Data\Applications\Windows\Windows*.db",
        r"%Loose%\**\ActivitiesCache.db",
        r"%Loose%\**\wpndatabase.db",
    )

    def told(self, hit: HitRow) -> Iterator[Observation]:
        """As a mention of its table."""
        if not hit.hits:
            return
        row, file = hit.row, hit.file
        yield Observation(
            source=self.name,
            seen=f"table {row.table}",
            claim=Claim.LOGGED,
            place=hit.place,
            moments=moments(happened=_time_of(row.integer("starttime"))),
            user=User(name=file.owner, id=file.owner_id) if file.owner or file.owner_id else None,
            hits=hit.hits,
        )


def _time_of(seconds: int) -> datetime | None:
    """Since 1970, as ``StartTime`` of the timeline's activities."""
    if not 0 < seconds < 1 << 33:
        return None
    return datetime.fromtimestamp(seconds, timezone.utc)
