"""What passes between the collector's parts: one type per hand-over.

Times are whole milliseconds since 1970-01-01 UTC, as both databases keep them.
"""

from __future__ import annotations

from typing import Literal

from msgspec import Struct

HostState = Literal["hit", "failed", "incomplete", "clean"]
"""Of a host that has reported. ``failed``: its sweep was cut off before it had asked all."""

STATES: tuple[HostState, ...] = ("hit", "failed", "incomplete", "clean")
"""Worst first."""


class NewReport(Struct, frozen=True, kw_only=True, array_like=True):
    """A checked report on its way into the store."""

    report_id: str
    sweep_id: str
    """Of the token that brought it."""
    host_key: str
    """``HOSTID|name``: cloned machines share an id, renamed ones a name; see :func:`host_key`."""
    host_id: str
    name: str
    fqdn: str
    domain: str
    os: str
    ip: str
    """Comma-separated."""
    agent: str
    """Version, build and form."""
    hit: bool
    base: HostState
    """What the report says hits aside: clean, incomplete or failed."""
    reasons: str
    """Why it is incomplete, for a table's cell; empty when it is not."""
    strong: int
    """Findings that are strong or confirmed."""
    weak: int
    excluded: int
    started: int
    finished: int
    received: int
    source: str
    """Address that it came from."""
    digest: bytes
    """SHA-256 of the JSON: the same report compressed twice is the same report."""
    size: int
    """Bytes of JSON."""
    body: bytes
    """The gzip body as it came: evidence."""
    schema: str
    """That it was made in."""
    whole_host: bool
    """Whether nothing limited what was asked of the host."""


PutResult = Literal["new", "known", "conflict"]
"""Kept now; had it already; another report of that id is kept, and this one was not."""


class Token(Struct, frozen=True, kw_only=True):
    """A token as the store has it: never the secret itself."""

    digest: bytes
    """SHA-256 of the secret."""
    kind: Literal["sweep", "reader"]
    sweep_id: str | None
    label: str
    created: int
    expires: int | None
    revoked: int | None

    def valid(self, now: int) -> bool:
        """Whether it opens anything now."""
        return self.revoked is None and (self.expires is None or now < self.expires)


class Sweep(Struct, frozen=True, kw_only=True):
    """One question to a fleet."""

    sweep_id: str
    title: str
    pack: str
    created: int
    deadline: int | None


class Counts(Struct, frozen=True, kw_only=True):
    """The five counters, and what they are of."""

    clean: int = 0
    hit: int = 0
    incomplete: int = 0
    failed: int = 0
    not_reported: int = 0
    """Expected hosts without a report."""
    expected: int = 0
    unexpected: int = 0
    """Hosts that reported and were not on the list (0 without a list)."""
    suppressed: int = 0
    """Hosts whose hits are all suppressed; counted above by what else they say."""
    flagged: int = 0
    """Hosts with two senders, or an id that two names share."""
    limited: int = 0
    """Clean hosts that were asked about a part of them only; counted above as clean."""
    reports: int = 0
    last_received: int | None = None

    @property
    def reported(self) -> int:
        """Hosts that answered."""
        return self.clean + self.hit + self.incomplete + self.failed


class HostRow(Struct, frozen=True, kw_only=True):
    """One host of one sweep."""

    sweep_id: str
    host_key: str
    host_id: str
    name: str
    fqdn: str
    domain: str
    os: str
    ip: str
    agent: str
    state: HostState
    """The worst that is not suppressed: a later clean report never hides a hit."""
    hit: bool
    suppressed: bool
    reasons: str
    strong: int
    weak: int
    reports: int
    report_id: str
    """The report that the state is from."""
    first_received: int
    last_received: int
    finished: int
    sources: str
    """Addresses that its reports came from, space-separated."""
    flagged: bool
    limited: bool
    """Whether no report asked about the whole host."""


class ReportRow(Struct, frozen=True, kw_only=True):
    """One report without its body."""

    report_id: str
    sweep_id: str
    host_key: str
    name: str
    state: HostState
    strong: int
    weak: int
    excluded: int
    started: int
    finished: int
    received: int
    source: str
    size: int
    schema: str
    whole_host: bool | None
    """None: kept by an earlier collector, and cannot be read again."""


class IndicatorRow(Struct, frozen=True, kw_only=True):
    """One indicator of a sweep's findings: "seen on N hosts"."""

    indicator_id: str
    indicator_type: str
    indicator_value: str
    pack: str
    strength: str
    """The strongest."""
    hosts: int
    findings: int
    suppressed: int
    """Findings of it that are suppressed."""
    first_time: int
    last_time: int


class FindingRow(Struct, frozen=True, kw_only=True):
    """One finding, for lists; the whole one is in the report."""

    finding_id: str
    report_id: str
    sweep_id: str
    host_key: str
    name: str
    indicator_id: str
    indicator_type: str
    indicator_value: str
    pack: str
    strength: str
    score: int
    title: str
    time: int
    """When the sweep found it."""
    suppression_id: str | None
    first_seen: int | None
    last_seen: int | None
    claims: str
    """What its sightings say of it, comma-separated; empty for reports of version 1."""
    place: str
    """Where the strongest sighting was; this and what follows are parts of it."""
    path: str
    record: str
    view: str
    owner: str


class Suppression(Struct, frozen=True, kw_only=True):
    """Findings set aside by a person, with the reason."""

    suppression_id: str
    sweep_id: str
    indicator_id: str
    host_key: str | None
    """None: on every host."""
    reason: str
    who: str
    created: int
    lifted: int | None


class AuditRow(Struct, frozen=True, kw_only=True):
    """Who did what, when."""

    at: int
    who: str
    action: str
    subject: str
    detail: str


def host_key(host_id: str, name: str) -> str:
    """What makes a host one row. The bar stands once: no id can hold another's name."""
    return f"{host_id.casefold().replace('%', '%25').replace('|', '%7c')}|{name.casefold()}"
