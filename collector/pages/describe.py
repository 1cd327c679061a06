"""Numbers, times and answers in words, the same on every page."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timezone

from msgspec import MsgspecError

from agent.output.layout import size

from ..judging import SKEW_MS, demand_of
from ..records import (
    NOTHING_ASKED,
    AuditRow,
    Counts,
    Demand,
    HostRow,
    HostState,
    Limit,
    Sweep,
)
from ..signatures import verdict_kept
from ..suppression import Suppression

MINUTE = 60_000
HOUR = 60 * MINUTE
DAY = 24 * HOUR
CLEAN = "nothing left unlooked at"
LIMITED = "as far as asked, which is not what this sweep asks for"
NOT_SIGNED_SO = "not signed as it has to be"
UNASKED = (
    "none was pinned: this sweep was made without a word of what counts, as earlier collectors did."
    " Clean is by whatever pack each report names, however old it is; what was asked of a part of a"
    " host is limited."
)
_FIRST = datetime.min.replace(tzinfo=timezone.utc)
_LAST = datetime.max.replace(tzinfo=timezone.utc)


def when(time: int | datetime | None) -> str:
    """``2026-11-24 14:02:05 UTC``, from milliseconds or a time of the report."""
    if time is None:
        return "never"
    try:
        if isinstance(time, int):
            time = datetime.fromtimestamp(time / 1000, timezone.utc)
        elif time.tzinfo is not None:
            time = time.astimezone(timezone.utc)
    except (OverflowError, OSError, ValueError):
        return "a time that no calendar has"
    return f"{time:%Y-%m-%d %H:%M:%S} UTC"


def moment(time: int) -> datetime:
    """Of milliseconds UTC. A time that no calendar has, as hosts may claim one, is the nearest."""
    try:
        return datetime.fromtimestamp(time / 1000, timezone.utc)
    except (OverflowError, OSError, ValueError):
        return _FIRST if time < 0 else _LAST


def moment_or_none(time: int | None) -> datetime | None:
    """The same of one that may not be known."""
    return None if time is None else moment(time)


def iso(time: int) -> str:
    """``2026-11-24T14:02:05.120Z``, for exports."""
    try:
        moment = datetime.fromtimestamp(time / 1000, timezone.utc)
    except (OverflowError, OSError, ValueError):
        return str(time)
    return f"{moment:%Y-%m-%dT%H:%M:%S}.{moment.microsecond // 1000:03}Z"


def zone_words(minutes: int) -> str:
    """``UTC-03:30``, of minutes east of Greenwich."""
    hours, rest = divmod(abs(minutes), 60)
    return f"UTC{'-' if minutes < 0 else '+'}{hours:02}:{rest:02}"


def duration(milliseconds: int) -> str:
    """In its two largest units: ``3 h 12 min``."""
    if milliseconds < MINUTE:
        return f"{max(milliseconds, 0) // 1000} s"
    if milliseconds < HOUR:
        return f"{milliseconds // MINUTE} min"
    if milliseconds < DAY:
        rest = milliseconds % HOUR // MINUTE
        return f"{milliseconds // HOUR} h" + (f" {rest} min" if rest else "")
    rest = milliseconds % DAY // HOUR
    return f"{milliseconds // DAY} d" + (f" {rest} h" if rest else "")


def share(part: int, whole: int) -> str:
    """In per cent; never rounded to all or to nothing when it is neither."""
    if whole <= 0:
        return ""
    if part == 0:
        return "0 %"
    if part == whole:
        return "100 %"
    percent = 100 * part / whole
    if percent < 0.1:
        return "< 0.1 %"
    if 99.9 < percent < 100:
        return "> 99.9 %"
    return f"{percent:.1f} %"


def counted(count: int, one: str, many: str = "") -> str:
    """``1 host``, ``37 hosts``."""
    return f"{count:,} {one if count == 1 else many or one + 's'}"


def answer(counts: Counts) -> tuple[str, str]:
    """What a sweep says so far: the sentence, and what it must not be read without.

    "Clean" is said only when every expected host has reported so and nothing is suppressed; with no
    list of expected hosts, only of those that reported.
    """
    gaps = [
        f"{count:,} {word}"
        for count, word in (
            (counts.incomplete, "incomplete"),
            (counts.failed, "failed"),
            (counts.limited, "limited"),
            (counts.not_reported, "not reported"),
        )
        if count
    ]
    rest = f"Not known to be clean: {', '.join(gaps)}." if gaps else ""
    if aside := suppressed_words(counts):
        rest = f"{rest} {aside[0].upper()}{aside[1:]}.".lstrip()
    if counts.owing:
        sent = counted(counts.owing, "expected host has", "expected hosts have")
        rest = f"{rest} {sent} not answered what was asked, and sent something else.".lstrip()
    if not counts.expected and counts.reported:
        rest = f"{rest} Without a list of expected hosts, silent ones cannot be counted.".lstrip()
    if counts.hit:
        return f"Hit on {counted(counts.hit, 'host')}{unowned_words(counts)}", rest
    if not counts.reported:
        return "No report yet", rest
    if counts.suppressed:
        return f"No open hit{' so far' if gaps else ''}: {aside}", rest
    if aside:
        return f"No hit{' so far' if gaps else ''}, but {aside}", rest
    if gaps:
        return "No hit so far", rest
    if not counts.expected:
        return f"Clean: {counted(counts.clean, 'host')} reported, no gap", rest
    expected = counted(counts.expected, "expected host")
    return f"Clean: {expected} reported, {CLEAN}", rest


def unowned_words(counts: Counts) -> str:
    """``, 5 of them new and owned by nobody``; empty: each hit host is somebody's, or looked at."""
    if not counts.unowned:
        return ""
    which = "" if counts.unowned == counts.hit else f"{counts.unowned:,} of them "
    return f", {which}new and owned by nobody"


def suppressed_words(counts: Counts) -> str:
    """``all hits of 2 hosts are suppressed, 3 findings in all``; empty: nothing is suppressed."""
    findings = counted(counts.suppressed_findings, "finding")
    if counts.suppressed:
        return f"all hits of {counted(counts.suppressed, 'host')} are suppressed, {findings} in all"
    if counts.suppressed_findings:
        return f"{findings} {'is' if counts.suppressed_findings == 1 else 'are'} suppressed"
    return ""


def covering_words(one: Suppression) -> str:
    """What a suppression covers, and what it does not."""
    if one.finding_id is not None:
        return "this finding alone"
    parts = [f"with the path {one.path}"] if one.path else []
    parts += [f"with the hash {one.hash}"] if one.hash else []
    which = f"weak and strong findings{' ' if parts else ''}{' and '.join(parts)}"
    if one.until is not None:
        return f"{which} of reports received until {when(one.until)}"
    if one.earlier:
        return (
            f"{which}, those to come included, and confirmed ones of reports received until"
            f" {when(one.confirmed_until)}: made by an earlier collector, which asked for no limit"
        )
    return f"{which}, those to come included"


def states(counts: Counts) -> str:
    """``clean 4, hit 1, …, not reported 1 of 5; suppressed …``: the six, for a line."""
    return (
        f"clean {counts.clean}, hit {counts.hit}, incomplete {counts.incomplete},"
        f" failed {counts.failed}, limited {counts.limited},"
        f" not reported {counts.not_reported} of {counts.expected}"
        + (f", unexpected {counts.unexpected}" if counts.unexpected else "")
        + f"; suppressed {counts.suppressed_findings} findings,"
        f" all hits of {counts.suppressed} hosts"
    )


def limit_words(limits: Sequence[Limit]) -> str:
    """``scope: only files (asked for: the whole host); pack: …``; empty for none."""
    return "; ".join(f"{one.what}: {one.seen} (asked for: {one.asked})" for one in limits)


def unasked(limits: Sequence[Limit]) -> list[Limit]:
    """Those that are about what was asked: a wrong signature is told beside them, with where."""
    return [one for one in limits if one.what != "signature"]


def hit_words(limits: Sequence[Limit]) -> str:
    """By what sort of a report there is a hit; empty for one that is as it should be."""
    others = unasked(limits)
    words = [f"by a report that was not asked for: {limit_words(others)}"] if others else []
    if len(others) < len(limits):
        words.append(f"by a report that is {NOT_SIGNED_SO}")
    return "; ".join(words)


def gaps_of(host: HostRow) -> str:
    """What was not looked at, without what is wrong with the signature."""
    wrong = f"signature: {verdict_kept(host.said_signature).detail}"
    return host.reasons.removeprefix(wrong).removeprefix("; ")


def demand_words(sweep: Sweep) -> list[tuple[str, str]]:
    """What counts as an answer to a sweep, a line for each condition."""
    demand = sweep.demand
    if demand == NOTHING_ASKED:
        return [("Pack", UNASKED)]
    lines = [("Pack", pack_words(demand))]
    if demand.whole_host:
        lines.append(("Scope", "the whole host"))
    if demand.sources:
        lines.append(("Sources", ", ".join(demand.sources)))
    if demand.after is not None:
        lines.append(("Made", f"not before {when(demand.after - SKEW_MS)}"))
    if demand.sweep_id is not None:
        lines.append(("Sweep id", f"{demand.sweep_id}, or none"))
    if demand.kinds:
        lines.append(("Kind", " or ".join(demand.kinds)))
    if demand.signed:
        lines.append(("Signature", "by a key of this sweep"))
    return lines


def audit_words(row: AuditRow) -> str:
    """What an entry says besides; what a sweep asks for in words, as its page has it."""
    if row.action != "ask for":
        return row.detail
    try:
        asked = demand_of(row.detail)
    except MsgspecError:
        return row.detail  # of a later version
    sweep = Sweep(
        sweep_id="", title="", pack=asked.pack, created=row.at, deadline=None, demand=asked
    )
    return "; ".join(f"{name}: {words}" for name, words in demand_words(sweep))


def pack_words(demand: Demand) -> str:
    """The pack that is asked for, and what it means if there is none."""
    if demand.pack and demand.pack_sha256:
        return f"{demand.pack}, SHA-256 {demand.pack_sha256}"
    if demand.pack and demand.pack_version:
        return f"{demand.pack}, {demand.pack_version} or later"
    if demand.pack:
        return f"{demand.pack}, any version"
    return "any" if demand.any_pack else "none is pinned, so no host counts as clean"


def reach_estimate(counts: Counts, recent: int, window_ms: int, now: int) -> tuple[str, int | None]:
    """When the last expected host may have reported, in words and as a time if there is one."""
    window = duration(window_ms)
    if not counts.expected:
        return "no list of expected hosts, so the end is not known", None
    if not counts.not_reported:
        return "all expected hosts have reported", None
    if not recent:
        return f"no report in the last {window}, so none can be given", None
    end = now + counts.not_reported * window_ms // recent
    if end - now > 365 * DAY:
        return f"more than a year at the pace of the last {window}", None
    per_minute = recent * MINUTE / window_ms
    pace = f"{per_minute:,.0f}" if per_minute >= 10 else f"{per_minute:.1f}"
    return f"{when(end)[:16]} UTC at {pace} reports/min, the pace of the last {window}", end


def deadline_words(deadline: int | None, end: int | None, now: int) -> str:
    """The deadline, how far it is, and whether the estimate keeps it."""
    if deadline is None:
        return "none set"
    said = when(deadline)[:16] + " UTC"
    if deadline <= now:
        return f"{said}, passed {duration(now - deadline)} ago"
    late = ", before the estimated end" if end is not None and end > deadline else ""
    return f"{said}, in {duration(deadline - now)}{late}"


def host_answer(host: HostRow) -> str:
    """The state of one host and why, in one line."""
    if host.suppressed and host.state == "clean":
        return "No open hit: all its hits are suppressed"
    findings = [
        f"{count:,} {word}" for count, word in ((host.strong, "strong or confirmed"),
                                                (host.weak, "weak")) if count
    ]  # fmt: skip
    hit = ", ".join(findings) or "found in an earlier report"
    if host.hit_limits:
        hit += f", {hit_words(host.hit_limits)}"
    why = {
        "hit": hit,
        "limited": f"clean by what was asked, which is not what counts: {limit_words(host.limits)}",
        "clean": CLEAN,
        "incomplete": _why_incomplete(host),
        "failed": host.reasons or "the sweep was cut off",
    }[host.state]
    return f"{host.state.capitalize()}: {why}"


def _why_incomplete(host: HostRow) -> str:
    gaps = gaps_of(host)
    if gaps == host.reasons:
        return gaps or "no trace found in what could be seen"
    return f"{NOT_SIGNED_SO}; {gaps}" if gaps else NOT_SIGNED_SO


def report_answer(state: HostState, counts: Sequence[tuple[int, str]]) -> tuple[str, str]:
    """What one report is worth to its sweep, and what was found."""
    found = ", ".join(f"{count:,} {word}" for count, word in counts if count)
    words = {
        "hit": "Hit",
        "clean": f"Clean, {CLEAN}",
        "limited": f"Limited, clean {LIMITED}",
        "incomplete": "Incomplete, no strong trace found in what could be seen",
        "failed": "Failed, the sweep was cut off before it had asked all",
    }
    return words[state], found


__all__ = [
    "audit_words",
    "CLEAN", "LIMITED", "answer", "counted", "covering_words", "deadline_words", "demand_words",
    "duration", "hit_words", "host_answer", "iso", "limit_words", "pack_words", "reach_estimate",
    "report_answer", "share", "size", "states", "suppressed_words",
    "unasked", "when", "zone_words",
]  # fmt: skip
