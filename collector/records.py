"""What passes between the collector's parts: one type per hand-over.

Times are whole milliseconds since 1970-01-01 UTC, as both databases keep them.
"""

from __future__ import annotations

from typing import Literal

from msgspec import Struct

HostState = Literal["hit", "failed", "incomplete", "limited", "clean"]
"""Of a host that has reported. ``failed``: its sweep was cut off before it had asked all;
``limited``: it is clean by what it was asked, and that is not what the sweep asks for."""

STATES: tuple[HostState, ...] = ("hit", "failed", "incomplete", "limited", "clean")
"""Worst first."""

Base = Literal["failed", "incomplete", "clean"]
"""What one report says, hits aside."""

LimitKind = Literal["pack", "pack version", "scope", "sources", "age", "sweep id", "schema", "kind",
                    "signature"]  # fmt: skip


class Limit(Struct, frozen=True, array_like=True):
    """One way in which a report is not what its sweep asks for."""

    what: LimitKind
    seen: str
    asked: str


class Question(Struct, frozen=True, kw_only=True, array_like=True):
    """What a report says that it was asked: all that a demand is held against, but its time. Most
    reports of a fleet say the same."""

    packs: tuple[tuple[str, str, str, int], ...] = ()
    """Id, version, SHA-256 and number of indicators."""
    sources: tuple[str, ...] = ()
    """Those that its own verdict hangs on, and others that were complete and had something."""
    scope: str = ""
    """What limited it; empty: nothing did, or it does not say."""
    since: int | None = None
    """Milliseconds UTC before which nothing counts for its verdict."""
    sweep_id: str = ""
    """That it names itself; empty: none."""
    kind: str = ""
    """Of its target: ``live``, ``folder`` …"""


class Demand(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What counts as an answer to a sweep. A report that is less is kept, and is *limited*: its
    findings count, its ``clean`` does not.

    Without a pack nothing is clean, unless ``any_pack`` says that somebody decided so: "clean" is
    taken for "none of this campaign's traces", which a sweep that never named the campaign cannot
    say. The pack of its first report is proposed, and counts once it is accepted.
    """

    pack: str = ""
    """Its id; empty: none is pinned."""
    pack_version: str = ""
    """The least; empty: any."""
    pack_sha256: str = ""
    """Of its file, which alone counts then; empty: any."""
    any_pack: bool = False
    """Whether reports count whatever their packs are."""
    indicators: int = 1
    """That the pack has at least (or all packs together, if any counts)."""
    whole_host: bool = True
    """Whether nothing may have limited the question: no paths, no ``--only``."""
    all_time: bool = True
    """Whether the verdict must be about all that was there: no ``--since``."""
    sources: tuple[str, ...] = ()
    """That must have been asked."""
    after: int | None = None
    """Milliseconds UTC before which it must not have begun; see ``judging.SKEW_MS``."""
    sweep_id: str | None = None
    """That it must name, if it names any; None: any."""
    kinds: tuple[str, ...] = ()
    """Of target, any of them; empty: all."""
    signed: bool = False
    """Whether it must be as a key of the sweep signed it."""


NOTHING_ASKED = Demand(any_pack=True, indicators=0, all_time=False)
"""Of the sweeps of earlier collectors, which knew of reports only whether they were asked about the
whole host."""
EVERY_LIVE = ("processes", "modules", "connections", "files")
"""Sources that every sweep of a running host asks, whatever its system."""


class NewReport(Struct, frozen=True, kw_only=True, array_like=True, gc=False):
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
    base: Base
    """What the report says, hits aside."""
    reasons: str
    """Why it is incomplete, for a table's cell; empty when it is not."""
    strong: int
    """Findings that are strong or confirmed."""
    weak: int
    excluded: int
    started: int
    """By the host's clock, and never after it was received."""
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
    question: bytes = b""
    """As :func:`collector.judging.packed_question`; empty: it says nothing."""
    users: str = ""
    """Whoever has to do with what makes it a hit, comma-separated."""
    elevated: int | None = None
    """Whether it had administrator rights; None: it does not say."""
    kind: str = ""
    """Of its target: ``live``, ``folder`` …"""
    worth: str = ""
    """As :func:`collector.worth.worth_of`."""
    signature: str = ""
    """As :func:`collector.signatures.kept`."""


PutResult = Literal["new", "known", "conflict"]
"""Kept now; had it already; another report of that id is kept, and this one was not."""


ROLES = ("reader", "analyst", "administrator")
"""Sees; and suppresses; and administers. Each may what those before it may."""


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
    role: str = ""
    """What a reader's token may do besides: one of :data:`ROLES`; empty of a sweep's."""

    def valid(self, now: int) -> bool:
        """Whether it opens anything now."""
        return self.revoked is None and (self.expires is None or now < self.expires)

    def may(self, role: str) -> bool:
        """Whether its role is this one or more."""
        return self.role in ROLES and ROLES.index(self.role) >= ROLES.index(role)


class Sweep(Struct, frozen=True, kw_only=True):
    """One question to a fleet."""

    sweep_id: str
    title: str
    pack: str
    created: int
    deadline: int | None
    demand: Demand = NOTHING_ASKED
    demanded: int = 0
    """How often that was changed."""
    judged: int = 0
    """By which of these all its reports are judged: while it is less, some are not yet again."""


class Counts(Struct, frozen=True, kw_only=True):
    """The six counters, and what they are of: no host is in two of them."""

    clean: int = 0
    hit: int = 0
    incomplete: int = 0
    failed: int = 0
    limited: int = 0
    """Hosts that are clean by reports alone that are not what was asked for."""
    not_reported: int = 0
    """Expected hosts without a report."""
    owing: int = 0
    """Expected hosts with limited reports only: counted above by what these say, and still on the
    list of those who have not answered."""
    expected: int = 0
    unexpected: int = 0
    """Hosts that reported and were not on the list (0 without a list)."""
    beside: dict[str, int] = {}
    """Of those, by state; counted above as well."""
    suppressed: int = 0
    """Hosts whose hits are all suppressed; counted above by what else they say."""
    suppressed_findings: int = 0
    """Findings that are suppressed, once per host, weak ones included."""
    flagged: int = 0
    """Hosts with two senders, or an id that two names share."""
    turned: int = 0
    """Hosts that said clean after a hit or a gap."""
    taken: int = 0
    """Hosts with a hit that somebody owns, or has looked at."""
    reports: int = 0
    last_received: int | None = None

    @property
    def reported(self) -> int:
        """Hosts that answered."""
        return self.clean + self.hit + self.incomplete + self.failed + self.limited

    def on_the_list(self, state: HostState) -> int:
        """Hosts of this state that were expected; all of them without a list."""
        return int(getattr(self, state)) - self.beside.get(state, 0)

    @property
    def unowned(self) -> int:
        """Hosts with a hit that are new and owned by nobody."""
        return max(self.hit - self.taken, 0)

    @property
    def whole(self) -> int:
        """What shares are of: the expected hosts, or without a list those that reported."""
        return sum(self.on_the_list(state) for state in STATES) + self.not_reported


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
    """Whether no report is what the sweep asks for."""
    limits: tuple[Limit, ...]
    """Of the report that counts, hits aside."""
    hit_limits: tuple[Limit, ...]
    """Of the report that the hit is from: by which it was found without being asked for."""
    trouble: int | None
    """When the first report ended that has a hit or a gap."""
    cleared: int | None
    """When the last report ended that is clean."""
    first_hit: int | None = None
    """Since when it is a hit, anew after all of it was suppressed; None while it is none."""
    users: str = ""
    """Whoever has to do with the hit, comma-separated."""
    elevated: bool | None = None
    """Whether the report that counts, hits aside, had administrator rights; None: not known."""
    kind: str = ""
    """Of its target: ``live``, ``folder`` …"""
    worth: str = ""
    """What its clean rests on: :func:`collector.worth.unpacked_worth`."""
    strongest: int = 0
    """The rank (:data:`RANKS`) of the strongest finding that is listed and not suppressed."""
    best: str = ""
    """Which that is: :attr:`strongest_finding`."""
    first_trace: int | None = None
    """The earliest time that a strong or confirmed finding tells of itself, and the latest."""
    last_trace: int | None = None
    first_any: int | None = None
    """The same with weak ones."""
    last_any: int | None = None
    signature: str = ""
    """Of the report that counts, hits aside, as :func:`collector.signatures.kept`."""
    hit_signature: str = ""
    """Of the report that the hit is from; empty: it is none."""

    @property
    def said_signature(self) -> str:
        """Of the report that the state is from."""
        return self.hit_signature if self.state == "hit" else self.signature

    @property
    def strongest_finding(self) -> tuple[str, str] | None:
        """The ids of the finding and of its report; None: none is listed."""
        _, finding_id, report_id = [*self.best.split("\n", 2), "", ""][:3]
        return (finding_id, report_id) if report_id else None

    @property
    def turned(self) -> bool:
        """Whether it said clean after a hit or a gap: a second sweep, or a false report."""
        if self.trouble is None or self.cleared is None:
            return False
        return self.cleared > self.trouble


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
    limits: tuple[Limit, ...]
    """In what it is not what the sweep asks for."""
    signature: str = ""
    """As :func:`collector.signatures.kept`."""

    @property
    def counted_as(self) -> HostState:
        """What it is worth to its sweep."""
        return "limited" if self.limits and self.state == "clean" else self.state


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


class FindingRow(Struct, frozen=True, kw_only=True, gc=False):
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
    object_path: str = ""
    """Of the thing that was found, wherever it was seen; empty: it has none."""
    object_hash: str = ""
    """Of its content: SHA-256, else SHA-1, else MD5, in lower case."""


RANKS = {"excluded": 0, "weak": 1, "strong": 2, "confirmed": 3}
"""Of strengths, for comparing."""


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
