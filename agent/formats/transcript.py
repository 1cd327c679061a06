"""Transcripts of PowerShell: what was typed, what ran, and what it printed.

Format: Microsoft Learn, "Start-Transcript", and PowerShell's source,
``HostUtilities``/``MshHostUserInterface.cs``: blocks between lines of asterisks. The first has the
start in local time, the user, the machine, the command line of the host and its process id, a line
each, whose labels are in the language of Windows; behind it what stood on the console. A line that
begins with a prompt is a command.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import NamedTuple

from .plain_text import Line, lines_of

_RULE = re.compile(r"\*{10,}\s*")
_PROMPT = re.compile(r"(?:\[[^\]]{1,256}\]:\s?)?PS(?:\s[^>]{0,1024})?>\s?(.*)|>>\s?(.+)", re.DOTALL)
_TIME = re.compile(r"\d{14}")
_PROGRAM = re.compile(r"(?i)\.exe\b")
MAX_HEADER = 64
"""Lines of the first block that are looked at."""


class Session(NamedTuple):
    """The first block; what it does not tell is empty."""

    started: str
    """``20181114130002``, in a zone that nobody tells."""
    user: str
    host: str
    """The command line of the program that PowerShell ran in."""
    pid: int | None


class Said(NamedTuple):
    """One line behind it."""

    number: int
    text: str
    command: str
    """Without its prompt; empty: it is none."""


def read_transcript(data: bytes) -> tuple[Session, Iterator[Said]]:
    """A transcript without its first block has all lines behind it; so has what is none."""
    lines = list(lines_of(data))
    rules = [at for at, line in enumerate(lines[:MAX_HEADER]) if _RULE.fullmatch(line.text)]
    if len(rules) < 2 or rules[0] > 1:
        return Session("", "", "", None), map(_said, lines)
    header = lines[rules[0] + 1 : rules[1]]
    return _session([line.text for line in header]), map(_said, lines[rules[1] + 1 :])


def _session(lines: Sequence[str]) -> Session:
    values = [line.partition(":")[2].strip() for line in lines]
    time = next((at for at, value in enumerate(values) if _TIME.fullmatch(value)), None)
    host = next((at for at, value in enumerate(values) if _PROGRAM.search(value)), None)
    behind = values[host + 1] if host is not None and host + 1 < len(values) else ""
    is_number = behind.isascii() and behind.isdecimal() and len(behind) < 11
    return Session(
        started=values[time] if time is not None else "",
        user=values[time + 1] if time is not None and time + 1 < len(values) else "",
        host=values[host] if host is not None else "",
        pid=int(behind) if is_number else None,
    )


def _said(line: Line) -> Said:
    found = _PROMPT.fullmatch(line.text)
    command = (found[1] or found[2] or "") if found is not None else ""
    return Said(line.number, line.text, command.strip())
