"""How the answer was made: indicators, program, packs, sources, and where the evidence was."""

from __future__ import annotations

import json
from collections.abc import Iterable
from datetime import datetime

from ...model.report import (
    MEMORY_ALONE,
    OFFLINE,
    Coverage,
    IndicatorCount,
    Report,
    Resources,
    State,
)
from ..custody import custody_lines
from ..layout import size, when
from ..limits import reason_of
from .answer import about
from .markup import NOTHING, Html, Inside, facts, joined, section, some, table, tag, value
from .told import Told
from .words import NAMES, SOURCES, STATES, TERMS, title_of

MAX_INDICATORS = 300
MAX_PACKS = 100
MAX_SOURCES = 100
MAX_PATHS = 100
MAX_OPTIONS = 60
_REMARKS = 3
_LONG = 1000


def indicators(report: Report) -> Html:
    """How often each was compared, and matched: those that matched, those that met nothing."""
    if not report.indicators:
        told = "This report has no counts of them."
        return section("indicators", "Indicators", tag("p", told))
    values = {one.indicator.id: one.indicator.value for one in report.findings}
    unmet = sum(not one.tested for one in report.indicators)
    ordered = sorted(report.indicators, key=lambda one: (-one.matched, one.tested > 0))
    rows, more = some([_indicator(one, values) for one in ordered], MAX_INDICATORS, "indicators")
    tested = sum(one.tested for one in report.indicators)
    matched = sum(one.matched for one in report.indicators)
    return section(
        "indicators",
        "Indicators",
        tag(
            "p",
            f"{len(report.indicators):,} indicators were compared {tested:,} times with something "
            f"on the computer, and fitted {matched:,} times. {unmet:,} met nothing that they could "
            "be compared with: of them, this check says nothing.",
        ),
        table(
            "Each indicator: with how many things it was compared, and how many it fitted",
            ("Indicator", "#Compared", "#Fitted", "Value, if found"),
            rows,
            name="indicator-counts",
        ),
        more,
    )


def _indicator(one: IndicatorCount, values: dict[str, str]) -> tuple[Inside, ...]:
    found = values.get(one.id)
    told = value(found, 300) if found else "-"
    return value(one.id, 300), f"{one.tested:,}", f"{one.matched:,}", told


def _used(used: Resources) -> str:
    waited = f"; {used.paused_s:,.1f} s it waited for the computer" if used.paused_s else ""
    memory = f"{size(used.peak_rss_bytes)} of memory at most"
    return f"{used.cpu_s:,.1f} s of processor, {memory}, {size(used.read_bytes)} read{waited}"


def method(report: Report) -> Html:
    """The program, the packs, the options, what was asked, and source by source what was seen."""
    agent = report.agent
    took = (report.finished - report.started).total_seconds()
    scope = "the whole computer" if report.scope.whole_host else "a part of it"
    limits = "; ".join(report.scope.limited_to[:MAX_PATHS])
    told: tuple[tuple[str, Inside], ...] = (
        ("Program", f"iocsweep {agent.version}, {agent.build} build, {agent.form}"),
        ("Began", tag("time", when(report.started))),
        ("Ended", joined([tag("time", when(report.finished)), f", after {took:,.1f} s"])),
        ("Asked about", joined([scope, ": ", value(limits, _LONG)] if limits else [scope])),
        ("Since", when(report.since) if report.since is not None else "without a limit of time"),
        ("Rights", _rights(elevated=report.host.elevated)),
        ("Used", _used(report.resources)),
        ("Schema", ", made as ".join(filter(None, (report.schema, report.made_as)))),
    )  # fmt: skip
    options = [(str(key), _option(given)) for key, given in report.options.items()]
    return section(
        "method",
        "Method",
        tag("p", "The check only reads. It asks nobody on the network about what it searches for."),
        facts(told),
        _packs(report),
        tag("h3", "Options"),
        facts(options[:MAX_OPTIONS]) if options else tag("p", "None but what is usual."),
        _sources(report.coverage),
    )


def _rights(*, elevated: bool | None) -> str:
    return {True: "administrator", False: "NOT administrator", None: "not of account here"}[
        elevated
    ]


def _option(given: object) -> Html:
    text = given if isinstance(given, str) else json.dumps(given, default=str)
    return value(text, _LONG)


def _packs(report: Report) -> Html:
    rows: list[tuple[Inside, ...]] = [
        (value(one.id, 300), value(one.version, 100), f"{one.indicators:,}",
         value(one.origin or "not told", _LONG), value(one.sha256, 64))
        for one in report.packs
    ]  # fmt: skip
    rules = report.exclusions
    if rules is not None:
        rows.append(("rules for what is harmless", value(rules.version, 100), f"{rules.rules:,}",
                     value(rules.origin, _LONG), value(rules.sha256, 64)))  # fmt: skip
    told, more = some(rows, MAX_PACKS, "packs")
    heads = ("Pack", "Version", "#Entries", "From", "Fingerprint (SHA-256)")
    return joined([table("What was searched for", heads, told), more])


def _sources(coverages: Iterable[Coverage]) -> Html:
    told, more = some([_source(one) for one in coverages], MAX_SOURCES, "sources")
    heads = ("Source", "How much", "#Looked at", "#Not read", "Goes back to", "Remarks")
    return joined([table("Source by source", heads, told), more])


def _source(one: Coverage) -> tuple[Inside, ...]:
    known = SOURCES.get(one.source)
    words = tag("div", known.about, class_="quiet") if known else NOTHING
    own = [f"{one.own:,} traces of the check itself, left out"] if one.own else []
    notes = [
        f"{note.count:,} {reason_of(one, note)}" if note.count > 1 else reason_of(one, note)
        for note in one.notes[:_REMARKS]
    ]
    more = len(one.notes) - _REMARKS
    remarks = [*own, *notes, *([f"{more} more in the data"] if more > 0 else [])]
    needed = ", required" if one.required else ""
    return (
        joined(
            [title_of(one.source), tag("span", f" ({one.source}{needed})", class_="quiet"), words]
        ),
        _how_much(one),
        f"{one.examined:,}",
        f"{one.unread:,}",
        _reach(one),
        joined(tag("div", value(remark, 400)) for remark in remarks) or "-",
    )


def _how_much(one: Coverage) -> str:
    """Of what cannot be had from evidence at rest, why: nobody left it out."""
    why = {OFFLINE: "nothing runs in evidence at rest", MEMORY_ALONE: "memory holds no files"}
    told = [why[reason.reason] for reason in one.reasons if reason.reason in why]
    return told[0] if told and one.state is State.SKIPPED else STATES[one.state]


def _reach(one: Coverage) -> Inside:
    oldest: datetime | None = one.reach.oldest if one.reach is not None else None
    return tag("time", when(oldest)) if oldest is not None else "-"


def custody(told: Told, *, kept: bool) -> Html:
    """What the report knows of the evidence and of itself, and room for who answers for it."""
    report = told.report
    paths = [tag("li", value(path, _LONG)) for path in report.target.paths[:MAX_PATHS]]
    more = len(report.target.paths) - MAX_PATHS
    evidence: Inside = tag("ul", *paths) if paths else "all drives of the computer"
    if more > 0:
        evidence = joined([evidence, f" … and {more:,} more in the data"])
    program = report.agent.sha256
    told_of_it = custody_lines(report.custody, most=MAX_PATHS)
    about_it: tuple[tuple[str, Inside], ...] = (
        ("Evidence", None if report.custody else evidence),
        *((what.capitalize(), value(words, _LONG)) for what, words in told_of_it),
        ("Computer's id", value(report.host.id)),
        ("Report", value(report.report_id)),
        ("Sweep", value(report.sweep_id) if report.sweep_id else None),
        ("Began", tag("time", when(report.started))),
        ("Ended", tag("time", when(report.finished))),
        ("Program's fingerprint (SHA-256)",
         value(program) if program else "not told: it ran from its source code"),
        ("File of the report", value(told.name) if told.name else None),
        ("Report's fingerprint (SHA-256)",
         joined([value(told.sha256), f", {len(told.data):,} bytes"])),
        ("The report itself", _where(kept=kept)),
    )  # fmt: skip
    return section(
        "custody",
        "Custody",
        tag("p", "What the report knows of where the answer comes from. Who had the evidence "
            "before and after, it does not know."),
        about(report),
        facts(about_it),
        sign(),
    )  # fmt: skip


def _where(*, kept: bool) -> str:
    if kept:
        return "is in this page's source, as JSON, in the element that browsers do not show"
    return "is too large to be in this page; its file is what counts"


def sign() -> Html:
    """Lines to be filled in by hand."""
    lines = (tag("div", words) for words in ("Name and office", "Place and date", "Signature"))
    return tag("div", *lines, class_="sign")


def glossary(page: Iterable[Html]) -> Html:
    """What the words of a page mean: ours, and those of Windows that occur on it."""
    parts = list(page)
    names = [(name, means) for name, means in NAMES if any(name in part for part in parts)]
    states = [(f"“{words}”", f"of a source: {state.value}") for state, words in STATES.items()]
    return section("words", "Words on this page", facts([*TERMS, *names, *states]))
