"""The first page: the verdict, what it is worth, what to do, and what was not covered."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from ...model.report import (
    MEMORY_ALONE,
    OFFLINE,
    Coverage,
    Finding,
    Report,
    State,
    Strength,
    TargetKind,
    Verdict,
)
from ..closing import way_of, ways
from ..layout import when
from ..limits import reason_of
from ..next_steps import USERS, advised
from ..recollection import ELSEWHERE, WORDS, recollection, remembers_nothing
from ..who import who_lines
from .markup import NOTHING, Html, Inside, facts, joined, section, some, table, tag, value
from .words import DEEDS, STATES, title_of

MAX_GAPS = 200
MAX_SOURCES = 12
MAX_WHO = 20
"""Of one gap that are named."""
_SAMPLE = 300
_DOING = {
    "dump memory of": "Save the memory of these programs before they end (name, PID)",
    "collect": "Keep copies of these files as evidence",
    USERS: "Ask these users what happened, and see what else they did",
    "search logs for": "Search the logs of mail, proxy, DNS and other computers for these",
}


def headline(report: Report) -> str:
    """The verdict in one sentence."""
    host, since = report.host.name, _since(report)
    trace = "No strong trace" if report.weak_traces or report.older else "No trace"
    if report.verdict is Verdict.HIT:
        return f"Traces of the campaign were found on {host}{since}"
    if report.verdict is Verdict.INCOMPLETE:
        return f"{trace} of the campaign was found on {host}{since}, but not all could be looked at"
    limit = "" if report.scope.whole_host else " in what was asked about"
    return f"{trace} of the campaign was found on {host}{limit}{since}"


def _since(report: Report) -> str:
    return f" since {when(report.since)[:10]}" if report.since is not None else ""


def head(report: Report) -> Html:
    """Verdict and figures."""
    packs = ", ".join(f"{one.id} (version {one.version})" for one in report.packs) or "none"
    return joined(
        [
            tag("p", f"Report of a search for traces, {when(report.finished)}", class_="kicker"),
            tag(
                "div",
                tag("p", report.verdict.value.upper(), class_="word"),
                tag("h1", headline(report)),
                tag(
                    "p", f"Searched for: the campaign as pack {packs} describes it.", class_="lead"
                ),
                class_=f"verdict {report.verdict.value}",
            ),
            numbers(report),
        ]
    )


def numbers(report: Report) -> Html:
    """The figures of the report, each with what it counts."""
    required = [one for one in report.coverage if one.required]
    whole = sum(one.state is State.COMPLETE for one in required)
    matched = sum(bool(one.matched) for one in report.indicators)
    counts = [(f"{name} findings", f"{count:,}", name) for name, count in counted(report.findings)]
    boxes = [
        *counts,
        ("required sources wholly looked at", f"{whole} of {len(required)}", "sources"),
        ("indicators that matched", f"{matched:,} of {len(report.indicators):,}", "indicators"),
    ]
    made = (
        tag("div", tag("dt", what), tag("dd", count, id=f"n-{name}")) for what, count, name in boxes
    )
    return tag("dl", *made, class_="numbers")


def counted(findings: Iterable[Finding]) -> list[tuple[str, int]]:
    """How many of each strength, zeros included."""
    strengths = [finding.strength for finding in findings]
    return [(strength.value, strengths.count(strength)) for strength in Strength]


def worth(report: Report) -> Html:
    """What the verdict says, and what it does not."""
    points = tag("ul", *(tag("li", *point) for point in _points(report)))
    return section("worth", "What this answer is worth", points, _memory(report))


def _points(report: Report) -> Iterator[tuple[Inside, ...]]:
    required = [one for one in report.coverage if one.required]
    gaps = [one for one in required if one.is_gap]
    sources = f"{len(gaps)} of {len(required)} required sources"
    if report.verdict is Verdict.HIT:
        yield from _of_a_hit(report)
        if gaps:
            yield (
                (
                    f"{sources} could not be looked at completely. A hit stands all the same: "
                    "there may be more traces, not fewer."
                ),
            )
    elif report.verdict is Verdict.INCOMPLETE:
        yield (
            "This is not a clean result. ",
            f"{sources} could not be looked at completely, and a trace may be there; ",
            tag("a", "what was not covered", href="#gaps"),
            " says why.",
        )
    else:
        yield (f"All {len(required)} required sources were looked at completely.",)
    if remembers_nothing(report):
        yield (f"Nothing on this computer is sure to remember a deed: {ELSEWHERE}.",)
    if not report.scope.whole_host:
        limits = [tag("li", value(limit, _SAMPLE)) for limit in report.scope.limited_to[:40]]
        yield ("It is about a part of the computer alone:", tag("ul", *limits))
    if report.since is not None:
        yield (
            (
                f"It is about what happened since {when(report.since)}. All was searched; "
                f"{len(report.older):,} strong or confirmed findings are older and not counted."
            ),
        )
    if report.host.elevated is False:
        yield ("The check ran without administrator's rights, and could not see all.",)
    for cut in report.truncated:
        yield (f"Left out for want of room: of {cut.total:,} {cut.what}, {cut.kept:,} are here.",)
    yield (
        (
            "Searched is what the packs describe. Another campaign, or one that has changed "
            "all that they know of it, is not found by this."
        ),
    )


def _of_a_hit(report: Report) -> Iterator[tuple[Inside, ...]]:
    counts = dict(counted(one for one in report.findings if one.in_window))
    confirmed, strong = counts[Strength.CONFIRMED.value], counts[Strength.STRONG.value]
    if confirmed:
        yield (
            (
                f"{_findings(confirmed)} confirmed: by fingerprint, or by what only the campaign's "
                "program does. It is no likeness."
            ),
        )
    if strong:
        yield (
            f"{_findings(strong)} strong: hardly anything but the campaign leaves such a trace. "
            + ("" if confirmed else "None is confirmed: a person ought to look at them."),
        )


def _findings(count: int) -> str:
    return "1 finding is" if count == 1 else f"{count:,} findings are"


def _memory(report: Report) -> Html:
    if not report.remembered:
        return NOTHING
    deeds = {words: DEEDS[behaviour] for behaviour, words in WORDS.items()}
    rows = [
        (deeds.get(words, "Any of it"), text) for words, text in recollection(report.remembered)
    ]
    return joined(
        [
            tag("h3", "How far back this computer remembers"),
            tag(
                "p",
                "A computer keeps traces for a limited time. Here stands, deed by deed, where it "
                "would have left a trace, and since when; before that, none is sure.",
            ),
            table("Deeds, and where a trace of them would be", ("Deed", "Where, since when"), rows),
        ]
    )


def next_steps(report: Report) -> Html:
    """What to do, if anything."""
    parts: list[Html] = []
    if report.verdict is Verdict.HIT:
        for advice in advised(report):
            things = [tag("li", value(thing, 1000)) for thing in advice.things]
            more = f" … and {advice.more:,} more in the data" if advice.more else None
            if advice.label:
                label = _DOING.get(advice.label, advice.label)
                parts.append(tag("li", f"{label}:", tag("ul", *things), more))
            else:
                parts += [tag("li", thing[:1].upper() + thing[1:] + ".") for thing in advice.things]
    if report.verdict is Verdict.INCOMPLETE:
        parts = [tag("li", way[:1].upper() + way[1:], ".") for way in ways(report)]
    if report.older:
        parts.append(tag("li", "Judge the older traces, which the verdict does not count."))
    if report.weak_traces:
        parts.append(tag("li", "Look at the weak findings: whether they are more than a mention."))
    if not parts:
        if report.verdict is not Verdict.CLEAN:
            return section("next", "What to do next", tag("p", "Close the gaps below."))
        return section("next", "What to do next", tag("p", "Nothing follows from this answer."))
    return section("next", "What to do next", tag("ol", *parts))


def not_covered(report: Report) -> Html:
    """Each gap once, with all the sources that have it, and what closes it."""
    rows, more = some(_gaps(report), MAX_GAPS, "gaps")
    skipped = [one for one in report.coverage if one.state is State.SKIPPED]
    unasked = [one for one in skipped if _is_not_to_be_had(one)]
    left = [one for one in skipped if one not in unasked]
    unneeded = [
        one for one in report.coverage if not one.required and one.state is State.UNAVAILABLE
    ]
    parts: list[Html] = []
    if rows:
        heads = ("Source", "How much", "Why", "#Times", "For example", "What closes the gap")
        parts += [table("What could not be looked at", heads, rows), more]
    else:
        parts.append(tag("p", "Nothing: what was asked for could be looked at completely."))
    parts += [_named("Left out by whoever started the check", left)] if left else []
    if unasked:
        parts.append(_named("Not to be had from such evidence", unasked))
    parts += [_named("Of no account for such a check", unneeded)] if unneeded else []
    return section("gaps", "What was not covered", *parts)


def _is_not_to_be_had(coverage: Coverage) -> bool:
    reasons = {reason.reason for reason in coverage.reasons}
    return bool(reasons) and reasons <= {OFFLINE, MEMORY_ALONE}


def _gaps(report: Report) -> list[tuple[Inside, ...]]:
    alike: dict[tuple[bool, State, str], list[tuple[Coverage, int, str]]] = {}
    for coverage in sorted(report.coverage, key=lambda one: not one.is_gap):
        if coverage.state in (State.COMPLETE, State.SKIPPED):
            continue
        if not coverage.required and coverage.state is State.UNAVAILABLE:
            continue
        if not coverage.reasons:
            key = (coverage.required, coverage.state, "no reason recorded")
            alike.setdefault(key, []).append((coverage, 1, ""))
        for reason in coverage.reasons:
            key = (coverage.required, coverage.state, reason_of(coverage, reason))
            sample = reason.samples[0] if reason.samples else ""
            alike.setdefault(key, []).append((coverage, reason.count, sample))
    return [_gap(report, key, found) for key, found in alike.items()]


def _gap(
    report: Report, key: tuple[bool, State, str], found: list[tuple[Coverage, int, str]]
) -> tuple[Inside, ...]:
    required, state, why = key
    names = [title_of(coverage.source) for coverage, _, _ in found]
    listed = ", ".join(names[:MAX_SOURCES]) + (" …" if len(names) > MAX_SOURCES else "")
    sample = next((sample for _, _, sample in found if sample), "")
    return (
        joined([listed, " (required)" if required else ""]),
        STATES[state],
        value(why, 600),
        f"{sum(count for _, count, _ in found):,}",
        value(sample, _SAMPLE) if sample else "-",
        way_of(why, report) or "nobody knows a way",
    )


def _named(what: str, coverages: list[Coverage]) -> Html:
    names = ", ".join(title_of(one.source) for one in coverages[:60])
    reasons = dict.fromkeys(
        reason_of(one, reason) for one in coverages for reason in one.reasons[:3]
    )
    why = f" ({'; '.join([*reasons][:3])})" if reasons else ""
    return tag("p", f"{what}: {names}{why}.", class_="quiet")


def about(report: Report) -> Html:
    """Which computer, and what of it."""
    host, target = report.host, report.target
    system = " ".join(filter(None, (host.os.name, host.os.version))) if host.os else ""
    kinds = {
        TargetKind.LIVE: "the computer itself, while it ran",
        TargetKind.FOLDER: "a folder with its files",
        TargetKind.IMAGE: "an image of its disk",
        TargetKind.COLLECTION: "a collection of its files",
        TargetKind.MEMORY: "an image of its memory",
    }
    named: tuple[tuple[str, Inside], ...] = (
        ("Computer", value(host.name)),
        ("Full name", value(host.fqdn) if host.fqdn else None),
        ("Domain", value(host.domain) if host.domain else None),
        ("System", value(system) if system else None),
        ("Addresses", value(", ".join(host.ip[:20])) if host.ip else None),
        *((what.capitalize(), value(words)) for what, words in who_lines(host, most=MAX_WHO)),
        ("Looked at", kinds[target.kind]),
    )
    return facts(named)
