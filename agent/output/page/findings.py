"""The findings with their chains of evidence, strongest first, and the timeline of them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime

from ...model.report import Evidence, Finding, Report, Strength
from ...model.shared_objects import seen_objects
from ..chain import Step, chain_of
from ..layout import when
from ..mapping.timeline import Row, rows, thing_of
from ..order import in_order
from .markup import NOTHING, Html, Inside, facts, joined, section, some, table, tag, value
from .picture import Mark, legend, picture, without_times_that_are_none
from .words import CLAIMS, DONE, MOMENTS, STRENGTHS, title_of

MAX_WHOLE = 100
MAX_WEAK_WHOLE = 20
MAX_LINES = 500
"""Findings that are told in a line each, of each list."""
MAX_SIGHTINGS = 10
MAX_BYTES = 1 << 20
"""Of markup, of the findings that are told whole."""
MAX_ROWS = 150
MAX_LIST = 12
_LONG = 2000
_SHORT = 300
_BEYOND = ("DNS name", "Connection", "URL")


def findings(report: Report) -> Html:
    """All of them: whole, as far as there is room; in a line; counted."""
    if not report.findings:
        told = "None: no indicator fits anything that was looked at."
        return section("findings", "Findings", tag("p", told))
    ordered = in_order(report.findings)
    excluded = [one for one in ordered if one.strength is Strength.EXCLUDED]
    counting = [one for one in ordered if one.strength is not Strength.EXCLUDED]
    cards, rest = _cards(counting)
    parts: list[Html] = [_strengths(ordered), *cards]
    if rest:
        parts.append(tag("h3", "Further findings" if cards else "In a line each"))
        parts.append(lines_of(rest, "Findings in a line each, strongest first"))
    if excluded:
        parts.append(tag("h3", "Known to be harmless"))
        parts.append(lines_of(excluded, "Findings that a rule excludes, with the rule"))
    return section("findings", "Findings", *parts)


def _strengths(found: Iterable[Finding]) -> Html:
    there = {one.strength for one in found}
    told = [(one.value, STRENGTHS[one]) for one in Strength if one in there]
    return joined([tag("p", "How much each proves:"), facts(told)])


def _cards(found: Sequence[Finding]) -> tuple[list[Html], list[Finding]]:
    cards: list[Html] = []
    rest: list[Finding] = []
    room, weak = MAX_BYTES, 0
    for finding in found:
        is_weak = finding.strength is Strength.WEAK
        if room <= 0 or len(cards) >= MAX_WHOLE or (is_weak and weak >= MAX_WEAK_WHOLE):
            rest.append(finding)
            continue
        cards.append(_card(finding, len(cards) + 1))
        room -= len(cards[-1])
        weak += is_weak
    return cards, rest


def lines_of(found: Sequence[Finding], caption: str) -> Html:
    """A table, one finding a line; of more than there is room for, how many."""
    told, more = some(found, MAX_LINES, "findings")
    heads = ("Finding", "Strength", "First seen", "Last seen", "Why")
    return joined([table(caption, heads, [_line(one) for one in told]), more])


def _line(finding: Finding) -> tuple[Inside, ...]:
    why = finding.excluded_by or "; ".join(finding.reasons[:3])
    return (
        value(finding.title, _SHORT),
        tagged(finding.strength),
        moment(finding.first_seen),
        moment(finding.last_seen),
        value(why, _SHORT),
    )


def tagged(strength: Strength) -> Html:
    """The strength as a word in a frame."""
    return tag("span", strength.value, class_=f"tagged {strength.value}")


def moment(time: datetime | None) -> Html:
    """To the second, UTC."""
    return tag("time", when(time)) if time is not None else Html("not known")


def _card(finding: Finding, number: int) -> Html:
    indicator = finding.indicator
    references = ", ".join(indicator.reference[:MAX_LIST])
    known = joined([value(indicator.value, _LONG), f" ({indicator.type.replace('_', ' ')}, "])
    about: tuple[tuple[str, Inside], ...] = (
        ("First seen", moment(finding.first_seen)),
        ("Last seen", moment(finding.last_seen)),
        ("Counts", None if finding.in_window else "no: older than what the verdict is about"),
        ("Indicator", joined([known, f"{indicator.id} of pack {indicator.pack})"])),
        ("Known from", value(references, _LONG) if references else None),
    )
    return tag(
        "article",
        tag("h3", f"{number}. ", tagged(finding.strength), " ", value(finding.title, _LONG)),
        tag("ul", *(tag("li", value(why, _LONG)) for why in finding.reasons[:MAX_LIST])),
        facts(about),
        _chain(finding),
        _sightings(finding, number),
        id=f"finding-{number}",
    )


def _chain(finding: Finding) -> Html:
    steps = list(_steps(finding))
    if not steps:
        return NOTHING
    made = [
        tag("li", tag("strong", step.kind), " ", value(step.name, _LONG), _facts(step))
        for step in steps[: 2 * MAX_LIST]
    ]
    return joined([tag("h4", "The chain, from what started it to what it reached"),
                   tag("ol", *made, class_="chain")])  # fmt: skip


def _steps(finding: Finding) -> Iterator[Step]:
    """The finding's own, and whom its sightings say it talked to."""
    told = set()
    for step in chain_of(finding):
        told.add((step.kind, step.name))
        yield step
    for evidence in finding.evidence:
        for step in chain_of(evidence):
            if step.kind in _BEYOND and (step.kind, step.name) not in told:
                told.add((step.kind, step.name))
                yield step


def _facts(step: Step) -> Html:
    told = [(label, value(text, _LONG)) for label, text in step.facts if text != step.name]
    return facts(told) if told else NOTHING


def _sightings(finding: Finding, number: int) -> Html:
    """First one of each source, then the others."""
    first = {one.source: one for one in reversed(finding.evidence)}.values()
    ordered = sorted(finding.evidence, key=lambda one: not any(one is other for other in first))
    told, more = some([_sighting(finding, one) for one in ordered], MAX_SIGHTINGS, "sightings")
    if not told:
        return NOTHING
    heads = ("Seen in", "What", "When", "Where")
    return joined([table(f"Sightings of finding {number}", heads, told), more])


def _sighting(finding: Finding, one: Evidence) -> tuple[Inside, ...]:
    place = one.place
    thing, by = thing_of(one, seen_objects(finding, one))
    claim = CLAIMS[one.claim] if one.claim is not None else ""
    times = [
        tag("div", f"{MOMENTS[told.of]} ", moment(told.time)) for told in one.moments[:MAX_LIST]
    ]
    seen: list[Inside] = [one.seen, f", {claim}" if claim and claim != one.seen else None]
    seen += [tag("div", value(thing, _SHORT))] if thing and thing not in finding.title else []
    seen += [tag("div", "by ", value(by, _SHORT))] if by else []
    seen += (
        [tag("div", value(one.detail, 512))] if one.detail not in ("", thing, place.text) else []
    )
    where: list[Inside] = [value(place.text, _LONG)]
    where += [
        tag("div", f"{label} ", value(text, _SHORT))
        for label, text in (
            ("in", place.path if place.path not in place.text else ""),
            ("record", place.record if place.record not in place.text else ""),
            ("view", place.view),
            ("of user", place.owner),
        )
        if text
    ]
    return title_of(one.source), joined(seen), joined(times) or "no time told", joined(where)


def timeline(report: Report) -> Html:
    """The picture, and the moments in words."""
    told = rows(report)
    marks = without_times_that_are_none(
        Mark(row.time, title_of(row.source), row.strength, _words(row)) for row in told
    )
    if not marks:
        none = "No trace has a time of its own." if report.findings else "There is no trace."
        return section("timeline", "Timeline", tag("p", none))
    title = f"{len(marks):,} moments, {when(marks[0].time)} to {when(marks[-1].time)}"
    shown = figure(marks, title, "Each lane is a source of evidence, each mark a moment.")
    return section("timeline", "Timeline", shown, _in_words(told))


def figure(marks: Sequence[Mark], title: str, about: str) -> Html:
    """A picture with what its forms mean."""
    drawn = tag("div", picture(marks, title), class_="scroll", tabindex=0, role="region",
                aria_label="Picture of the timeline")  # fmt: skip
    told = tag(
        "figcaption",
        tag("p", f"{title}. {about} Where nothing happened for long, the line is cut."),
        legend(mark.strength for mark in marks),
    )
    return tag("figure", drawn, told)


def _words(row: Row) -> str:
    by = f" by {row.by}" if row.by else ""
    return f"{row.thing[:200]} {DONE.get(row.words, row.words)}{by}"


def _in_words(told: Sequence[Row]) -> Html:
    """Of more than there is room for, those of the strongest findings, in their order."""
    kept = sorted(range(len(told)), key=lambda at: -told[at].strength.rank)[:MAX_ROWS]
    rows_ = [_row(told[at]) for at in sorted(kept)]
    more = len(told) - len(kept)
    caption = "The moments in words"
    left = f"… and {more:,} more moments, of weaker findings or later, in the data."
    heads = ("Time", "What happened", "To what", "By whom", "Seen in")
    return joined(
        [table(caption, heads, rows_), tag("p", left, class_="more") if more else NOTHING]
    )


def _row(row: Row) -> tuple[Inside, ...]:
    who = ", ".join(filter(None, (row.by, row.user)))
    return (
        moment(row.time),
        joined([DONE.get(row.words, row.words), " ", tagged(row.strength)]),
        value(row.thing, _SHORT),
        value(who, _SHORT) if who else "not known",
        joined([title_of(row.source), ": ", row.seen]),
    )
