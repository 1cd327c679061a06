"""What every mapping shares: an id that never changes, valid text, times, and honest bounds."""

from __future__ import annotations

import ipaddress
import re
import uuid
from collections.abc import Sequence
from datetime import datetime, timedelta, timezone
from typing import Any, Final, NamedTuple

import msgspec

from ...model.objects import Hash
from ...model.report import Finding, Report, Strength

Document = dict[str, Any]

VENDOR = "iocsweep"
PRODUCT = "iocsweep"

_NAMESPACE = uuid.UUID("6f0d1f4e-6f3a-5c58-9c0e-2f1b8d2f7a10")
_UNFIT = re.compile(r"[\ud800-\udbff][\udc00-\udfff]|[\ud800-\udfff\x00]")
_EPOCH = datetime(1970, 1, 1, tzinfo=timezone.utc)
_MAX_ITEMS = 1024
_LONG = 2**63 - 1
_MAX_CUTS = 64
SANE: Final = (
    datetime(1980, 1, 1, tzinfo=timezone.utc),
    datetime(2037, 12, 31, 23, 59, 59, tzinfo=timezone.utc),
)
"""Receivers sort and expire by these times; beyond them lie negative numbers, years of other than
four digits, and the end of 32 bits."""

SEVERITY = {
    Strength.CONFIRMED: "critical",
    Strength.STRONG: "high",
    Strength.WEAK: "low",
    Strength.EXCLUDED: "informational",
}


class Cut(NamedTuple):
    """What a bound took away. ``unit``: ``bytes`` of UTF-8, ``items``, ``value``."""

    field: str
    kept: int
    total: int
    unit: str


Limits = Sequence[Document]
"""In what a report is not what its sweep asks for, as the collector judged it: ``what`` (``pack``,
``scope`` …), the value ``seen`` and the value ``asked``. Empty: in nothing, or nobody judged it."""


class Signed(NamedTuple):
    """How a report is signed, as the collector judged it when it came; see ``docs/signatures.md``.
    Empty: nobody judged it."""

    status: str = ""
    """``verified``, ``unsigned``, ``altered``, ``unknown_key`` …"""
    detail: str = ""
    """The key's id, or what is wrong and in which line."""

    def fields(self, prefix: str = "signature_") -> Document:
        """Under the two names that every document has for it."""
        first, rest = ("status", "detail") if prefix.endswith("_") else ("Status", "Detail")
        return {f"{prefix}{first}": self.status, f"{prefix}{rest}": self.detail}


NOT_JUDGED: Final = Signed()


def limit_text(limits: Limits) -> str:
    """One line."""
    return "; ".join(f"{one['what']}: {one['seen']} (asked for: {one['asked']})" for one in limits)


def document_id(report: Report, finding: Finding) -> str:
    """The same for the same finding of the same report, however often it is sent."""
    return str(uuid.uuid5(_NAMESPACE, valid(f"{report.report_id}/{finding.id}")))


def valid(text: str) -> str:
    """``text`` as it can be written in UTF-8 and read by programs written in C.

    A surrogate pair becomes its character; a lone surrogate and NUL become visible escapes. All
    other control characters stay: JSON has a form for them.
    """
    return _UNFIT.sub(_visible, text) if _UNFIT.search(text) else text


def _visible(found: re.Match[str]) -> str:
    text = found.group()
    if len(text) == 2:
        return text.encode("utf-16-le", "surrogatepass").decode("utf-16-le")
    return "\\x00" if text == "\0" else f"\\u{ord(text):04x}"


def valid_within(value: Any) -> Any:
    """Every text in a value of JSON as :func:`valid` gives it; names of fields are ours."""
    if isinstance(value, str):
        return valid(value)
    if isinstance(value, dict):
        return {key: valid_within(one) for key, one in value.items()}
    return [valid_within(one) for one in value] if isinstance(value, list) else value


def capped(text: str, max_bytes: int) -> str:
    """The beginning of valid text, whole characters only."""
    if len(text) * 4 <= max_bytes:
        return text
    return text.encode("utf-8")[:max_bytes].decode("utf-8", "ignore")


def stamp(time: datetime | None) -> str | None:
    """ISO 8601 in UTC with a ``Z``; a time without a zone is taken for UTC."""
    return None if time is None else utc(time).isoformat().replace("+00:00", "Z")


def epoch(time: datetime) -> float:
    """Seconds since 1970-01-01 UTC."""
    return (utc(time) - _EPOCH).total_seconds()


def epoch_ms(time: datetime) -> int:
    """Whole milliseconds since 1970-01-01 UTC."""
    return (utc(time) - _EPOCH) // timedelta(milliseconds=1)


def sane(time: datetime) -> datetime:
    """In UTC, and within :data:`SANE`: for where a receiver does more with it than show it. Whoever
    asks for it keeps the claimed time beside."""
    return min(max(utc(time), SANE[0]), SANE[1])


def utc(time: datetime) -> datetime:
    """In UTC; what lies outside the calendar there keeps its clock."""
    if time.tzinfo is not None:
        try:
            return time.astimezone(timezone.utc)
        except OverflowError:
            pass
    return time.replace(tzinfo=timezone.utc)


def address(text: str) -> str | None:
    """``text`` if it is an IP address, without a zone index (``%eth0``)."""
    try:
        return str(ipaddress.ip_address(text.partition("%")[0]))
    except ValueError:
        return None


def endpoint(text: str) -> tuple[str, int | None]:
    """``address:port`` in two; IPv6 may stand in brackets."""
    head, _, port = text.rpartition(":")
    if head and port.isascii() and port.isdecimal() and len(port) <= 5:
        return head.strip("[]"), int(port)
    return text, None


def account(name: str) -> tuple[str, str]:
    r"""Domain and name of ``DOMAIN\name``; the domain is empty when it is not said."""
    domain, backslash, rest = name.partition("\\")
    return (domain, rest) if backslash else ("", name)


def best_hash(hashes: Hash | None) -> str | None:
    """The strongest known."""
    return None if hashes is None else hashes.sha256 or hashes.sha1 or hashes.md5


def remote_name(finding: Finding) -> str:
    """The name that was connected to, or else the one that was asked for."""
    connected = finding.destination.domain if finding.destination else ""
    return connected or (finding.dns.question if finding.dns else "")


def hashes_of(finding: Finding) -> list[str]:
    """Every hash of the finding's file, module and program, once."""
    parts = [part.hash for part in (finding.file, finding.dll, finding.process) if part is not None]
    found = [h for part in parts if part is not None for h in (part.sha256, part.sha1, part.md5)]
    return list(dict.fromkeys(h for h in found if h))


def plain(value: object) -> Any:
    """Structs as dictionaries, times as ISO 8601; what is absent is left out."""
    return pruned(msgspec.to_builtins(value, str_keys=True))


def pruned(value: Any) -> Any:
    """Without ``None`` and what is empty; ``0`` and ``False`` say something and stay."""
    if isinstance(value, dict):
        inner = {key: pruned(item) for key, item in value.items()}
        return {key: item for key, item in inner.items() if item not in (None, "", [], {})}
    if isinstance(value, list):
        return [pruned(item) for item in value]
    return value


def within(value: Any, *, max_bytes: int, max_text: int, name: str = "") -> tuple[Any, list[Cut]]:
    """``value`` with valid text only, at most ``max_bytes`` as JSON, and what was cut for that.

    No text is longer than ``max_text`` bytes. Texts and lists are shortened together, step by step,
    until all fits: long texts go before short ones.
    """
    for shrink in (1, 4, 16, 64, 256, 1024, 4096):
        cutter = _Cutter(max(max_text // shrink, 8), max(_MAX_ITEMS // shrink, 1))
        result = cutter.of(value, name)
        if len(msgspec.json.encode(result)) <= max_bytes:
            break
    return result, cutter.cuts


class _Cutter:
    def __init__(self, max_text: int, max_items: int) -> None:
        self.cuts: list[Cut] = []
        self._max_text = max_text
        self._max_items = max_items

    def of(self, value: Any, name: str) -> Any:
        if isinstance(value, str):
            text = valid(value)
            kept = capped(text, self._max_text)
            if len(kept) < len(text):
                self._note(Cut(name, len(kept.encode()), len(text.encode()), "bytes"))
            return kept
        if isinstance(value, dict):
            return {
                key: self.of(item, f"{name}.{key}" if name else key) for key, item in value.items()
            }
        if isinstance(value, list):
            if len(value) > self._max_items:
                self._note(Cut(name, self._max_items, len(value), "items"))
            kept_items = value[: self._max_items]
            return [self.of(item, f"{name}[{index}]") for index, item in enumerate(kept_items)]
        if type(value) is int and abs(value) > _LONG:
            self._note(Cut(name, _LONG, value, "value"))
            return _LONG if value > 0 else -_LONG
        return value

    def _note(self, cut: Cut) -> None:
        if len(self.cuts) < _MAX_CUTS:
            self.cuts.append(cut)


def cuts_as_text(cuts: list[Cut]) -> list[str]:
    """For a person and a query: ``process.command_line: kept 32000 of 1048576 bytes``."""
    return [f"{cut.field}: kept {cut.kept} of {cut.total} {cut.unit}" for cut in cuts]
