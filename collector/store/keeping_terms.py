"""Values that can be searched for, as they are kept: each once (``term``), which host's report has
it (``occurrence``), and on how many hosts of a sweep it is (``spread``).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from msgspec import Struct

from ..terms import Term
from .database import Statement, Value
from .rows import Rows

LEFTOVERS = 500
"""Terms that are looked at in one go for whether anything has them still."""
_ROWS = 100
"""Per INSERT."""
APART = "\n"
"""Between ids; stands in none, where it would be an escape."""


class Unsearched(Struct, frozen=True, kw_only=True):
    """A report whose values are not kept yet."""

    seq: int
    report_id: str
    source: str
    packed: int
    """Bytes of its body."""


class KeepingTerms(Rows):
    """Keeps values, and removes those that nothing has."""

    async def unsearched(self, limit: int) -> list[Unsearched]:
        """The next reports in the order of their commit."""
        await self.database.number(limit)
        return await self._all(
            Unsearched,
            "SELECT seq, report_id, source, LENGTH(body) FROM report WHERE seq >"
            " (SELECT place FROM searching WHERE name = 'reports') ORDER BY seq LIMIT ?",
            limit,
        )

    async def bodies(self, report_ids: Sequence[str]) -> dict[str, bytes]:
        """Of those that are there, as they came."""
        rows = await self.database.fetch(
            "SELECT report_id, body FROM report WHERE report_id IN"
            f" ({', '.join('?' * len(report_ids))})",
            *report_ids,
        )
        return {str(report_id): bytes(body) for report_id, body in rows}

    async def make_searchable(
        self,
        reports: Sequence[tuple[str, Sequence[Term], int]],
        unread: Sequence[tuple[str, str]] = (),
        *,
        up_to: int,
    ) -> None:
        """Keep the terms of reports (id, terms, how many were left out), up to this number, and why
        others could not be read; safe to repeat. Those of a report that has gone meanwhile are not
        kept."""
        terms = {term.digest: term for _, every, _ in reports for term in every}
        statements = [*_terms(terms.values()), *_occurrences(reports)]
        statements += [
            _cut(report_id, f"{left_out:,} values more than are kept")
            for report_id, _, left_out in reports
            if left_out
        ]
        statements += [_cut(report_id, why) for report_id, why in unread]
        await self.database.transact([*statements, _moved("reports", up_to)])

    async def drop_leftovers(self) -> bool:
        """Remove terms that nothing has any more, a few at a time; whether there may be more."""
        ((place, last),) = await self.database.fetch(
            "SELECT place, (SELECT MAX(term_id) FROM (SELECT term_id FROM term WHERE term_id >"
            " s.place ORDER BY term_id LIMIT ?) AS few) FROM searching s WHERE name = 'leftovers'",
            LEFTOVERS,
        )
        if int(place) < 0:
            return False
        if last is None:
            await self.database.transact(
                [
                    (
                        "UPDATE searching SET place = -1 WHERE name = 'leftovers' AND place = ?",
                        (int(place),),
                    )
                ]
            )
            return False
        await self.database.transact(
            [
                (
                    "DELETE FROM term WHERE term_id > ? AND term_id <= ? AND NOT EXISTS"
                    " (SELECT 1 FROM spread s WHERE s.term_id = term.term_id)",
                    (int(place), int(last)),
                ),
                (  # a sweep that goes meanwhile begins again
                    "UPDATE searching SET place = ? WHERE name = 'leftovers' AND place = ?",
                    (int(last), int(place)),
                ),
            ]
        )
        return True


def _terms(terms: Iterable[Term]) -> Iterator[Statement]:
    rows = list(terms)
    for start in range(0, len(rows), _ROWS):
        piece = rows[start : start + _ROWS]
        yield (
            "INSERT INTO term (digest, kind, value, folded) VALUES"
            f" {', '.join(['(?, ?, ?, ?)'] * len(piece))} ON CONFLICT (digest) DO NOTHING",
            [value for one in piece for value in (one.digest, one.kind, one.value, one.folded)],
        )


def _occurrences(reports: Sequence[tuple[str, Sequence[Term], int]]) -> Iterator[Statement]:
    rows = [(report_id, term) for report_id, terms, _ in reports for term in terms]
    for start in range(0, len(rows), _ROWS):
        piece = rows[start : start + _ROWS]
        marks = ", ".join(["(?, ?, ?, CAST(? AS BIGINT), CAST(? AS BIGINT), ?)"] * len(piece))
        given = (
            "WITH v(of_report, digest, report_id, strength, findings, finding_ids) AS"
            f" (VALUES {marks})"
        )
        values: list[Value] = [
            value
            for report_id, one in piece
            for value in (
                report_id, one.digest, report_id if one.findings else "", one.strength,
                one.findings, APART.join(one.finding_ids),
            )
        ]  # fmt: skip
        yield f"{given} {_COUNT}", values  # first: hosts that have it already are not counted
        yield f"{given} {_PLACE}", values


_JOINED = (
    "FROM v CROSS JOIN report r CROSS JOIN term t"
    " WHERE r.report_id = v.of_report AND t.digest = v.digest"
)
_COUNT = (
    "INSERT INTO spread (term_id, sweep_id, hosts, strength) SELECT t.term_id, r.sweep_id,"
    " COUNT(DISTINCT CASE WHEN NOT EXISTS (SELECT 1 FROM occurrence o WHERE"
    " o.term_id = t.term_id AND o.sweep_id = r.sweep_id AND o.host_key = r.host_key)"
    f" THEN r.host_key END), MAX(v.strength) {_JOINED} GROUP BY t.term_id, r.sweep_id"
    " ON CONFLICT (term_id, sweep_id) DO UPDATE SET hosts = spread.hosts + excluded.hosts,"
    " strength = CASE WHEN excluded.strength > spread.strength THEN excluded.strength"
    " ELSE spread.strength END"
)
_PLACE = (
    "INSERT INTO occurrence (term_id, sweep_id, host_key, report_id, strength, findings,"
    " finding_ids) SELECT t.term_id, r.sweep_id, r.host_key, v.report_id, v.strength, v.findings,"
    f" v.finding_ids {_JOINED}"
    " ON CONFLICT (term_id, sweep_id, host_key, report_id) DO NOTHING"
)


def _cut(report_id: str, why: str) -> Statement:
    return (
        "INSERT INTO unsearchable (report_id, sweep_id, reason) SELECT r.report_id, r.sweep_id,"
        " CAST(? AS TEXT) FROM report r WHERE r.report_id = ?"
        " ON CONFLICT (report_id) DO NOTHING",
        (why, report_id),
    )


def _moved(name: str, place: int) -> Statement:
    return ("UPDATE searching SET place = ? WHERE name = ? AND place < ?", (place, name, place))


__all__ = ["APART", "KeepingTerms", "Unsearched"]
