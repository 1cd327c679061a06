"""What an event can say, and its values as the events of all providers spell them."""

from __future__ import annotations

import re
from datetime import datetime

from ...formats.evtx import EventRecord
from ...model.objects import Dns, Event, Objects, Process, User
from ...model.observation import Claim, Moment, moments
from ...spelling import plain_address

MAX_COMMAND = 32_767
"""Characters of a command line, as Windows bounds it; of a script, what is given of it."""
_CNAME = re.compile(r"type:\s*\d+\s+(\S+)")
_TYPES = {1: "A", 5: "CNAME", 12: "PTR", 15: "MX", 16: "TXT", 28: "AAAA", 33: "SRV", 65: "HTTPS"}


class Told(Objects, kw_only=True):
    """What one event says."""

    claim: Claim = Claim.LOGGED
    seen: str = ""
    moments: tuple[Moment, ...] = ()
    remarks: tuple[str, ...] = ()
    text: str = ""
    """Of a script that is known whole, all that it says."""


def event_of(record: EventRecord) -> Event:
    """The record itself."""
    return Event(
        channel=record.channel,
        id=record.event or None,
        record=record.id,
        provider=record.provider,
    )


def script_told(text: str, record: EventRecord) -> Told:
    """A script block, or a part of one, of event 4104."""
    return Told(
        claim=Claim.RAN,
        seen="PowerShell event 4104",
        moments=moments(ran=record.time),
        process=Process(
            pid=record.process, command_line=text[:MAX_COMMAND], user=logged_by(record)
        ),
        event=event_of(record),
        user=logged_by(record),
    )


def value_of(record: EventRecord, name: str) -> str:
    """A hyphen is none."""
    found = record.value(name)
    return "" if found == "-" else found


def number_of(text: str) -> int | None:
    """Decimal, or hexadecimal with ``0x``; at most 32 bits."""
    if len(text) > 18:
        return None
    try:
        number = int(text, 16) if text[:2].lower() == "0x" else int(text)
    except ValueError:
        return None
    return number if 0 <= number <= 0xFFFF_FFFF else None


def utc_in(record: EventRecord, name: str) -> datetime | None:
    """``2017-12-26 13:10:29.134``, UTC."""
    try:
        return datetime.fromisoformat(f"{record.value(name)[:26]}+00:00")
    except ValueError:
        return None


def account(record: EventRecord, prefix: str) -> User | None:
    """``SubjectUserName`` and its like, with domain and SID."""
    name, domain = value_of(record, f"{prefix}UserName"), value_of(record, f"{prefix}DomainName")
    sid = value_of(record, f"{prefix}UserSid")
    if not name and not sid:
        return None
    return User(name=f"{domain}\\{name}" if domain and name else name, id=sid)


def logged_by(record: EventRecord) -> User | None:
    """The account that the record itself names."""
    return User(id=record.sid) if record.sid else None


def dns_of(record: EventRecord) -> Dns | None:
    """The question and its answers, in each of the forms in which they are logged."""
    name = value_of(record, "QueryName")
    if not name:
        return None
    number = number_of(value_of(record, "QueryType"))
    answers: list[str] = []
    for part in value_of(record, "QueryResults").split(";"):
        text = part.strip()
        alias = _CNAME.fullmatch(text)
        if text and text != "-":
            answers.append(alias[1] if alias else plain_address(text))
    kind = "" if number is None else _TYPES.get(number, str(number))
    return Dns(question=name, type=kind, answers=answers)
