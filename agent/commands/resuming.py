"""Reports that are there already, and answer the same question about the same bytes."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from ..exit_codes import CLEAN, HIT, INCOMPLETE, CannotRun
from ..matching.own_traces import Own
from ..model.custody import Exhibit
from ..model.report import INTERRUPTED, ExclusionsRef, PackRef, Report, Verdict
from ..options import ENVIRONMENT, Options
from ..sweep.identity import running_agent
from ..sweep.loop import NOT_REACHED, STOPPED, TIME_IS_UP
from ..sweep.publish import report_at
from ..targets import LOCKED
from ..targets.offline.archives.sealed import WAITING
from ..targets.offline.recognise import offline_target
from .packs_signing import pack_keys, signed_rules

RULES = "rules_sha256"
"""In a report's options: of all that the operator's own rules are."""
_CUT_SHORT = {INTERRUPTED, STOPPED, TIME_IS_UP, NOT_REACHED}
_ASIDE = {
    "paths", "out", "jobs", "resume", "scheduler", "part", "force", "quiet", "exit_zero", "nice",
    "cache", "collector", "ca", "proxy", "no_proxy", "share", "send_window", "no_delivery",
    "sweep_id", "examiner", "case", "notes", "max_runtime", "packs", "only_packs", "pack_key",
    "rules", "pause", "max_memory", ENVIRONMENT,
}  # fmt: skip
"""Options that ask nothing of the evidence; packs and rules are compared by what they hold."""
_CODES = {Verdict.HIT: HIT, Verdict.INCOMPLETE: INCOMPLETE, Verdict.CLEAN: CLEAN}


class Question(NamedTuple):
    """What was asked, and by which program."""

    agent: tuple[str, str, str | None]
    packs: tuple[tuple[str, str], ...]
    exclusions: str
    options: str


def question(
    options: dict[str, Any],
    packs: Sequence[PackRef],
    exclusions: ExclusionsRef | None,
    report: Report | None = None,
) -> Question:
    """``options``: as a report keeps them, with :func:`rules_in`; ``report``: the one that they are
    of, if they are."""
    agent = running_agent() if report is None else report.agent
    asked = {name: value for name, value in options.items() if name not in _ASIDE}
    return Question(
        (agent.version, agent.build, agent.sha256),
        tuple(sorted((pack.id, pack.sha256) for pack in packs)),
        "" if exclusions is None else exclusions.sha256,
        json.dumps(asked, sort_keys=True, default=str),
    )


def rules_in(options: Options) -> dict[str, object]:
    """What a report will keep of the operator's own rules, beside their paths. Raises
    RulesError, and PackError for one that no pinned key signed."""
    if not options.rules:
        return {}
    from ..engine.rule_files import load_rules

    vouched = signed_rules(pack_keys(options))
    return {
        RULES: load_rules(options.rules, strict=options.strict_rules, vouched=vouched).fingerprint
    }


def is_answer(report: Report, asked: Options) -> bool:
    """Whether a report of the same evidence and question is the answer. Not with keys that it may
    have lacked; nor of what lay elsewhere and still lies there, as then it is other evidence."""
    reasons = (reason.reason for one in report.coverage for reason in one.reasons)
    if asked.bitlocker_keys is not None and any(
        one.startswith((LOCKED, *WAITING)) for one in reasons
    ):
        return False
    here = {os.path.realpath(path) for path in asked.paths}
    there = {os.path.realpath(path) for path in report.target.paths}
    return here == there or not any(os.path.lexists(path) for path in there - here)


def exhibits_of(options: Options) -> list[Exhibit]:
    """Of what a sweep with these options would be given; empty for what cannot be opened."""
    try:
        return offline_target(*options.paths, own=Own()).exhibits()
    except (CannotRun, OSError):
        return []


def identity_of(exhibits: Sequence[Exhibit]) -> tuple[str, ...]:
    """Empty where it is not known of all: the content of a folder may have changed."""
    known = tuple(sorted(one.identity for one in exhibits))
    return known if all(known) else ()


def whole_reports(folder: Path) -> Iterator[tuple[tuple[tuple[str, ...], Question], Path, Report]]:
    """Those that came to their end, by the identity of their evidence and by what was asked."""
    for path in sorted(folder.glob("*.json")):
        report = report_at(path)
        if report is None or report.custody is None or is_cut_short(report):
            continue
        if identity := identity_of(report.custody.exhibits):
            asked = question(report.options, report.packs, report.exclusions, report)
            yield (identity, asked), path, report


def is_cut_short(report: Report) -> bool:
    """Whether the sweep ended before its end."""
    reasons = (reason.reason for one in report.coverage for reason in one.reasons)
    return not _CUT_SHORT.isdisjoint(reasons)


def code_of(report: Report) -> int:
    """The exit code of its sweep."""
    return _CODES[report.verdict]
