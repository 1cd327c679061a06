"""The log of Windows' firewall, and any other in the W3C's extended format with these fields.

Format: Microsoft, "Interpreting the Windows Firewall log" (version 1.5): lines of values with a
blank between, ``-`` for none; ``#Fields:`` names them, ``#Time Format:`` tells the clock.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timezone
from typing import NamedTuple

from . import FormatError

_FIELDS = ("date", "time", "action", "protocol", "src-ip", "dst-ip", "src-port", "dst-port")
_HEAD = 64
"""Lines at its beginning in which its fields may be named."""
MAX_LINE = 4_096
"""Bytes."""


class Packet(NamedTuple):
    """One line."""

    time: datetime
    """As the log tells it, as if that were UTC."""
    action: str
    """``ALLOW``, ``DROP``, ``OPEN``, ``CLOSE`` …"""
    source: str
    source_port: int | None
    destination: str
    destination_port: int | None
    inbound: bool


def fields_of(data: bytes) -> Sequence[str]:
    """The names of a log's fields; those of version 1.5, where it does not tell them."""
    for line in data[: _HEAD * MAX_LINE].split(b"\n", _HEAD)[:_HEAD]:
        name, _, rest = line.decode("utf-8", "replace").strip("\ufeff\r ").partition(":")
        if name.casefold() == "#fields":
            return rest.casefold().split()
    return _FIELDS


def is_local(data: bytes) -> bool:
    """Whether its times are the host's own, as they are unless it says otherwise."""
    return b"#time format: utc" not in data[: _HEAD * MAX_LINE].lower()


def read_line(line: bytes, fields: Sequence[str]) -> Packet | None:
    """None: a remark, or empty. Raises FormatError: no line of a log with these fields."""
    text = line[:MAX_LINE].decode("utf-8", "replace").strip("\ufeff\r\n ")
    if not text or text.startswith("#"):
        return None
    told: Mapping[str, str] = dict(zip(fields, text.split(), strict=False))
    try:
        time = datetime.fromisoformat(f"{told['date']} {told['time']}")
    except (KeyError, ValueError) as error:
        raise FormatError("no line of a firewall's log", "time") from error
    action = told.get("action", "").upper()
    return Packet(
        time if time.tzinfo is not None else time.replace(tzinfo=timezone.utc),
        action,
        _value(told, "src-ip"),
        _port(told, "src-port"),
        _value(told, "dst-ip"),
        _port(told, "dst-port"),
        told.get("path", "").upper() == "RECEIVE" or action == "OPEN-INBOUND",
    )


def _value(told: Mapping[str, str], name: str) -> str:
    value = told.get(name, "-")
    return "" if value == "-" else value


def _port(told: Mapping[str, str], name: str) -> int | None:
    value = _value(told, name)
    return int(value) if value.isascii() and value.isdigit() and len(value) < 6 else None
