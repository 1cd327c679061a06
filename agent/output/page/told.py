"""A report as a page takes it, and how its bytes are kept inside the page."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator, Sequence
from html import unescape
from typing import NamedTuple

from ...model.codec import ReportError, decode, encode
from ...model.report import Report
from ..escape import shown
from .markup import NOTHING, Html, escaped, tag

MAX_DATA = 24 << 20
"""Bytes of reports that one page holds; of more it tells their fingerprints."""
_ACTIVE = {"<": "\\u003c", ">": "\\u003e", "&": "\\u0026"}
_UNREAD = re.compile(rb'<li class="unread">([^<]*)</li>')
_INSIDE = re.compile(rb'<script type="application/json" data-name="([^"<]*)">([^<]*)</script>')


class Told(NamedTuple):
    """A report, the bytes that it was read from, and the name of their file."""

    report: Report
    data: bytes
    name: str = ""

    @property
    def sha256(self) -> str:
        """Of the bytes."""
        return hashlib.sha256(self.data).hexdigest()


def told_of(report: Report) -> Told:
    """One that was just made, as it is written. Raises ReportError."""
    return Told(report, encode(report))


def kept(told: Told) -> Html:
    """The report as an element that no browser shows or runs. In JSON, what could end the element
    only stands in strings, and is written as an escape there: whoever reads it gets the same."""
    text = told.data.decode("utf-8").strip()
    if not text.isascii():
        text = "".join(char if char < "\x80" else _json_escape(char) for char in text)
    for char, instead in _ACTIVE.items():
        text = text.replace(char, instead)
    name = escaped(told.name)
    return Html(f'<script type="application/json" data-name="{name}">{text}</script>\n')


def not_read(lines: Sequence[str]) -> Html:
    """What was given and is not on the page: nothing that the page says is said of it."""
    if not lines:
        return NOTHING
    return tag(
        "div",
        tag("p", "Given as well, but not read, and so no part of what this page says:"),
        tag("ul", *(Html(f'<li class="unread">{escaped(line)}</li>') for line in lines)),
        class_="unread",
        role="note",
    )


def unread_in(page: bytes) -> list[str]:
    """The lines of :func:`not_read`."""
    return [unescape(line.decode("utf-8", "replace")) for line in _UNREAD.findall(page)]


def _json_escape(char: str) -> str:
    units = char.encode("utf-16-be", "surrogatepass")
    return "".join(f"\\u{units[at]:02x}{units[at + 1]:02x}" for at in range(0, len(units), 2))


def reports_in(page: bytes) -> Iterator[Told]:
    """The reports that a page holds; the bytes are those of our own files again. Raises
    ReportError."""
    for name, inside in _INSIDE.findall(page):
        text = inside
        for char, instead in _ACTIVE.items():
            text = text.replace(instead.encode(), char.encode())
        try:
            named = unescape(name.decode("utf-8"))
        except UnicodeDecodeError as error:
            raise ReportError("the name of a report in a page is not UTF-8") from error
        data = text + b"\n"
        yield Told(decode(data), data, shown(named))
