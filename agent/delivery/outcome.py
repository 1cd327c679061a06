"""What a collector's answer means, and what is to be done about it: one table."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timezone
from enum import Enum

import msgspec
from msgspec import Struct

from ..output.escape import shown

_SUCCESS = range(200, 300)
_HAVE_IT = ("new", "known")
"""What a collector calls a report that it has."""
_FAMILY = "iocsweep.report/"
"""In an answer that names the schemas it takes and does not take."""
_MAX_RETRY_AFTER_S = 86400
_MAX_REASON = 200


class Action(Enum):
    """What becomes of the report, and of those after it."""

    DONE = "leaves the spool"
    AGAIN = "the collector cannot be had: wait, then the same report again"
    LATER = "may be this report's fault: wait, then the others first"
    SMALLER = "once more in a smaller form, then set aside"
    PLAIN = "once more uncompressed, then it stays"
    ASIDE = "set aside with the reason; never sent again by itself"
    STAYS = "stays in the spool; the others go on"
    STOP = "stays in the spool, and so do the others: it would be the same for them"


class Kind(str, Enum):
    """What the collector's answer, or its absence, means."""

    ACKNOWLEDGED = "acknowledged"
    UNNAMED = "taken, but which report is not said"
    UNREACHABLE = "unreachable"
    CUT = "cut off while sending"
    TLS = "tls"
    UNAUTHORIZED = "unauthorized"
    BLOCKED = "blocked"
    WRONG_ADDRESS = "wrong address"
    CONFLICT = "conflict"
    OTHER_SCHEMA = "schema not taken"
    TOO_LARGE = "too large"
    NOT_UNPACKED = "encoding refused"
    INVALID = "invalid"
    REJECTED = "rejected"
    BUSY = "busy"
    SERVER_ERROR = "server error"

    @property
    def action(self) -> Action:
        """What is done about it."""
        return _ACTIONS[self]


_ACTIONS = {
    Kind.ACKNOWLEDGED: Action.DONE,
    Kind.UNNAMED: Action.STAYS,
    Kind.UNREACHABLE: Action.AGAIN,
    Kind.CUT: Action.AGAIN,
    Kind.TLS: Action.STOP,
    Kind.UNAUTHORIZED: Action.STOP,
    Kind.BLOCKED: Action.AGAIN,
    Kind.WRONG_ADDRESS: Action.STOP,
    Kind.CONFLICT: Action.ASIDE,
    Kind.OTHER_SCHEMA: Action.STAYS,
    Kind.TOO_LARGE: Action.SMALLER,
    Kind.NOT_UNPACKED: Action.PLAIN,
    Kind.INVALID: Action.ASIDE,
    Kind.REJECTED: Action.STAYS,
    Kind.BUSY: Action.AGAIN,
    Kind.SERVER_ERROR: Action.LATER,
}

_KINDS = {
    401: Kind.UNAUTHORIZED,
    403: Kind.BLOCKED,  # a proxy or an application firewall: the collector never says it
    404: Kind.WRONG_ADDRESS,
    405: Kind.WRONG_ADDRESS,
    408: Kind.BUSY,
    409: Kind.CONFLICT,
    413: Kind.TOO_LARGE,
    415: Kind.NOT_UNPACKED,
    422: Kind.INVALID,
    425: Kind.BLOCKED,
    426: Kind.BLOCKED,
    429: Kind.BUSY,
    503: Kind.BUSY,
}

_HINTS = {
    Kind.UNAUTHORIZED: "the token is wrong or has expired: --token-file FILE or IOCSWEEP_TOKEN",
    Kind.BLOCKED: "a proxy or firewall on the way answers so, not the collector",
    Kind.OTHER_SCHEMA: "an earlier collector: update it; every later run offers the report again",
    Kind.WRONG_ADDRESS: "no collector at this address: check --collector",
}


class Outcome(Struct, frozen=True):
    """What became of one attempt."""

    kind: Kind
    reason: str
    status: int | None = None
    retry_after_s: int | None = None

    @property
    def acknowledged(self) -> bool:
        """Whether the collector has the report."""
        return self.kind is Kind.ACKNOWLEDGED


class _Answer(Struct):
    """What a collector says of a report that it has kept."""

    result: str
    report_id: str = ""


_ANSWERS = msgspec.json.Decoder(_Answer)


def meaning(status: int, headers: Mapping[str, str], text: str, report_id: str) -> Outcome:
    """The outcome of an answer to this report; ``text`` is its body, or the beginning of it.

    Anybody on the way may answer 2xx: it is the collector's answer only if it names the report.
    """
    if status in _SUCCESS:
        return _success(status, headers, text, report_id)
    kind = _KINDS.get(status) or _kind_of_class(status)
    if kind.action is Action.ASIDE and _is_page(headers):
        kind = Kind.BLOCKED  # What was never offered to the collector is no refused report.
    text = text[:_MAX_REASON]
    if kind is Kind.CONFLICT and _FAMILY in text:
        kind = Kind.OTHER_SCHEMA
    reason = f"HTTP {status}, {kind.value}" + (f": {shown(text.strip())}" if text.strip() else "")
    if kind in _HINTS:
        reason += f" ({_HINTS[kind]})"
    waits = kind.action in (Action.AGAIN, Action.LATER)
    return Outcome(kind, reason, status, _retry_after(headers) if waits else None)


def _success(status: int, headers: Mapping[str, str], text: str, report_id: str) -> Outcome:
    if _is_page(headers):
        return Outcome(Kind.UNREACHABLE, "a web page answered, not a collector", status)
    try:
        answer = _ANSWERS.decode(text)
    except (msgspec.MsgspecError, RecursionError):
        answer = _Answer("")
    if answer.result not in _HAVE_IT or answer.report_id not in ("", report_id):
        why = f"HTTP {status}, but no collector's answer about this report"
        return Outcome(Kind.UNREACHABLE, why, status)
    if not answer.report_id:
        why = f"HTTP {status}, an earlier collector that names no report: update it"
        return Outcome(Kind.UNNAMED, why, status)
    return Outcome(Kind.ACKNOWLEDGED, "acknowledged", status)


def _is_page(headers: Mapping[str, str]) -> bool:
    """Whether it is one for people, which no collector sends there."""
    return headers.get("Content-Type", "").lower().startswith("text/html")


def _kind_of_class(status: int) -> Kind:
    if status >= 500:
        return Kind.SERVER_ERROR
    return Kind.REJECTED if status >= 400 else Kind.WRONG_ADDRESS


def _retry_after(headers: Mapping[str, str]) -> int | None:
    """Seconds (RFC 9110, 10.2.3); a date is taken relative to the answer's own Date, since the
    clock of this host may be wrong.
    """
    value = headers.get("Retry-After", "").strip()
    if value.isdecimal():
        return min(int(value), _MAX_RETRY_AFTER_S) if len(value) < 10 else _MAX_RETRY_AFTER_S
    until = _date(value)
    if until is None:
        return None
    now = _date(headers.get("Date", "")) or datetime.now(timezone.utc)
    return int(min(max((until - now).total_seconds(), 0), _MAX_RETRY_AFTER_S))


def _date(text: str) -> datetime | None:
    from email.utils import parsedate_to_datetime  # loads sockets and character sets, for one head

    try:
        when = parsedate_to_datetime(text)
    except (TypeError, ValueError, IndexError, OverflowError):
        return None
    return when if when.tzinfo is not None else when.replace(tzinfo=timezone.utc)
