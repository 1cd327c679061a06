"""The report and all that it is made of, defined once.

The JSON report, its JSON Schema, the collector's validation and every exporter come from these
structs. No I/O. Leaf names are ECS field names, so that every mapping to another schema is a table.
All times are UTC, all sizes bytes, all hashes lower-case hexadecimal.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime
from enum import Enum
from typing import Annotated, Any, Final, Literal

from msgspec import Meta, Struct

from .attestation import Attestation
from .custody import Custody
from .host_parts import Accounts, Drives, NetworkCards
from .objects import Count, Objects, Part
from .observation import Claim, Moment, Place, telling
from .remembered import Remembered
from .window import is_before

SCHEMA: Final = "iocsweep.report/2"
BUILT_IN: Final = "built in"
"""The origin of what comes inside the program."""
DRILL: Final = "drill"
"""The id of the pack that canaries of drills are found by; no other pack may have it."""
INTERRUPTED: Final = "sweep was interrupted"
"""The reason that the coverage of a sweep gives which was cut off."""
OFFLINE: Final = "offline"
"""The reason that a source gives which asks a running host, where none is asked."""
MEMORY_ALONE: Final = "only an image of memory was given"
"""The reason that a source gives then, if it asks for anything else."""
MAX_SAMPLES = 5
"""How many examples a coverage reason carries."""
MAX_PARTS = 64
"""Parts of one source that are told one by one."""

# gc=False: of these a report has dozens, and none can hold itself.
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
    MEMORY = "memory"


class Agent(Part, kw_only=True):
    """The program that swept."""

    version: str
    build: str
    """``source``, ``wine-test`` or ``release``."""
    form: str = "source"
    """``one-file``, ``one-dir`` or ``source``."""
    sha256: str | None = None
    """Of the exe; absent when run from source."""


class Os(Part, kw_only=True):
    """The operating system of the host."""

    name: str
    version: str = ""
    platform: str = ""
    """``windows``, ``linux`` …"""


BY_VOLUME = ("ntfs:", "fat:", "exfat:", "ext:", "wim:")
"""Each begins the id of a host of which no more is known than its volume's serial number."""
BY_MEMORY = "memory:"
"""Begins the id of a host of which there is nothing but an image of its memory."""


class Host(Part, kw_only=True):
    """The machine that the evidence is about."""

    id: str
    """Stable over renames: MachineGuid on Windows, machine-id on Linux; for a folder, derived from
    its path, for an image without a Windows from its volume's serial number.
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
    """At rest: as it was when the host ran last."""
    installed: datetime | None = None
    """Windows, or its last upgrade; UTC."""
    timezone: str = ""
    """As Windows names it: ``W. Europe Standard Time``."""
    users: Accounts = []
    """Those who have a profile there."""
    drives: Drives = []
    cards: NetworkCards = []


class Target(Part, kw_only=True):
    """What was swept."""

    kind: TargetKind
    paths: list[str] = []
    """The paths that limited the files source, or the folder or image; empty: all local volumes."""
    collected: bool = False
    """Whether these are copies of some of a host's files: of the others they tell nothing."""


class PackRef(Part, kw_only=True, gc=False):
    """A pack that was used."""

    id: str
    version: str
    sha256: str
    indicators: Count
    origin: str = ""
    """``built in``, or the path of the file; empty in reports of versions that did not say."""
    signed_by: str = ""
    """The key of its signature, which was verified; empty: none was asked for."""


class ExclusionsRef(Part, kw_only=True):
    """The known-benign rules that were in force."""

    version: str
    sha256: str
    rules: Count
    origin: str
    """``built in``, or the path of the file."""


class Reason(Part, kw_only=True, gc=False):
    """Why something was not looked at (or deserves a word), with how often and a few examples."""

    reason: str
    count: Count = 1
    samples: Annotated[list[str], Meta(max_length=MAX_SAMPLES)] = []


class Reach(Part, kw_only=True, gc=False):
    """How far back a source's data goes."""

    oldest: datetime | None = None
    newest: datetime | None = None


class CoveragePart(Part, kw_only=True, gc=False):
    """A log, a volume or a user's memory, of which a source tells by itself."""

    name: str
    state: State = State.COMPLETE
    examined: Count = 0
    reach: Reach | None = None


class Coverage(Part, kw_only=True, gc=False):
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
    parts: Annotated[list[CoveragePart], Meta(max_length=MAX_PARTS)] = []
    """Of those that are not empty, those with a gap first."""

    @property
    def is_gap(self) -> bool:
        """Whether a clean verdict is out of reach by this source."""
        return self.required and self.state is not State.COMPLETE


class IndicatorCount(Part, kw_only=True, gc=False):
    """How many objects an indicator was compared with, and how many matched; zeros included."""

    id: str
    tested: Count
    matched: Count
    """Never more than tested; the report holds that, as one look at all costs less than one each.
    """


class IndicatorRef(Part, kw_only=True):
    """The indicator that a finding is named after."""

    id: str
    type: str
    value: str
    pack: str
    reference: list[str] = []


class Evidence(Objects, kw_only=True):
    """One sighting. An object that is the finding's own is left out here."""

    source: str
    seen: str
    """In a few words what was seen: ``loaded module``, ``file name`` …"""
    claim: Claim | None = None
    """None in reports of version 1."""
    indicator: str
    strength: Strength
    place: Place
    moments: list[Moment] = []
    detail: str = ""
    """The matching text, escaped by whoever shows it; at most 512 characters."""

    @property
    def time(self) -> datetime | None:
        """The earliest time that tells since when it was there; see :func:`telling`."""
        return next(iter(telling(self.moments)), None)


class Finding(Objects, kw_only=True):
    """One thing on the host that matched, with all its sightings."""

    id: str
    """UUIDv5 of the host and of what the finding is about, not of what it matched: the same thing
    has the same id in every sweep, whatever the packs; see ``findings/keys.py``."""
    time: datetime
    """When the sweep saw it."""
    first_seen: datetime | None = None
    last_seen: datetime | None = None
    """Of all its sightings, those left out of ``evidence`` too."""
    strength: Strength
    score: Score
    title: str
    """One line for a person: what it is and where."""
    reasons: list[str]
    indicator: IndicatorRef
    evidence: list[Evidence]
    excluded_by: str | None = None
    in_window: bool = True
    """Whether it counts where the verdict is limited (``since``): its last time lies within, it has
    none, or it was there when the sweep saw it."""

    @property
    def is_drill(self) -> bool:
        """Whether it is a canary of a drill, and nothing else: never a trace of a campaign, nor
        of any strength."""
        return self.indicator.pack == DRILL and self.strength.rank <= Strength.WEAK.rank

    @property
    def alarm(self) -> Strength:
        """How loudly other systems are told: of a drill as of what a rule knows to be harmless."""
        return Strength.EXCLUDED if self.is_drill else self.strength

    def __post_init__(self) -> None:
        if (self.strength is Strength.EXCLUDED) != (self.excluded_by is not None):
            raise ValueError(
                f"finding {self.id}: excluded without a rule, or a rule without exclusion"
            )


class Resources(Part, kw_only=True):
    """What the sweep cost the host."""

    cpu_s: float = 0.0
    """Of processors: by the sweep's process, and by those that ran rules for it."""
    wall_s: float = 0.0
    paused_s: float = 0.0
    """Of ``wall_s``: for which it waited or rested, as the host was busy or on battery."""
    peak_rss_bytes: Count = 0
    """In memory at once at most: of the sweep's process, without those that ran rules."""
    read_bytes: Count = 0
    """As far as sources tell them."""


COLLECTED = "what was collected"
"""Of a collection: that limits the question, whatever is asked."""


class Scope(Part, kw_only=True):
    """What the sweep was asked about."""

    whole_host: bool
    limited_to: list[str] = []
    """What limited it: paths, the only sources asked, those left out."""


class Truncation(Part, kw_only=True):
    """Something left out of the report because of a bound."""

    what: str
    kept: Count
    total: Count


class Report(Struct, kw_only=True):
    """One sweep of one target. A ``clean`` verdict with a gap in the coverage cannot be made or
    decoded.
    """

    schema: Literal["iocsweep.report/2"] = SCHEMA
    made_as: str | None = None
    """The schema that it was made in, if that was another; read as this one."""
    report_id: str
    sweep_id: str | None = None
    agent: Agent
    host: Host
    target: Target
    scope: Scope
    packs: list[PackRef]
    exclusions: ExclusionsRef | None = None
    started: datetime
    finished: datetime
    since: datetime | None = None
    """Given, the verdict is about what happened since then alone; all was searched."""
    options: dict[str, Any]
    verdict: Verdict
    coverage: list[Coverage]
    indicators: list[IndicatorCount]
    findings: list[Finding]
    remembered: Annotated[list[Remembered], Meta(max_length=MAX_PARTS)] = []
    """Since when the host would have a trace of a deed, best first; of a Windows target always."""
    truncated: list[Truncation]
    resources: Resources
    custody: Custody | None = None
    """Of evidence at rest: who had which bytes swept. Absent in reports of versions that did not
    say, and of a live sweep."""
    attestation: Attestation | None = None
    """Of a signed report, which is laid out in lines; absent in others."""

    @property
    def weak_traces(self) -> list[Finding]:
        """Weak findings that somebody should look at: not the canaries of drills."""
        return [f for f in self.findings if f.strength is Strength.WEAK and not f.is_drill]

    @property
    def older(self) -> list[Finding]:
        """Strong traces that the verdict does not count: a clean one is never plain."""
        strong = Strength.STRONG.rank
        return [f for f in self.findings if f.strength.rank >= strong and not f.in_window]

    def __post_init__(self) -> None:
        for finding in self.findings:
            if not finding.in_window and not is_before(finding, self.since):
                raise ValueError(f"finding {finding.id}: left out of the verdict without a reason")
        for one in self.indicators:
            if one.matched > one.tested:
                raise ValueError(f"indicator {one.id}: matched {one.matched} of {one.tested}")
        expected = verdict_of(self.findings, self.coverage)
        if self.verdict is not expected:
            gaps = [coverage.source for coverage in self.coverage if coverage.is_gap]
            raise ValueError(
                f"verdict {self.verdict.value} does not follow from the findings and the coverage"
                f" (gaps: {', '.join(gaps) or 'none'}): it must be {expected.value}"
            )


def verdict_of(findings: Iterable[Finding], coverage: Sequence[Coverage]) -> Verdict:
    """The verdict: a hit wins; clean needs every required source complete, and at least one. What
    happened before its window does not count."""
    if any(f.strength.rank >= Strength.STRONG.rank and f.in_window for f in findings):
        return Verdict.HIT
    complete = False
    for one in coverage:  # once, and plainly: the collector asks it of every report
        if one.required:
            if one.state is not State.COMPLETE:
                return Verdict.INCOMPLETE
            complete = True
    return Verdict.CLEAN if complete else Verdict.INCOMPLETE
