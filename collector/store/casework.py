"""Cases: who works on which host and finding, and what they wrote.

A change names the version that it is made on, and takes effect on that alone: of two people who
change a case at once, the later one is told (:class:`Conflict`) and sees what the earlier wrote.
"""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from typing import Any

from msgspec import Struct, structs

from ..casework import MAX_NOTES, Case, CaseChange, CaseError, CaseKey, CaseNote, nobodys, owner_key
from .database import Row, Statement, Value
from .rows import PAGE, Rows, now_ms

_CASE = "sweep_id, host_key, finding_id, state, owner, tags, notes, version, changed, changed_by"
_NOTE = "number, at, who, text"
_KEY = "sweep_id = ? AND host_key = ? AND finding_id = ?"
MAX_WHO = 200
_NUMBERED_AT_ONCE = 10_000
TAKEN = (
    # by the cases, of which there are fewer than hosts
    "SELECT COUNT(*) FROM casework c JOIN host h ON h.sweep_id = c.sweep_id"
    " AND h.host_key = c.host_key WHERE c.sweep_id = ? AND c.finding_id = ''"
    " AND (c.state <> 'new' OR c.owner_key <> '') AND h.state = 'hit'"
)
"""How many hosts with a hit somebody owns or has looked at."""


class Conflict(Exception):
    """Somebody else changed the case meanwhile; nothing was changed now."""

    def __init__(self, case: Case) -> None:
        super().__init__(f"changed meanwhile by {case.changed_by}")
        self.case = case
        """As it is."""


class CaseFilter(Struct, frozen=True, kw_only=True):
    """Which cases."""

    state: str = ""
    owner: str = ""
    """In any case of letters."""
    nobody: bool = False
    """Only those without an owner."""
    tag: str = ""


EVERY_CASE = CaseFilter()


def hosts_where(sweep_id: str, chosen: CaseFilter) -> tuple[str, list[Value]]:
    """SQL on ``host``, beginning with AND: those whose own case is so. What nobody has touched is
    in no table.

    What is listed does not hang on the host, and is listed once.
    """
    where, values = "", list[Value]()
    mine = "SELECT 1 FROM casework c WHERE c.sweep_id = host.sweep_id"
    mine += " AND c.host_key = host.host_key AND c.finding_id = ''"
    listed = " AND host.host_key IN (SELECT c.host_key FROM casework c WHERE c.sweep_id = ?"
    listed += " AND c.finding_id = ''"
    if chosen.state == "new":
        where += f" AND NOT EXISTS ({mine} AND c.state <> 'new')"
    elif chosen.state:
        where += f"{listed} AND c.state = ?)"
        values += [sweep_id, chosen.state]
    if chosen.nobody:
        where += f" AND NOT EXISTS ({mine} AND c.owner_key <> '')"
    elif chosen.owner:
        where += f"{listed} AND c.owner_key = ?)"
        values += [sweep_id, owner_key(chosen.owner)]
    if chosen.tag:
        where += (
            " AND host.host_key IN (SELECT t.host_key FROM case_tag t"
            " WHERE t.sweep_id = ? AND t.tag = ? AND t.finding_id = '')"
        )
        values += [sweep_id, chosen.tag.casefold()]
    return where, values


def listed_cases(sweep_id: str, chosen: CaseFilter) -> list[tuple[str, list[Value]]]:
    """SQL from FROM on, a row for each host: of each condition whose hosts are listed."""
    own = "FROM casework WHERE sweep_id = ? AND finding_id = ''"
    found: list[tuple[str, list[Value]]] = []
    if chosen.state not in ("", "new"):
        found.append((f"{own} AND state = ?", [sweep_id, chosen.state]))
    if chosen.owner and not chosen.nobody:
        found.append((f"{own} AND owner_key = ?", [sweep_id, owner_key(chosen.owner)]))
    if chosen.tag:
        tagged = "FROM case_tag WHERE sweep_id = ? AND tag = ? AND finding_id = ''"
        found.append((tagged, [sweep_id, chosen.tag.casefold()]))
    return found


class Casework(Rows):
    """What people write down about hosts and findings."""

    async def case(self, key: CaseKey) -> Case:
        """As it stands; whether the host is there is not asked."""
        rows = await self.database.fetch(
            f"SELECT {_CASE} FROM casework WHERE {_KEY}", *_values(key)
        )
        return _case(rows[0]) if rows else nobodys(key)

    async def cases_of_hosts(self, sweep_id: str, host_keys: Sequence[str]) -> dict[str, Case]:
        """The hosts' own, by their keys; without those that nobody has touched."""
        rows = await self._in(
            f"SELECT {_CASE} FROM casework WHERE sweep_id = ? AND finding_id = '' AND host_key",
            host_keys, sweep_id,
        )  # fmt: skip
        return {case.host_key: case for case in map(_case, rows)}

    async def cases_of_findings(
        self, sweep_id: str, host_key: str, finding_ids: Sequence[str]
    ) -> dict[str, Case]:
        """Of findings on a host, by their ids; without those that nobody has touched."""
        rows = await self._in(
            f"SELECT {_CASE} FROM casework WHERE sweep_id = ? AND host_key = ? AND finding_id",
            [one for one in finding_ids if one], sweep_id, host_key,
        )  # fmt: skip
        return {case.finding_id: case for case in map(_case, rows)}

    async def cases_on_hosts(
        self, sweep_id: str, host_keys: Sequence[str]
    ) -> dict[tuple[str, str], Case]:
        """All of findings on these hosts, by host and finding."""
        rows = await self._in(
            f"SELECT {_CASE} FROM casework WHERE sweep_id = ? AND finding_id <> '' AND host_key",
            host_keys, sweep_id,
        )  # fmt: skip
        return {(case.host_key, case.finding_id): case for case in map(_case, rows)}

    async def cases(
        self, sweep_id: str, chosen: CaseFilter = EVERY_CASE, *, after: CaseKey | None = None
    ) -> list[Case]:
        """A page of those that somebody has touched, by host and finding, behind a key."""
        where, values = "c.sweep_id = ?", list[Value]([sweep_id])
        if chosen.state:
            where, values = f"{where} AND c.state = ?", [*values, chosen.state]
        if chosen.nobody:
            where += " AND c.owner_key = ''"
        elif chosen.owner:
            where, values = f"{where} AND c.owner_key = ?", [*values, owner_key(chosen.owner)]
        if chosen.tag:
            where += (
                " AND EXISTS (SELECT 1 FROM case_tag t WHERE t.sweep_id = c.sweep_id"
                " AND t.host_key = c.host_key AND t.finding_id = c.finding_id AND t.tag = ?)"
            )
            values.append(chosen.tag.casefold())
        if after is not None:
            where += " AND c.host_key >= ? AND (c.host_key > ? OR c.finding_id > ?)"
            values += [after.host_key, after.host_key, after.finding_id]
        rows = await self.database.fetch(
            f"SELECT {_CASE} FROM casework c WHERE {where} ORDER BY host_key, finding_id LIMIT ?",
            *values, PAGE,
        )  # fmt: skip
        return [_case(row) for row in rows]

    async def notes(self, key: CaseKey, *, latest: int = MAX_NOTES) -> list[CaseNote]:
        """The latest ones, the earliest of these first."""
        rows = await self._all(
            CaseNote,
            f"SELECT {_NOTE} FROM case_note WHERE {_KEY} ORDER BY number DESC LIMIT ?",
            *_values(key), latest,
        )  # fmt: skip
        return rows[::-1]

    async def change_case(
        self, key: CaseKey, change: CaseChange, *, version: int | None, who: str
    ) -> Case:
        """Change it, made on this version; gives it as it is then. None: whatever the version is,
        which only a note alone may.

        Raises Conflict, CaseError (no version, or no room for another note), StoreError.
        """
        before = await self.case(key)
        if version is None and not change.is_note_alone:
            raise CaseError("The version that the change is made on is needed.")
        if version is not None and version != before.version:
            raise Conflict(before)
        if change.note and before.notes >= MAX_NOTES:
            raise CaseError(f"A case has at most {MAX_NOTES} notes, and this one has them.")
        after = structs.replace(
            before,
            state=before.state if change.state is None else change.state,
            owner=before.owner if change.owner is None else change.owner,
            tags=before.tags if change.tags is None else change.tags,
        )
        closes = after.state == "closed" and before.state != "closed"
        said = _said(before, after, change.note)
        if not said:
            return before
        made = [_begun(key, who=who)] if version in (None, 0) else []
        statements = _changes(
            before, after, change.note, version=version, who=who, said=said,
            closed_after=await self._last_report() if closes else None,
        )  # fmt: skip
        touched = await self.database.transact([*made, *statements])
        now = await self.case(key)
        if not touched[len(made)]:
            if change.note and now.notes >= MAX_NOTES:
                raise CaseError(f"A case has at most {MAX_NOTES} notes, and this one has them.")
            raise Conflict(now)
        return now

    async def _last_report(self) -> int:
        """The number of the last that is committed; whatever is committed later has a greater."""
        await self.database.number(_NUMBERED_AT_ONCE)
        ((seq,),) = await self.database.fetch("SELECT MAX(seq) FROM report")
        return int(seq or 0)

    async def _in(self, sql: str, choice: Sequence[str], *values: Value) -> list[Row]:
        if not choice:
            return []
        return await self.database.fetch(
            f"{sql} IN ({', '.join('?' * len(choice))})", *values, *choice
        )


def _begun(key: CaseKey, *, who: str) -> Statement:
    """The row of one that nobody had touched, for what comes behind."""
    return (
        "INSERT INTO casework (sweep_id, host_key, finding_id, state, owner, owner_key, tags,"
        " notes, version, change_id, changed, changed_by)"
        " VALUES (?, ?, ?, 'new', '', '', '', 0, 0, '', ?, ?)"
        " ON CONFLICT (sweep_id, host_key, finding_id) DO NOTHING",
        [*_values(key), now_ms(), who[:MAX_WHO]],
    )


def _changes(
    before: Case, after: Case, note: str, *, version: int | None, who: str, said: str,
    closed_after: int | None,
) -> list[Statement]:  # fmt: skip
    """The update first. All behind it hang on it, by the id that it alone writes."""
    key, change_id = _values(before.key), str(uuid.uuid4())
    mine = f"FROM casework WHERE {_KEY} AND change_id = ?"
    only: list[Value] = [*key, change_id]
    sets, where = "", f"{_KEY} AND notes + ? <= ?"
    fields: list[Value] = []
    more = int(bool(note))
    given: list[Value] = [*key, more, MAX_NOTES]
    if closed_after is not None:
        sets, fields = "closed_after = ?, ", [closed_after]
    if version is not None:
        sets, where = (
            f"{sets}state = ?, owner = ?, owner_key = ?, tags = ?, ",
            f"{where} AND version = ?",
        )
        fields += [after.state, after.owner, owner_key(after.owner), " ".join(after.tags)]
        given.append(version)
    done: list[Statement] = [
        (
            f"UPDATE casework SET {sets}notes = notes + ?, version = version + 1, change_id = ?,"
            f" changed = ?, changed_by = ? WHERE {where}",
            [*fields, more, change_id, now_ms(), who[:MAX_WHO], *given],
        )
    ]
    if note:
        done.append(
            (
                "INSERT INTO case_note (sweep_id, host_key, finding_id, number, at, who, text)"
                f" SELECT sweep_id, host_key, finding_id, notes, changed, changed_by, ? {mine}",
                [note, *only],
            )
        )
    if after.tags != before.tags:
        done.append(
            (f"DELETE FROM case_tag WHERE {_KEY} AND EXISTS (SELECT 1 {mine})", [*key, *only])
        )
        done += [
            (
                "INSERT INTO case_tag (sweep_id, host_key, finding_id, tag)"
                f" SELECT sweep_id, host_key, finding_id, ? {mine}",
                [tag, *only],
            )
            for tag in after.tags
        ]
    subject = " ".join(one for one in (before.sweep_id, before.host_key, before.finding_id) if one)
    done.append(
        (
            "INSERT INTO audit (audit_id, at, who, action, subject, detail)"
            f" SELECT ?, changed, changed_by, 'case', ?, ? {mine}",
            [str(uuid.uuid4()), subject[:500], said[:2000], *only],
        )
    )
    return done


def _said(before: Case, after: Case, note: str) -> str:
    """What is different, for the audit log; empty: nothing."""
    pairs = (
        ("state", before.state, after.state),
        ("owner", before.owner, after.owner),
        ("tags", " ".join(before.tags), " ".join(after.tags)),
    )
    said = [f"{what} {old or 'none'} to {new or 'none'}" for what, old, new in pairs if old != new]
    return "; ".join([*said, *([f"note: {note}"] if note else [])])


def _values(key: CaseKey) -> list[Value]:
    return [key.sweep_id, key.host_key, key.finding_id]


def _case(row: Sequence[Any]) -> Case:
    fields = dict(zip(_CASE.split(", "), row, strict=True))
    return Case(**{**fields, "tags": tuple(str(fields["tags"]).split())})


__all__ = [
    "EVERY_CASE",
    "TAKEN",
    "CaseFilter",
    "Casework",
    "Conflict",
    "hosts_where",
    "listed_cases",
]
