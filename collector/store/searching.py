"""Where else: values, and the hosts that have them.

What is looked at for one question is bounded: answers say "at least" where there is more.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Sequence

from msgspec import Struct

from ..records import HostState
from ..terms import KINDS, Kind, readings
from .database import Value
from .keeping_terms import APART
from .rows import PAGE, Rows, key_range, prefix, record_of
from .signing import SAID
from .sqlite import SqliteDatabase
from .text_index import CANDIDATES, PG_INDEXES, PG_THERE, Candidates, Parts, by_part, has_part

MOST = 500
"""Values of a kind that are counted; more are "at least"."""
SHOWN_HOSTS = 4
"""Of each value in a list."""
MAX_WAITING = 1000
"""Reports that are counted as not searchable yet."""
MAX_NAMES = 50
"""Expected hosts without a report that are told."""
_HEAD = 200
"""Characters that the index of beginnings has."""
_HEAD_OF = f"substr(t.folded, 1, {_HEAD})"
_IN_SWEEP = "(SELECT s.hosts FROM spread s WHERE s.term_id = t.term_id AND s.sweep_id = ?) > 0"
"""Of a term; one by one, so that enough is enough: with EXISTS a sweep may be joined as a whole."""
_TERM = "t.term_id, t.kind, t.value, t.folded"


class Asked(Struct, frozen=True, kw_only=True):
    """A search."""

    text: str
    kind: Kind | None = None
    sweep_id: str | None = None
    """None: in all sweeps."""
    whole: bool = False
    """Whether only the value itself is meant."""


class TermRow(Struct, frozen=True, kw_only=True):
    """A value that was found."""

    term_id: int
    kind: Kind
    value: str
    folded: str


class FoundTerms(Struct, frozen=True, kw_only=True):
    """Values of a kind."""

    kind: Kind
    rows: list[TermRow]
    """At most MOST, those first that are what was asked for, then those that begin so."""
    full: bool = False
    """Whether there may be more than these."""


class Spread(Struct, frozen=True, kw_only=True):
    """On how many hosts a value is; one of two sweeps counts twice."""

    hosts: int
    strength: int
    """The rank of the strongest finding that has it."""


class TermHost(Struct, frozen=True, kw_only=True):
    """A host that has a value."""

    sweep_id: str
    host_key: str
    name: str
    state: HostState
    signature: str
    """Of the report that this is from, as :func:`collector.signatures.kept`."""
    strength: int
    """The rank of its strongest finding that has the value."""
    findings: int
    """0: it is said of the host itself."""
    suppressed: int
    """Of those that are named (MAX_IDS of each report), how many are suppressed."""
    named: int
    report_id: str
    """Of the strongest, one that is not suppressed first; empty: said of the host."""
    finding_id: str


class Searching(Rows):
    """Asks for values, and for who has them."""

    async def parts(self) -> Parts:
        """By what parts of values are found in this database."""
        if isinstance(self.database, SqliteDatabase):
            rows = await self.database.fetch(
                "SELECT 1 FROM sqlite_master WHERE type = 'trigger' AND name = 'term_text_added'"
            )
            return "fts5" if rows else ""
        rows = await self.database.fetch(PG_THERE)
        return "trgm" if {row[0] for row in rows} >= PG_INDEXES.keys() else ""

    async def waiting_to_be_searchable(self, sweep_id: str | None) -> int:
        """Reports whose values are not kept yet, counted up to MAX_WAITING."""
        sweep, values = _of_sweep("r", sweep_id)
        ((behind, unnumbered),) = await self.database.fetch(
            "SELECT (SELECT COUNT(*) FROM (SELECT r.sweep_id FROM report r WHERE r.seq >"
            f" (SELECT place FROM searching WHERE name = 'reports') LIMIT {MAX_WAITING}) AS r"
            f" WHERE {sweep}), (SELECT COUNT(*) FROM (SELECT r.sweep_id FROM report r"
            f" WHERE r.seq IS NULL LIMIT {MAX_WAITING}) AS r WHERE {sweep})",
            *values, *values,
        )  # fmt: skip
        return min(int(behind) + int(unnumbered), MAX_WAITING)

    async def reports_not_searchable(self, sweep_id: str | None) -> int:
        """Reports of which not all values are kept."""
        sweep, values = _of_sweep("u", sweep_id)
        ((count,),) = await self.database.fetch(
            f"SELECT COUNT(*) FROM unsearchable u WHERE {sweep}", *values
        )
        return int(count)

    async def search(self, asked: Asked) -> list[FoundTerms]:
        """Values by kind, in the order of KINDS; kinds without any are left out."""
        texts, parts = readings(asked.text, whole=asked.whole), await self.parts()
        kinds = [asked.kind] if asked.kind else KINDS
        every = await asyncio.gather(*(self._terms(kind, texts, asked, parts) for kind in kinds))
        return [one for one in every if one.rows or one.full]

    async def _terms(
        self, kind: Kind, texts: Sequence[str], asked: Asked, parts: Parts
    ) -> FoundTerms:
        most = MOST + 1 if asked.sweep_id is None else CANDIDATES
        found: dict[int, TermRow] = {}
        full = False
        for text in texts:
            questions = [_by_head(kind, text, most, whole=asked.whole)]
            if not asked.whole and has_part(parts, text):
                questions.append(by_part(parts, _TERM, kind, text, most))
            for one in questions:
                rows, more = await self._candidates(one, asked.sweep_id)
                found.update((row.term_id, row) for row in rows)
                full |= more

        def order(row: TermRow) -> tuple[int, str, int]:
            return min(match_of(row.folded, text) for text in texts), row.folded, row.term_id

        ordered = sorted(found.values(), key=order)
        return FoundTerms(kind=kind, rows=ordered[:MOST], full=full or len(ordered) > MOST)

    async def _candidates(
        self, asked: Candidates, sweep_id: str | None
    ) -> tuple[list[TermRow], bool]:
        """Those of them that the sweep has, and whether there may be more."""
        if asked.looked_at:
            return await self._looked_at(asked, sweep_id)
        if sweep_id is None:
            rows = await self._all(TermRow, asked.sql, *asked.values)
            return rows, len(rows) > MOST
        rows = await self._all(
            TermRow,
            f"SELECT {_TERM} FROM ({asked.sql}) AS t WHERE {_IN_SWEEP} LIMIT ?",
            *asked.values, sweep_id, MOST + 1,
        )  # fmt: skip
        if len(rows) > MOST:
            return rows, True
        ((count,),) = await self.database.fetch(
            f"SELECT COUNT(*) FROM ({asked.sql}) AS t", *asked.values
        )
        return rows, int(count) >= CANDIDATES

    async def _looked_at(
        self, asked: Candidates, sweep_id: str | None
    ) -> tuple[list[TermRow], bool]:
        """The same in one question, whose first row says how many were looked at."""
        of, values = ("", []) if sweep_id is None else (f" AND {_IN_SWEEP}", [sweep_id])
        (told, *rows) = await self.database.fetch(
            f"WITH c AS ({asked.looked_at}) SELECT COUNT(*), '', '', '' FROM c"
            f" UNION ALL SELECT * FROM ({asked.sql}{of} LIMIT ?)",
            *asked.values, *values, MOST + 1,
        )  # fmt: skip
        found = [record_of(TermRow, row) for row in rows]
        return found, len(found) > MOST or int(told[0]) >= CANDIDATES

    async def spread(self, term_ids: Sequence[int], sweep_id: str | None) -> dict[int, Spread]:
        """On how many hosts each of these is; what is on none is left out."""
        sweep, values = _of_sweep("s", sweep_id)
        found: dict[int, Spread] = {}
        for piece in _pieces(term_ids):
            rows = await self.database.fetch(
                "SELECT s.term_id, SUM(s.hosts), MAX(s.strength) FROM spread s WHERE s.term_id IN"
                f" ({', '.join('?' * len(piece))}) AND {sweep} GROUP BY s.term_id",
                *piece, *values,
            )  # fmt: skip
            for term_id, hosts, strength in rows:
                found[int(term_id)] = Spread(hosts=int(hosts), strength=int(strength))
        return found

    async def hosts_of_terms(
        self, term_ids: Sequence[int], sweep_id: str | None
    ) -> dict[int, list[TermHost]]:
        """A few hosts of each, at most SHOWN_HOSTS, by sweep and key; of a host with many reports
        the strongest are asked."""
        sweep, values = _of_sweep("o", sweep_id)
        one = (
            f"SELECT * FROM (SELECT {_WHERE} WHERE o.term_id = ? AND {sweep}"
            " ORDER BY o.sweep_id, o.host_key, o.strength DESC, o.report_id"
            f" LIMIT {4 * SHOWN_HOSTS}) AS w"
        )
        rows: list[_Where] = []
        for piece in _pieces(term_ids):
            rows += await self._all(
                _Where,
                " UNION ALL ".join([one] * len(piece)),
                *(value for term_id in piece for value in (term_id, *values)),
            )
        found: dict[int, dict[tuple[str, str], list[_Where]]] = {}
        for row in rows:
            of = found.setdefault(row.term_id, {})
            if len(of) < SHOWN_HOSTS or (row.sweep_id, row.host_key) in of:
                of.setdefault((row.sweep_id, row.host_key), []).append(row)
        shown = [row for of in found.values() for its in of.values() for row in its]
        suppressed = await self._suppressed(shown)
        return {
            term_id: [_host(its, suppressed) for its in of.values()]
            for term_id, of in found.items()
        }

    async def hosts_of_term(
        self, term_id: int, sweep_id: str | None, *, after: tuple[str, str] = ("", "")
    ) -> list[TermHost]:
        """A page of the hosts of one value by sweep and key; ``after``: those of the last row."""
        sweep, values = _of_sweep("o", sweep_id)
        rows = await self._all(
            _Where,
            f"SELECT {_WHERE} WHERE o.term_id = ? AND {sweep}"
            " AND (o.sweep_id > ? OR (o.sweep_id = ? AND o.host_key > ?))"
            " ORDER BY o.sweep_id, o.host_key, o.strength DESC, o.report_id LIMIT ?",
            term_id, *values, after[0], after[0], after[1], 4 * PAGE,
        )  # fmt: skip
        hosts: dict[tuple[str, str], list[_Where]] = {}
        for row in rows:
            hosts.setdefault((row.sweep_id, row.host_key), []).append(row)
        whole = list(hosts.values())
        if len(rows) == 4 * PAGE and len(whole) > 1:
            whole.pop()  # it may have more reports than these
        suppressed = await self._suppressed([row for its in whole[:PAGE] for row in its])
        return [_host(its, suppressed) for its in whole[:PAGE]]

    async def _suppressed(self, rows: Sequence[_Where]) -> set[tuple[str, str]]:
        """Of the findings that these name, those that are: report and finding."""
        named = [
            (row.report_id, one) for row in rows for one in row.finding_ids.split(APART) if one
        ]
        found: set[tuple[str, str]] = set()
        for start in range(0, len(named), 500):
            piece = named[start : start + 500]
            marks = ", ".join(["(?, ?)"] * len(piece))
            told = await self.database.fetch(
                f"WITH v(report_id, finding_id) AS (VALUES {marks})"
                " SELECT f.report_id, f.finding_id FROM v CROSS JOIN finding f"
                " WHERE f.report_id = v.report_id AND f.finding_id = v.finding_id"
                " AND f.suppression_id IS NOT NULL",
                *(value for pair in piece for value in pair),
            )
            found.update((str(report_id), str(finding_id)) for report_id, finding_id in told)
        return found

    async def names_to_report(
        self, text: str, sweep_id: str | None
    ) -> tuple[list[tuple[str, str]], bool]:
        """Sweep and name of expected hosts without a report whose names begin so, and whether there
        are more."""
        found: dict[tuple[str, str], None] = {}
        for low, high in map(prefix, readings(text)):
            sweep, values = _of_sweep("s", sweep_id)
            until, end = (" AND e.name_key < ?", [high]) if high else ("", [])
            for row in await self.database.fetch(
                "SELECT e.sweep_id, e.name FROM sweep s JOIN expected e ON e.sweep_id = s.sweep_id"
                f" WHERE {sweep} AND e.seen = 0 AND e.name_key >= ?{until}"
                f" ORDER BY e.sweep_id, e.name_key LIMIT {MAX_NAMES + 1}",
                *values, low, *end,
            ):  # fmt: skip
                found[str(row[0]), str(row[1])] = None
        return list(found)[:MAX_NAMES], len(found) > MAX_NAMES


class _Where(Struct, frozen=True, kw_only=True):
    """A value in a report."""

    term_id: int
    sweep_id: str
    host_key: str
    report_id: str
    strength: int
    findings: int
    finding_ids: str
    name: str
    state: HostState
    signature: str


_WHERE = (
    "o.term_id, o.sweep_id, o.host_key, o.report_id, o.strength, o.findings, o.finding_ids,"
    f" h.name, h.state, {SAID} AS said FROM occurrence o JOIN host h ON h.sweep_id = o.sweep_id"
    " AND h.host_key = o.host_key"
)


def match_of(folded: str, text: str) -> int:
    """0: it is it; 1: it begins so; 2: it has it in it."""
    return 0 if folded == text else 1 if folded.startswith(text) else 2


def _host(rows: Sequence[_Where], suppressed: set[tuple[str, str]]) -> TermHost:
    """Of one host, by all its reports: a thing that several tell of is one finding."""
    named: dict[str, tuple[str, bool]] = {}
    for row in sorted(rows, key=lambda one: -one.strength):
        for one in filter(None, row.finding_ids.split(APART)):
            aside = (row.report_id, one) in suppressed
            if one not in named or (named[one][1] and not aside):
                named[one] = (row.report_id, aside)
    first = next((one for one, (_, aside) in named.items() if not aside), next(iter(named), ""))
    best = max(rows, key=lambda one: one.strength)
    return TermHost(
        sweep_id=best.sweep_id, host_key=best.host_key, name=best.name, state=best.state,
        signature=best.signature, strength=best.strength,
        findings=max(len(named), *(one.findings for one in rows)),
        suppressed=sum(aside for _, aside in named.values()), named=len(named),
        report_id=named[first][0] if first else "", finding_id=first,
    )  # fmt: skip


def _by_head(kind: Kind, text: str, most: int, *, whole: bool) -> Candidates:
    """For terms that begin so, or are so."""
    if whole:
        return Candidates(
            # written so that SQLite does not put the value into the index's expression
            f"SELECT {_TERM} FROM term t WHERE t.kind = ? AND {_HEAD_OF} = ?"
            " AND t.folded || '' = ? LIMIT ?",
            [kind, text[:_HEAD], text, most],
        )
    low, high = key_range(text[:_HEAD])
    values: list[Value] = [kind, low]
    where = f"t.kind = ? AND {_HEAD_OF} >= ?"
    if high:
        where, values = f"{where} AND {_HEAD_OF} < ?", [*values, high]
    if len(text) > _HEAD:
        where, values = f"{where} AND substr(t.folded, 1, ?) = ?", [*values, len(text), text]
    return Candidates(
        f"SELECT {_TERM} FROM term t WHERE {where} ORDER BY {_HEAD_OF} LIMIT ?", [*values, most]
    )


def _of_sweep(table: str, sweep_id: str | None) -> tuple[str, list[Value]]:
    return ("1 = 1", []) if sweep_id is None else (f"{table}.sweep_id = ?", [sweep_id])


def _pieces(ids: Sequence[int]) -> Iterator[Sequence[int]]:
    for start in range(0, len(ids), 50):
        yield ids[start : start + 50]


__all__ = [
    "MAX_NAMES", "MAX_WAITING", "MOST", "SHOWN_HOSTS", "Asked", "FoundTerms", "Searching",
    "Spread", "TermHost", "TermRow", "match_of",
]  # fmt: skip
