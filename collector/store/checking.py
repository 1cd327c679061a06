"""What no column of the database may say, as far as it can be asked of all rows at once.

The rest is worked out from the bodies: ``collector/verifying.py``.
"""

from __future__ import annotations

from ..records import NewReport
from .putting import SEEN, Judged, Seen, ticks
from .same_host import WITHOUT_HOST
from .store import Store
from .suppressing import covering
from .traces import told_of
from .whose import has_reported

MAX_NAMES = 1000
"""Expected names whose mark no host explains, looked for among all reports."""
_OPEN_HIT = (
    "EXISTS (SELECT 1 FROM report r JOIN finding f ON f.report_id = r.report_id"
    " WHERE r.sweep_id = h.sweep_id AND r.host_key = h.host_key"
    " AND f.strength IN ('strong', 'confirmed') AND f.suppression_id IS NULL)"
)
_COVERED = (
    "EXISTS (SELECT 1 FROM suppression s WHERE s.suppression_id = f.suppression_id"
    f" AND {covering('f')})"
)
_OF_CASE = (
    "{0}.sweep_id = c.sweep_id AND {0}.host_key = c.host_key AND {0}.finding_id = c.finding_id"
)
_TAGS = "' ' || c.tags || ' '"


def _traces(of: str) -> str:
    times = ("first_trace", "last_trace", "first_any", "last_any")
    return f"{of}strongest, {of}best, {', '.join(f'COALESCE({of}{one}, 0)' for one in times)}"


MUST_BE_NONE = {
    "reports of hosts that are not listed": (
        "SELECT COUNT(*) FROM report r WHERE NOT EXISTS (SELECT 1 FROM host h"
        " WHERE h.sweep_id = r.sweep_id AND h.host_key = r.host_key)"
    ),
    "hosts that are listed without a report": (
        "SELECT COUNT(*) FROM host h WHERE NOT EXISTS (SELECT 1 FROM report r"
        " WHERE r.sweep_id = h.sweep_id AND r.host_key = h.host_key)"
    ),
    "hosts whose hits are said to be suppressed, and are not": (
        f"SELECT COUNT(*) FROM host h WHERE suppressed = 1 AND (hit = 0 OR {_OPEN_HIT})"
    ),
    "findings that are set aside by no suppression in force": (
        f"SELECT COUNT(*) FROM finding f WHERE suppression_id IS NOT NULL AND NOT {_COVERED}"
    ),
    "hosts whose traces are not those of their findings": (
        f"SELECT COUNT(*) FROM host h WHERE ({_traces('h.')}) <> (SELECT {_traces('again.')} FROM"
        f" ({told_of('h')}) AS again)"
    ),
    "findings of reports that are not there": (
        "SELECT COUNT(*) FROM finding f WHERE NOT EXISTS"
        " (SELECT 1 FROM report r WHERE r.report_id = f.report_id)"
    ),
    "cases of hosts that are not listed": (
        "SELECT COUNT(*) FROM casework c WHERE NOT EXISTS (SELECT 1 FROM host h"
        " WHERE h.sweep_id = c.sweep_id AND h.host_key = c.host_key)"
    ),
    "cases whose notes are not all there": (
        "SELECT COUNT(*) FROM casework c WHERE notes <> (SELECT COUNT(*) FROM case_note n"
        f" WHERE {_OF_CASE.format('n')} AND n.number BETWEEN 1 AND c.notes)"
    ),
    "notes and tags of no case": (
        "SELECT (SELECT COUNT(*) FROM case_note n WHERE NOT EXISTS (SELECT 1 FROM casework c"
        f" WHERE {_OF_CASE.format('n')} AND n.number <= c.notes)) + (SELECT COUNT(*)"
        " FROM case_tag t WHERE NOT EXISTS (SELECT 1 FROM casework c"
        f" WHERE {_OF_CASE.format('t')} AND REPLACE({_TAGS}, ' ' || t.tag || ' ', '') <> {_TAGS}))"
    ),
    "other names of hosts that are not expected": WITHOUT_HOST,
    "columns of names that are not expected": (
        "SELECT COUNT(*) FROM expected_column c WHERE NOT EXISTS (SELECT 1 FROM expected e"
        " WHERE e.sweep_id = c.sweep_id AND e.name_key = c.name_key)"
    ),
    "values that are searched for of hosts that are not there": (
        "SELECT COUNT(*) FROM occurrence o WHERE NOT EXISTS"
        " (SELECT 1 FROM host h WHERE h.sweep_id = o.sweep_id AND h.host_key = o.host_key)"
    ),
    "values that are searched for and counted wrong": (
        "SELECT COUNT(*) FROM spread s WHERE hosts <> (SELECT COUNT(DISTINCT o.host_key)"
        " FROM occurrence o WHERE o.term_id = s.term_id AND o.sweep_id = s.sweep_id)"
    ),
    "values that are searched for as of another strength": (
        "SELECT COUNT(*) FROM spread s WHERE strength <> (SELECT COALESCE(MAX(o.strength), 0)"
        " FROM occurrence o WHERE o.term_id = s.term_id AND o.sweep_id = s.sweep_id)"
    ),
    "numbers that two reports have": (
        "SELECT COUNT(*) FROM (SELECT seq FROM report WHERE seq IS NOT NULL GROUP BY seq"
        " HAVING COUNT(*) > 1) AS doubled"
    ),
    "outputs that are said to be beyond the last report": (
        "SELECT COUNT(*) FROM sink WHERE seq > (SELECT COALESCE(MAX(seq), 0) FROM report)"
        " AND NOT EXISTS (SELECT 1 FROM audit WHERE action = 'remove sweep')"
    ),
}
"""How many there are of each: a question of one row."""


class Names:
    """Expected hosts of a sweep that are marked as no host's row explains, until a report does."""

    def __init__(self, store: Store, sweep_id: str) -> None:
        self._store = store
        self._sweep_id = sweep_id
        self._marked: dict[str, tuple[str, Seen]] = {}
        """By name: what it is in short, and how it is marked."""

    async def begin(self) -> None:
        """Look for them. Raises StoreError."""
        rows = await self._store.database.fetch(
            "SELECT name_key, short_key, seen FROM expected WHERE sweep_id = ?"
            f" AND ((seen = 1 AND NOT {has_reported('limited = 0')})"
            f" OR (seen = 2 AND NOT {has_reported('limited >= 0')})) LIMIT ?",
            *[self._sweep_id] * 7, MAX_NAMES,
        )  # fmt: skip
        self._marked = {str(name): (str(short), Seen(seen)) for name, short, seen in rows}

    def seen(self, report: NewReport, limits: str) -> None:
        """A report that was read: hosts may have had other names before."""
        if not self._marked:
            return
        for _, column, seen, keys in ticks([Judged(report, limits)]):
            for name, (short, mark) in [*self._marked.items()]:
                if (name if column == "name_key" else short) in keys and seen <= mark:
                    del self._marked[name]

    async def end(self) -> list[str]:
        """Marks that no report explains, and hosts that reported without a mark."""
        wrong = [
            f"{name} is listed as if it had {'answered' if mark is Seen.ANSWERED else 'reported'}"
            for name, (_, mark) in self._marked.items()
        ]
        for limited, seen in zip(("limited = 0", "limited > 0"), SEEN, strict=True):
            ((count,),) = await self._store.database.fetch(
                f"SELECT COUNT(*) FROM expected WHERE sweep_id = ? AND {seen.before}"
                f" AND {has_reported(limited)}",
                *[self._sweep_id] * 4,
            )  # fmt: skip
            if count:
                wrong.append(f"{int(count):,} expected hosts have reported, and are not listed so")
        return wrong
