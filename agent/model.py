"""The report and all that it is made of, defined once.

The JSON report, its JSON Schema, the collector's validation and every exporter come from these
structs. No I/O. Leaf names are ECS field names, so that every mapping to another schema is a table.
All times are UTC, all sizes bytes, all hashes lower-case hexadecimal.
"""

from __future__ import annotations

from datetime import datetime
from enum import Enum
from typing import Annotated, Any, Final, Literal, NewType

from msgspec import Meta, Struct

SCHEMA: Final = "iocsweep.report/1"
BUILT_IN: Final = "built in"
"""The origin of what comes inside the program."""
INTERRUPTED: Final = "sweep was interrupted"
"""The reason that the coverage of a sweep gives which was cut off."""
MAX_SAMPLES = 5
"""How many examples a coverage reason carries."""

IndicatorId = NewType("IndicatorId", str)
Count = Annotated[int, Meta(ge=0)]
Score = Annotated[int, Meta(ge=0, le=100)]


class Strength(str, Enum):
    """How much a finding proves; see DESIGN, "The words"."""

    CONFIRMED = "confirmed"
    STRONG = "strong"
    WEAK = "weak"
    EXCLUDED = "excluded"

    @property
    def rank(self) -> int:
        """Higher proves more: excluded 0, weak 1, strong 2, confirmed 3."""
        return _RANK[self]


_RANK = {
    Strength.EXCLUDED: 0,
    Strength.WEAK: 1,
    Strength.STRONG: 2,
    Strength.CONFIRMED: 3,
}


class State(str, Enum):
    """How much of a source was looked at."""

    COMPLETE = "complete"
    PARTIAL = "partial"
    UNAVAILABLE = "unavailable"
    SKIPPED = "skipped"


class Verdict(str, Enum):
    """What the sweep says of the target."""

    HIT = "hit"
    CLEAN = "clean"
    INCOMPLETE = "incomplete"


class TargetKind(str, Enum):
    """Where the evidence lies."""

    LIVE = "live"
    FOLDER = "folder"
    IMAGE = "image"
    COLLECTION = "collection"


class _Part(Struct, omit_defaults=True, forbid_unknown_fields=True, kw_only=True):
    """A part of the report; fields left at their default are left out of the JSON."""


class Agent(_Part, kw_only=True):
    """The program that swept."""

    version: str
    build: str
    """``source``, ``wine-test`` or ``release``."""
    form: str = "source"
    """``one-file``, ``one-dir`` or ``source``."""
    sha256: str | None = None
    """Of the exe; absent when run from source."""


class Os(_Part, kw_only=True):
    """The operating system of the host."""

    name: str
    version: str = ""
    platform: str = ""
    """``windows``, ``linux`` …"""


class Host(_Part, kw_only=True):
    """The machine that the evidence is about."""

    id: str
    """Stable over renames: MachineGuid on Windows, machine-id on Linux; for a folder, derived from
    its path.
    """
    name: str
    os: Os | None = None
    fqdn: str = ""
    domain: str = ""
    ip: list[str] = []
    architecture: str = ""
    elevated: bool | None = None
    """Whether the sweep ran with administrator rights; absent when it does not matter."""
    utc_offset_minutes: int | None = None


class Target(_Part, kw_only=True):
    """What was swept."""

    kind: TargetKind
    paths: list[str] = []
    """The paths that limited the files source, or the folder or image; empty: all local volumes."""


class PackRef(_Part, kw_only=True):
    """A pack that was used."""

    id: str
    version: str
    sha256: str
    indicators: Count
    origin: str = ""
    """``built in``, or the path of the file; empty in reports of versions that did not say."""


class ExclusionsRef(_Part, kw_only=True):
    """The known-benign rules that were in force."""

    version: str
    sha256: str
    rules: Count
    origin: str
    """``built in``, or the path of the file."""


class Reason(_Part, kw_only=True):
    """Why something was not looked at (or deserves a word), with how often and a few examples."""

    reason: str
    count: Count = 1
    samples: Annotated[list[str], Meta(max_length=MAX_SAMPLES)] = []


class Reach(_Part, kw_only=True):
    """How far back a source's data goes."""

    oldest: datetime | None = None
    newest: datetime | None = None


class Coverage(_Part, kw_only=True):
    """What one source looked at, what it could not, and why."""

    source: str
    required: bool
    state: State
    examined: Count = 0
    unread: Count = 0
    bytes: Count = 0
    elapsed_ms: Count = 0
    own: Count = 0
    """Traces of the agent itself, recognised and left out of the findings."""
    reasons: list[Reason] = []
    """Why things are unread; never empty unless complete."""
    notes: list[Reason] = []
    """What a reader should know although nothing is missing (engines, bounds, vanished items)."""
    reach: Reach | None = None


class IndicatorCount(_Part, kw_only=True):
    """How many objects an indicator was compared with, and how many matched; zeros included."""

    id: str
    tested: Count
    matched: Count

    def __post_init__(self) -> None:
        if self.matched > self.tested:
            raise ValueError(f"indicator {self.id}: matched {self.matched} of {self.tested}")


class IndicatorRef(_Part, kw_only=True):
    """The indicator that a finding is named after."""

    id: str
    type: str
    value: str
    pack: str
    reference: list[str] = []


class Hash(_Part, kw_only=True):
    """Hashes of a whole file."""

    md5: str | None = None
    sha1: str | None = None
    sha256: str | None = None


class Pe(_Part, kw_only=True):
    """What a PE file says of itself."""

    machine: str
    """``amd64``, ``x86``, ``arm64`` or the number in hexadecimal."""
    dll: bool = False
    exports: list[str] = []
    original_file_name: str = ""
    compiled: datetime | None = None


class Lnk(_Part, kw_only=True):
    """What a shell link says of itself and of the machine that made it."""

    arguments: str = ""
    target: str = ""
    machine_id: str = ""
    mac: str = ""
    """From the droid's UUID, ``08:00:27:…``."""
    volume_serial: str = ""
    """``C4B2-BD1C``"""
    droid_time: datetime | None = None
    droid_sequence: int | None = None
    """The clock sequence of the droid's UUID."""


class File(_Part, kw_only=True):
    """A file, its stream, or a member of an archive."""

    path: str
    name: str = ""
    size: Count | None = None
    hash: Hash | None = None
    created: datetime | None = None
    mtime: datetime | None = None
    accessed: datetime | None = None
    stream: str = ""
    """The alternate data stream's name, when that is what matched."""
    member_of: str = ""
    """The archive that holds this member; then ``path`` is the member's path in it."""
    pe: Pe | None = None
    lnk: Lnk | None = None
    zone_url: list[str] = []
    """HostUrl and ReferrerUrl of the Zone.Identifier stream."""
    signer: str = ""


class User(_Part, kw_only=True):
    """An account."""

    name: str = ""
    id: str = ""


class Parent(_Part, kw_only=True):
    """One ancestor of a process."""

    pid: int
    name: str = ""
    executable: str = ""
    command_line: str = ""
    start: datetime | None = None


class Process(_Part, kw_only=True):
    """A process as it was when it was seen."""

    pid: int
    name: str = ""
    executable: str = ""
    command_line: str = ""
    start: datetime | None = None
    user: User | None = None
    parent: list[Parent] = []
    """Ancestors, nearest first."""
    hash: Hash | None = None
    original_file_name: str = ""
    """From the image's version resource: tells a renamed rundll32."""
    signer: str = ""


class Dll(_Part, kw_only=True):
    """A module mapped into a process."""

    path: str
    name: str = ""
    size: Count | None = None
    hash: Hash | None = None
    pe: Pe | None = None
    on_disk: bool | None = None
    """Whether the file is (still) where it was loaded from."""


class Dns(_Part, kw_only=True):
    """A name and what it resolved to."""

    question: str
    type: str = ""
    answers: list[str] = []


class Destination(_Part, kw_only=True):
    """The far end of a connection."""

    ip: str = ""
    port: int | None = None
    domain: str = ""
    state: str = ""
    """``established``, ``listen``, …"""
    local: str = ""
    """The host's own end, ``address:port``."""


class Registry(_Part, kw_only=True):
    """A value of the registry."""

    path: str
    value: str = ""
    data: str = ""


class Event(_Part, kw_only=True):
    """A record of an event log."""

    channel: str
    id: int
    record: int | None = None
    provider: str = ""


class Url(_Part, kw_only=True):
    """A URL."""

    full: str


class Evidence(_Part, kw_only=True):
    """One sighting."""

    source: str
    seen: str
    """In a few words what was seen: ``loaded module``, ``file name`` …"""
    indicator: str
    strength: Strength
    place: str
    """Where: a whole path, ``rundll32.exe[4312]``, a name in the cache …"""
    time: datetime | None = None
    detail: str = ""
    """The matching text, escaped by whoever shows it; at most 512 characters."""


class Finding(_Part, kw_only=True):
    """One thing on the host that matched, with all its sightings."""

    id: str
    """UUIDv5 of host, indicator and place: the same thing has the same id in every sweep."""
    time: datetime
    """When the sweep saw it."""
    first_seen: datetime | None = None
    last_seen: datetime | None = None
    strength: Strength
    score: Score
    title: str
    """One line for a person: what it is and where."""
    reasons: list[str]
    indicator: IndicatorRef
    evidence: list[Evidence]
    excluded_by: str | None = None
    file: File | None = None
    process: Process | None = None
    dll: Dll | None = None
    dns: Dns | None = None
    destination: Destination | None = None
    registry: Registry | None = None
    event: Event | None = None
    url: Url | None = None
    user: User | None = None

    def __post_init__(self) -> None:
        if (self.strength is Strength.EXCLUDED) != (self.excluded_by is not None):
            raise ValueError(
                f"finding {self.id}: excluded without a rule, or a rule without exclusion"
            )


class Resources(_Part, kw_only=True):
    """What the sweep cost the host."""

    cpu_s: float = 0.0
    wall_s: float = 0.0
    peak_rss_bytes: Count = 0
    read_bytes: Count = 0


class Truncation(_Part, kw_only=True):
    """Something left out of the report because of a bound."""

    what: str
    kept: Count
    total: Count


class Report(Struct, forbid_unknown_fields=True, kw_only=True):
    """One sweep of one target. A ``clean`` verdict with a gap in the coverage cannot be made or
    decoded.
    """

    schema: Literal["iocsweep.report/1"] = SCHEMA
    report_id: str
    sweep_id: str | None = None
    agent: Agent
    host: Host
    target: Target
    packs: list[PackRef]
    exclusions: ExclusionsRef | None = None
    started: datetime
    finished: datetime
    options: dict[str, Any]
    verdict: Verdict
    coverage: list[Coverage]
    indicators: list[IndicatorCount]
    findings: list[Finding]
    truncated: list[Truncation]
    resources: Resources

    def __post_init__(self) -> None:
        hit = any(finding.strength.rank >= Strength.STRONG.rank for finding in self.findings)
        gaps = [c.source for c in self.coverage if c.required and c.state is not State.COMPLETE]
        expected = verdict_of(
            hit=hit, gaps=bool(gaps) or not any(c.required for c in self.coverage)
        )
        if self.verdict is not expected:
            raise ValueError(
                f"verdict {self.verdict.value} does not follow from the findings and the coverage"
                f" (gaps: {', '.join(gaps) or 'none'}): it must be {expected.value}"
            )


def verdict_of(*, hit: bool, gaps: bool) -> Verdict:
    """The verdict: a hit wins; clean needs every required source complete, and at least one."""
    if hit:
        return Verdict.HIT
    return Verdict.INCOMPLETE if gaps else Verdict.CLEAN


class ByteHit(Struct, frozen=True):
    """An indicator found by scanning bytes."""

    indicator: str
    offset: int
    excerpt: str = ""
    """The bytes around the hit as text, at most 256 characters."""


class Observation(Struct, frozen=True, kw_only=True):
    """Something a source saw that may match; what is compared are the objects it carries.

    A source yields one per object and never one per indicator. It never decides about strength.
    """

    source: str
    seen: str
    """In a few words: ``file``, ``running process``, ``loaded module``, ``connection`` …"""
    place: str
    """Where, whole, as a person would look for it."""
    keys: tuple[str, ...] = ()
    """What this has in common with other observations of one chain; see ``agent/chains.py``."""
    time: datetime | None = None
    """When it happened, if the evidence says so."""
    mention: bool = False
    """The bytes only mention it (a text, a log, memory): a name or domain then proves little."""
    file: File | None = None
    process: Process | None = None
    dll: Dll | None = None
    dns: Dns | None = None
    destination: Destination | None = None
    url: Url | None = None
    pipe: str = ""
    hits: tuple[ByteHit, ...] = ()
    blocked: bool = False
    """A defender's block of a name (hosts file sinkhole)."""
    remarks: tuple[str, ...] = ()
    """What a reader of the finding should know: how it was read, why it may not be true."""
