"""Who is on it: the case of a host or of one finding, as a page, as forms, and for programs."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime, timezone
from typing import Annotated
from urllib.parse import quote

from msgspec import Meta, Struct
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from agent.output.escape import shown

from ..casework import (
    CASE_STATES,
    MAX_NOTE,
    MAX_OWNER,
    MAX_TAG,
    MAX_TAGS,
    Case,
    CaseChange,
    CaseError,
    CaseKey,
    CaseNote,
    CaseState,
    checked_change,
    nobodys,
    tags_of,
)
from ..records import HostRow, Sweep
from ..store.casework import CaseFilter, Conflict
from ..store.store import PAGE
from .session import Reader
from .site import HEADERS, MAX_ID, Fields, Refused, Site, asked, link, not_found

LATEST = 5
"""Notes that stand on the page of a host."""
_Tag = Annotated[str, Meta(max_length=MAX_TAG)]


class NoteView(Struct, frozen=True, kw_only=True):
    """What somebody wrote."""

    number: int
    at: datetime
    who: str
    text: str


class CaseLine(Struct, frozen=True, kw_only=True):
    """A case without its notes."""

    host_key: str
    finding_id: str
    """Empty: the case of the host itself."""
    state: CaseState
    owner: str
    """Empty: nobody's."""
    tags: list[str]
    notes: int
    version: int
    """To be named when it is changed; 0: nobody has touched it."""
    changed: datetime | None
    changed_by: str


class CaseList(Struct, frozen=True, kw_only=True):
    """``/sweeps/{sweep_id}/cases.json``: those that somebody has touched."""

    cases: list[CaseLine]
    follow: str
    """The address of the next page; empty: these are the last."""


class CaseView(Struct, frozen=True, kw_only=True):
    """``/sweeps/{sweep_id}/case.json``."""

    host: str
    case: CaseLine
    notes: list[NoteView]
    """All of them, the earliest first."""


class CaseRequest(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What is to be different. What is not given stays as it is."""

    version: Annotated[int, Meta(ge=0)] | None = None
    """That the change is made on. Needed but for a note alone, which overwrites nothing."""
    state: CaseState | None = None
    owner: Annotated[str, Meta(max_length=MAX_OWNER)] | None = None
    tags: Annotated[list[_Tag], Meta(max_length=MAX_TAGS)] | None = None
    note: Annotated[str, Meta(max_length=MAX_NOTE)] = ""
    """To be added."""


class CaseConflict(Struct, frozen=True, kw_only=True):
    """Nothing was changed: somebody else has changed it since that version."""

    error: str
    current: CaseView
    """As it is now."""


def case_filter(request: Request, state: str = "case") -> CaseFilter:
    """What the query asks for; what is no state is no filter."""
    return CaseFilter(
        state=next((one for one in CASE_STATES if one == asked(request, state)), ""),
        owner=asked(request, "owner", MAX_OWNER).strip(),
        nobody=asked(request, "nobody") == "1",
        tag=asked(request, "tag", MAX_TAG).strip(),
    )


def case_query(chosen: CaseFilter) -> dict[str, str]:
    """The same as parameters of an address."""
    return {
        "case": chosen.state, "owner": chosen.owner, "tag": chosen.tag,
        **({"nobody": "1"} if chosen.nobody else {}),
    }  # fmt: skip


def case_words(chosen: CaseFilter) -> list[str]:
    """``whose case is new``, ``owned by nobody`` …"""
    return [
        *([f"whose case is {chosen.state}"] if chosen.state else []),
        *(["owned by nobody"] if chosen.nobody else []),
        *([f"owned by {chosen.owner}"] if chosen.owner and not chosen.nobody else []),
        *([f"tagged {chosen.tag}"] if chosen.tag else []),
    ]


def case_of(
    sweep_id: str, host_key: str, cases: Mapping[tuple[str, str], Case]
) -> Callable[[str], Case]:
    """Gives the case of each finding of a host, by its id."""
    return lambda finding_id: (
        cases.get((host_key, finding_id)) or nobodys(CaseKey(sweep_id, host_key, finding_id))
    )


class CasePages:
    """``/sweeps/{sweep_id}/case`` with ``?host=`` and, of one finding, ``&finding=``."""

    def __init__(self, site: Site) -> None:
        self._site = site

    async def page(self, request: Request, reader: Reader) -> Response:
        """The case with all its notes."""
        sweep = await self._site.sweep(request, reader)
        host, key = await self._of(sweep, asked(request, "host"), asked(request, "finding"))
        return await self._shown(sweep, reader, host, key)

    async def change(self, request: Request, reader: Reader, fields: Fields) -> Response:
        """What a form says; a page that says why not, with what was written, otherwise."""
        sweep = await self._site.sweep(request, reader)
        host, key = await self._of(sweep, fields.get("host", ""), fields.get("finding", ""))
        try:
            change, version = _asked_of(fields, reader), _version(fields)
            await self._site.store.change_case(key, change, version=version, who=reader.who)
        except CaseError as error:
            return await self._shown(sweep, reader, host, key, fields, str(error), 400)
        except Conflict as conflict:
            return await self._shown(sweep, reader, host, key, fields, _told(conflict.case), 409)
        self._site.counters.forget(sweep.sweep_id)
        back = fields.get("back", "")
        if back and len(back) <= MAX_ID:
            there = f"{link('reports', back)}#f-{quote(key.finding_id, safe='', errors='replace')}"
        else:
            there = link("sweeps", sweep.sweep_id, "hosts", key.host_key, done="case") + "#case"
        return RedirectResponse(there, 303, HEADERS)

    async def data(self, request: Request, reader: Reader) -> CaseView:
        """For programs."""
        sweep = await self._site.sweep(request, reader)
        host, key = await self._of(sweep, asked(request, "host"), asked(request, "finding"))
        return await self._view(host, await self._site.store.case(key))

    async def take(
        self, request: Request, reader: Reader, wanted: CaseRequest
    ) -> tuple[Struct, int]:
        """The same as the form, from a program: the case as it is then, or what hinders it."""
        sweep = await self._site.sweep(request, reader)
        host, key = await self._of(sweep, asked(request, "host"), asked(request, "finding"))
        try:
            change = checked_change(
                state=wanted.state, owner=wanted.owner, tags=wanted.tags, note=wanted.note
            )
            case = await self._site.store.change_case(
                key, change, version=wanted.version, who=reader.who
            )
        except CaseError as error:
            raise Refused(400, str(error)) from error
        except Conflict as conflict:
            now = await self._view(host, conflict.case)
            return CaseConflict(error=_told(conflict.case), current=now), 409
        self._site.counters.forget(sweep.sweep_id)
        return await self._view(host, case), 200

    async def list(self, request: Request, reader: Reader) -> CaseList:
        """A page of cases, of hosts and of findings."""
        sweep = await self._site.sweep(request, reader)
        chosen = case_filter(request, "state")
        host_key, finding_id = asked(request, "after"), asked(request, "finding")
        after = CaseKey(sweep.sweep_id, host_key, finding_id) if host_key else None
        rows = await self._site.store.cases(sweep.sweep_id, chosen, after=after)
        follow = ""
        if len(rows) == PAGE:
            query = case_query(chosen)
            query["state"] = query.pop("case")
            follow = link(
                "sweeps", sweep.sweep_id, "cases.json", **query, after=rows[-1].host_key,
                finding=rows[-1].finding_id,
            )  # fmt: skip
        return CaseList(cases=[_line(one) for one in rows], follow=follow)

    async def _of(self, sweep: Sweep, host_key: str, finding_id: str) -> tuple[HostRow, CaseKey]:
        """Of what is there. Raises Refused."""
        if not host_key or max(len(host_key), len(finding_id)) > MAX_ID:
            raise not_found("host")
        host = await self._site.store.host(sweep.sweep_id, host_key)
        if host is None:
            raise not_found("host")
        if finding_id:
            found = await self._site.store.worst_told(sweep.sweep_id, host_key, finding_id)
            if found is None:
                raise not_found("finding")
        return host, CaseKey(sweep.sweep_id, host_key, finding_id)

    async def _view(self, host: HostRow, case: Case) -> CaseView:
        notes = await self._site.store.notes(case.key)
        return CaseView(host=host.name, case=_line(case), notes=[_note(one) for one in notes])

    async def _shown(
        self,
        sweep: Sweep,
        reader: Reader,
        host: HostRow,
        key: CaseKey,
        fields: Fields | None = None,
        told: str = "",
        status: int = 200,
    ) -> Response:
        store, fields = self._site.store, fields or {}
        finding = None
        if key.finding_id:
            finding = await store.worst_told(sweep.sweep_id, key.host_key, key.finding_id)
        return self._site.html(
            "case_page.html",
            status=status,
            reader=reader,
            sweep=sweep,
            host=host,
            finding=finding,
            case=await store.case(key),
            notes=await store.notes(key),
            told=told,
            wanted={name: fields[name] for name in ("state", "owner", "tags") if name in fields},
            note=fields.get("note", ""),
            back=fields.get("back", "")[:MAX_ID],
        )


def _asked_of(fields: Fields, reader: Reader) -> CaseChange:
    """Raises CaseError."""
    owner = fields.get("owner")
    if fields.get("take"):
        owner = shown(reader.who)[:MAX_OWNER]
    tags = fields.get("tags")
    if tags is not None and len(tags) > MAX_TAGS * (MAX_TAG + 2):
        raise CaseError(f"A case has at most {MAX_TAGS} tags of {MAX_TAG} characters.")
    return checked_change(
        state=fields.get("state"),
        owner=owner,
        tags=None if tags is None else tags_of(tags),
        note=fields.get("note", ""),
    )


def _version(fields: Fields) -> int:
    """Raises CaseError."""
    text = fields.get("version", "")
    if not (text.isascii() and text.isdigit() and len(text) <= 9):
        raise CaseError("The form does not say which version it is of. Reload the page.")
    return int(text)


def _told(case: Case) -> str:
    return (
        f"Nothing was changed: {case.changed_by or 'somebody'} has changed this case meanwhile."
        " It is shown as it is now."
    )


def _moment(at: int) -> datetime:
    return datetime.fromtimestamp(at / 1000, timezone.utc)


def _line(case: Case) -> CaseLine:
    return CaseLine(
        host_key=case.host_key, finding_id=case.finding_id, state=case.state, owner=case.owner,
        tags=[*case.tags], notes=case.notes, version=case.version,
        changed=None if case.changed is None else _moment(case.changed),
        changed_by=case.changed_by,
    )  # fmt: skip


def _note(note: CaseNote) -> NoteView:
    return NoteView(number=note.number, at=_moment(note.at), who=note.who, text=note.text)


__all__ = [
    "LATEST", "CaseConflict", "CaseList", "CasePages", "CaseRequest", "CaseView", "case_filter",
    "case_of", "case_query", "case_words",
]  # fmt: skip
