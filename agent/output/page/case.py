"""Several reports on one page: which computer had what, since when, and who was first."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime
from typing import NamedTuple

from ...model.observation import Claim, utc
from ...model.report import Evidence, Finding, Report, State, Strength, Verdict
from ..layout import when
from ..mapping.timeline import rows
from ..order import in_order
from .answer import counted, headline, not_covered
from .findings import figure, lines_of, moment, tagged
from .markup import NOTHING, Html, Inside, facts, joined, section, some, table, tag, value
from .method import sign
from .picture import Mark, without_times_that_are_none
from .told import Told
from .words import DONE

MAX_HOSTS = 1000
MAX_HOSTS_WHOLE = 100
MAX_LINES = 100
MAX_MARKS = 200_000
"""Moments of all reports that the picture is made of."""
BEHAVIOURS = (
    ("File was there", frozenset({Claim.EXISTS, Claim.WAS_THERE})),
    ("Downloaded", frozenset({Claim.DOWNLOADED})),
    ("Program ran", frozenset({Claim.RUNNING, Claim.RAN})),
    ("Library loaded", frozenset({Claim.LOADED})),
    ("Name looked up", frozenset({Claim.RESOLVED})),
    ("Connected or visited", frozenset({Claim.CONNECTED, Claim.VISITED})),
    ("Only mentioned or blocked", frozenset({Claim.LOGGED, Claim.MENTIONED, Claim.BLOCKED, None})),
)
"""What was done, by the claims that tell of it."""


class Seen(NamedTuple):
    """The strongest sighting of a behaviour on a host, and the earliest time of those as strong."""

    strength: Strength
    first: datetime | None


def seen_on(report: Report) -> list[Seen | None]:
    """Of each behaviour, in their order; what is excluded is none."""
    found: list[Seen | None] = [None] * len(BEHAVIOURS)
    for finding in report.findings:
        if finding.strength is Strength.EXCLUDED:
            continue
        for evidence in finding.evidence:
            at = next(at for at, (_, claims) in enumerate(BEHAVIOURS) if evidence.claim in claims)
            found[at] = _joined(found[at], _seen(finding, evidence))
    return found


def _seen(finding: Finding, evidence: Evidence) -> Seen:
    """A sighting proves what itself does, and no more than its finding."""
    strength = min(evidence.strength, finding.strength, key=lambda one: one.rank)
    return Seen(strength, evidence.time)


def _joined(one: Seen | None, other: Seen) -> Seen:
    if one is None or other.strength.rank > one.strength.rank:
        return other
    if other.strength.rank < one.strength.rank or other.first is None:
        return one
    return Seen(one.strength, min(one.first or other.first, other.first))


def first_of(report: Report) -> datetime | None:
    """The earliest time of a strong finding, or of a weak one where there is none."""
    for least in (Strength.STRONG, Strength.WEAK):
        times = [
            utc(one.first_seen)
            for one in report.findings
            if one.strength.rank >= least.rank and one.first_seen is not None
        ]
        if times:
            return min(times)
    return None


def sorted_by_first(told: Iterable[Told]) -> list[Told]:
    """Hits first, of them who was first; then incomplete ones, then clean ones."""
    order = {Verdict.HIT: 0, Verdict.INCOMPLETE: 1, Verdict.CLEAN: 2}

    def key(one: Told) -> tuple[int, bool, float, str]:
        first = first_of(one.report)
        since = first.timestamp() if first is not None else 0.0
        return order[one.report.verdict], first is None, since, one.report.host.name

    return sorted(told, key=key)


def case(told: Sequence[Told], *, all_read: bool = True) -> Iterator[Html]:
    """The sections of the page, for reports as :func:`sorted_by_first` gives them; ``all_read``:
    and there were no others."""
    yield _head(told, all_read=all_read)
    yield _hosts(told)
    yield _matrix(told)
    yield _timeline(told)
    whole = told[:MAX_HOSTS_WHOLE]
    yield from (_host(one, number) for number, one in enumerate(whole, 1))
    if len(told) > len(whole):
        more = f"{len(told) - len(whole):,} more reports are in the tables above alone."
        yield tag("p", more, class_="more")


def _head(told: Sequence[Told], *, all_read: bool) -> Html:
    verdicts = [one.report.verdict for one in told]
    hosts = len({one.report.host.id for one in told})
    worst = next(v for v in (Verdict.HIT, Verdict.INCOMPLETE, Verdict.CLEAN) if v in verdicts)
    if worst is Verdict.CLEAN and not all_read:
        worst = Verdict.INCOMPLETE
    hits = len({one.report.host.id for one in told if one.report.verdict is Verdict.HIT})
    words = {
        Verdict.HIT: f"Traces of the campaign were found on {hits:,} of {hosts:,} computers",
        Verdict.INCOMPLETE: f"No strong trace on {_computers(hosts)}, but not all could be seen",
        Verdict.CLEAN: f"No strong trace of the campaign on {_computers(hosts)}",
    }
    counts = [(f"reports: {v.value}", verdicts.count(v), v.value) for v in Verdict]
    boxes = [("reports", len(told), "reports"), ("computers", hosts, "computers"), *counts]
    numbers = (
        tag("div", tag("dt", what), tag("dd", f"{count:,}", id=f"n-{name}"))
        for what, count, name in boxes
    )
    return joined(
        [
            tag("p", f"Case of {len(told):,} reports", class_="kicker"),
            tag(
                "div",
                tag("p", worst.value.upper(), class_="word"),
                tag("h1", words[worst]),
                class_=f"verdict {worst.value}",
            ),
            tag("dl", *numbers, class_="numbers"),
        ]
    )


def _computers(count: int) -> str:
    return "1 computer" if count == 1 else f"{count:,} computers"


def _hosts(told: Sequence[Told]) -> Html:
    rows_, more = some([_answer(one, at) for at, one in enumerate(told, 1)], MAX_HOSTS, "reports")
    heads = ("Computer", "Verdict", "First trace", "#Confirmed", "#Strong", "#Weak", "#Excluded",
             "Required sources seen whole", "Checked")  # fmt: skip
    caption = "Each report: hits first, and of them who was first"
    about = tag(
        "p",
        "“Clean” is said of a computer only if all that is required was looked at; "
        "“incomplete” is not a clean result.",
    )
    return section(
        "hosts", "Computers", about, table(caption, heads, rows_, name="hosts-table"), more
    )


def _answer(told: Told, number: int) -> tuple[Inside, ...]:
    report = told.report
    counts = dict(counted(report.findings))
    required = [one for one in report.coverage if one.required]
    whole = sum(one.state is State.COMPLETE for one in required)
    name: Html = value(report.host.name, 200)
    if number <= MAX_HOSTS_WHOLE:
        name = tag("a", name, href=f"#host-{number}")
    return (
        name,
        report.verdict.value + ("" if report.scope.whole_host else " (of a part)"),
        moment(first_of(report)) if report.findings else "none",
        *(f"{counts[strength.value]:,}" for strength in _RANKS),
        f"{whole} of {len(required)}",
        moment(report.finished),
    )


_RANKS = (Strength.CONFIRMED, Strength.STRONG, Strength.WEAK, Strength.EXCLUDED)


def _matrix(told: Sequence[Told]) -> Html:
    seen = [seen_on(one.report) for one in told]
    firsts = [_earliest(column) for column in zip(*seen, strict=True)]
    rows_ = [
        (
            value(one.report.host.name, 200),
            *(_cell(cell, first, one.report) for cell, first in zip(row, firsts, strict=True)),
        )
        for one, row in zip(told, seen, strict=True)
    ]
    kept, more = some(rows_, MAX_HOSTS, "reports")
    about = tag(
        "p",
        "When each behaviour was first seen on each computer, by the strongest trace of it. "
        "“None seen*”: not everything could be looked at there, so that there may be one. "
        "The earliest of a column is marked “first”, weak traces left out.",
    )
    heads = ("Computer", *(name for name, _ in BEHAVIOURS))
    caption = "Computers and behaviours, with the time of the first trace"
    made = table(caption, heads, kept, name="behaviours-table")
    return section("behaviours", "Who did what, since when", about, made, more)


def _earliest(column: Iterable[Seen | None]) -> datetime | None:
    strong = Strength.STRONG.rank
    return min(
        (one.first for one in column if one and one.first and one.strength.rank >= strong),
        default=None,
    )


def _cell(seen: Seen | None, first: datetime | None, report: Report) -> Inside:
    if seen is None:
        gaps = any(one.state is not State.COMPLETE for one in report.coverage if one.required)
        return "none seen*" if gaps or not report.scope.whole_host else "none seen"
    is_first = first is not None and seen.first == first and seen.strength.rank >= 2
    mark = tag("span", " first", class_="first") if is_first else NOTHING
    time = tag("time", when(seen.first)) if seen.first is not None else Html("time not known")
    return joined([time, mark, " ", tagged(seen.strength)])


def _timeline(told: Sequence[Told]) -> Html:
    marks = without_times_that_are_none(_marks(told))
    if not marks:
        return section("timeline", "Timeline", tag("p", "No trace has a time of its own."))
    title = f"{len(marks):,} moments, {when(marks[0].time)} to {when(marks[-1].time)}"
    return section(
        "timeline", "Timeline", figure(marks, title, "Each lane is a computer, each mark a moment.")
    )


def _marks(told: Sequence[Told]) -> Iterator[Mark]:
    left = MAX_MARKS
    for one in told:
        for row in rows(one.report)[:left]:
            left -= 1
            yield Mark(
                row.time,
                one.report.host.name,
                row.strength,
                f"{row.thing[:200]} {DONE.get(row.words, row.words)}",
            )


def _host(told: Told, number: int) -> Html:
    report = told.report
    found = in_order(report.findings)
    parts: list[Inside] = [tag("p", headline(report), ".", class_="lead")]
    evidence = ", ".join(report.target.paths[:20]) or "the running computer"
    about = (
        ("Report", value(report.report_id)),
        ("Its file", joined([value(told.name or "not named"), f", {len(told.data):,} bytes"])),
        ("Fingerprint (SHA-256)", value(told.sha256)),
        ("Made by", f"iocsweep {report.agent.version}"),
        ("Evidence", value(evidence, 1000)),
    )
    parts.append(facts(about))
    if found:
        parts.append(lines_of(found[:MAX_LINES], "Findings, strongest first"))
        if len(found) > MAX_LINES:
            parts.append(tag("p", f"… and {len(found) - MAX_LINES:,} more findings in the data."))
    gaps = not_covered(report)
    return section(f"host-{number}", report.host.name, *parts, _inner(gaps))


def _inner(part: Html) -> Html:
    """A section of a single report as a part of a section: its ids would not be its own."""
    inside = part.partition("</h2>")[2].rpartition("</section>")[0]
    return joined([tag("h3", "What was not covered"), Html(inside)])


def case_end() -> Html:
    """Lines to be filled in by hand."""
    return section("signed", "Signed", sign())
