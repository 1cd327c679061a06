"""A report, or several, as one page for the person who signs it.

The page stands alone: no script, nothing from a network, one sheet whose fingerprint its own policy
names. Every text of a report is escaped on one way (:mod:`.markup`). All that a report may have
without end is bounded here, and what is left out is counted.
"""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Iterable, Sequence

from ... import __version__
from ...model.codec import ReportError
from ...model.report import Report
from ..layout import when
from .answer import head, headline, next_steps, not_covered, worth
from .case import case, case_end, sorted_by_first
from .findings import findings, timeline
from .markup import Html, joined, tag
from .method import custody, glossary, indicators, method
from .style import style_of
from .told import MAX_DATA, Told, kept, not_read, reports_in, told_of, unread_in

_BEGIN = '<!DOCTYPE html>\n<html lang="en">\n<head><meta charset="utf-8"/>'
_NAME = '<meta name="generator" content="iocsweep '
_END = "</main></body>\n</html>\n"
_PARTS = (
    ("worth", "What it is worth"),
    ("next", "What to do"),
    ("gaps", "Not covered"),
    ("findings", "Findings"),
    ("timeline", "Timeline"),
    ("indicators", "Indicators"),
    ("method", "Method"),
    ("custody", "Custody"),
    ("words", "Words"),
)
_PARTS_OF_A_CASE = (
    ("hosts", "Computers"),
    ("behaviours", "Who did what"),
    ("timeline", "Timeline"),
    ("words", "Words"),
    ("signed", "Signed"),
)


def page(report: Report) -> bytes:
    """Of a report that was just made. Raises ReportError."""
    return page_of([told_of(report)])


def page_of(told: Sequence[Told], unread: Sequence[str] = ()) -> bytes:
    """Of one report all that it says; of several a case. At least one. ``unread``: what was given
    with them and is not on the page, one line each."""
    if len(told) == 1:
        return _single(told[0], unread)
    told = sorted_by_first(told)
    title = f"Case of {len(told):,} reports"
    data = _data(told)
    inside = [not_read(unread), _nav(_PARTS_OF_A_CASE), *case(told, all_read=not unread)]
    inside += [glossary(inside), case_end(), *data]
    return _whole(title, f"iocsweep, case of {len(told)} reports", inside)


def _single(told: Told, unread: Sequence[str]) -> bytes:
    report = told.report
    data = _data([told])
    inside = [
        not_read(unread),
        head(report),
        _nav(_PARTS),
        worth(report),
        next_steps(report),
        not_covered(report),
        findings(report),
        timeline(report),
        indicators(report),
        method(report),
        custody(told, kept=bool(data)),
    ]
    inside += [glossary(inside), *data]
    foot = f"{report.host.name[:40]}, {when(report.finished)[:10]}, report {report.report_id[:36]}"
    return _whole(headline(report), foot, inside)


def _data(told: Iterable[Told]) -> list[Html]:
    """As many reports as there is room for."""
    room, made = MAX_DATA, []
    for one in told:
        room -= len(one.data)
        if room < 0:
            break
        made.append(kept(one))
    return made


def _nav(parts: Iterable[tuple[str, str]]) -> Html:
    links = (tag("li", tag("a", words, href=f"#{name}")) for name, words in parts)
    return tag("nav", tag("ul", *links), aria_label="Parts of this page")


def _whole(title: str, foot: str, inside: Iterable[Html]) -> bytes:
    style = style_of(foot)
    digest = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()
    policy = f"default-src 'none'; style-src 'sha256-{digest}'; base-uri 'none'; form-action 'none'"
    top = joined(
        [
            Html(_BEGIN),
            Html(f'{_NAME}{__version__}"/>\n'),
            Html(f'<meta http-equiv="Content-Security-Policy" content="{policy}"/>\n'),
            tag("meta", name="viewport", content="width=device-width, initial-scale=1"),
            tag("meta", name="referrer", content="no-referrer"),
            tag("meta", name="robots", content="noindex"),
            tag("title", title),
            Html(f"<style>{style}</style></head>\n<body><main>\n"),
        ]
    )
    text = top + "\n".join(inside) + _END
    return text.encode("utf-8")


def is_page(data: bytes) -> bool:
    """Whether these bytes are such a page, of this version or another, with reports inside."""
    begin, end = (_BEGIN + _NAME).encode(), _END.encode()
    try:
        return data.startswith(begin) and data.endswith(end) and all(True for _ in reports_in(data))
    except ReportError:
        return False


def is_made_here(data: bytes) -> bool:
    """Whether these bytes are, each of them, what this version makes of the reports inside."""
    try:
        told = list(reports_in(data)) if is_page(data) else []
    except ReportError:
        return False
    return bool(told) and page_of(told, unread_in(data)) == data
