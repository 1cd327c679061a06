r"""What collectors write of a running host: lists of processes, connections and cached names, as
text, CSV, or JSON with an object a line.

By the columns that the tools use, whatever their order: ``tasklist /v /fo csv``, ``netstat -ano``,
``ipconfig /displaydns`` (in Microsoft Defender's investigation packages), ``Get-CimInstance
Win32_Process | Export-Csv``, Velociraptor's ``Windows.System.Pslist``, ``Windows.Network.Netstat``
and ``Windows.System.DNSCache``.
"""

from __future__ import annotations

import csv
import json
import re
from bisect import bisect_right
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import NamedTuple

MAX_LINE = 1 << 20
"""Bytes; of a longer one only this much, from its beginning, is taken apart."""
_NAMES = ("name", "imagename", "processname", "image name")
_COMMANDS = ("commandline", "cmdline", "command")
_IMAGES = ("exe", "executablepath", "executable", "path", "imagepath", "processpath")
_PIDS = ("pid", "processid", "id", "owningprocess")
_USERS = ("username", "user", "owner")
_ADDRESSES = ("raddr.ip", "remoteaddress", "foreignaddress", "raddr", "remoteip", "destip")
_PORTS = ("raddr.port", "remoteport", "foreignport", "destport")
_STATES = ("status", "state")
_CACHED = ("recordname", "entry")
_OF_DNS = frozenset({"ttl", "timetolive", "recordtype", "recordname"})
"""Columns that no other list has."""
_HOST_NAME = re.compile(r"(?:[\w-]{1,63}\.)+[\w-]{2,63}\.?")
_NETSTAT = re.compile(
    r"(?i)\s*(?:TCP|UDP)(?:v[46])?\s+(\S+)\s+(\S+)(?:\s+([A-Z_0-9]*[A-Z]))?(?:\s+(\d+))?\s*"
)
_END = re.compile(r"\[?([0-9A-Fa-f:.%]+?)\]?:(\d{1,5})")
_DASHES = re.compile(r"\s*-{4,}\s*")
_KEY = re.compile(r"[^a-z0-9.]")


class ListedProcess(NamedTuple):
    """A program that ran."""

    name: str
    command_line: str
    image: str
    pid: int | None
    user: str


class ListedConnection(NamedTuple):
    """A connection that was open."""

    ip: str
    port: int | None
    state: str
    pid: int | None
    local: str


class CachedName(NamedTuple):
    """A name that the host had asked for."""

    name: str


Listed = ListedProcess | ListedConnection | CachedName


class Line(NamedTuple):
    """One line; numbers begin with 1."""

    number: int
    offset: int
    text: str
    listed: Listed | None
    """None: text of which nobody knows what it lists."""


def as_utf8(data: bytes) -> bytes:
    """The text, which PowerShell's ``>`` writes in UTF-16."""
    if data[:2] == b"\xff\xfe":
        return data[2:].decode("utf-16-le", "replace").encode()
    if data[:2] == b"\xfe\xff":
        return data[2:].decode("utf-16-be", "replace").encode()
    return data.removeprefix(b"\xef\xbb\xbf")


def lines_at(data: bytes, offsets: Iterable[int] | None) -> Iterator[Line]:
    """The lines of a text in UTF-8 in which these places lie, each once; None: all of them."""
    starts = [0, *(found.end() for found in re.finditer(rb"\r\n|\n|\r", data))]
    if offsets is None:
        numbers: Sequence[int] = range(len(starts))
    else:
        numbers = sorted({bisect_right(starts, offset) - 1 for offset in offsets})
    columns = _columns(_text(data, starts, 0))
    for number in numbers:
        text = _text(data, starts, number)
        following = _text(data, starts, number + 1) if number + 1 < len(starts) else ""
        if text:
            yield Line(number + 1, starts[number], text, _listed(text, following, columns))


def _text(data: bytes, starts: Sequence[int], number: int) -> str:
    end = starts[number + 1] if number + 1 < len(starts) else len(data)
    return (
        data[starts[number] : min(end, starts[number] + MAX_LINE)]
        .decode("utf-8", "replace")
        .strip()
    )


class _Columns(NamedTuple):
    delimiter: str
    names: tuple[str, ...]


def _columns(header: str) -> _Columns | None:
    """None for a text that is no table."""
    for delimiter in (",", ";", "\t"):
        names = tuple(_key(one) for one in next(csv.reader([header], delimiter=delimiter), ()))
        if len(names) > 1 and not header.startswith(("{", "[")):
            return _Columns(delimiter, names)
    return None


def _key(name: str) -> str:
    return _KEY.sub("", name.lower())


def _listed(text: str, following: str, columns: _Columns | None) -> Listed | None:
    if text.startswith("{"):
        return _of(_json(text))
    if columns is not None:
        cells = next(csv.reader([text], delimiter=columns.delimiter), [])
        if len(cells) == len(columns.names):
            return _of(dict(zip(columns.names, cells, strict=True)))
        return None
    if (found := _NETSTAT.fullmatch(text)) is not None:
        return _connection(found[2], "", found[3] or "", found[4] or "", found[1])
    if _HOST_NAME.fullmatch(text) and _DASHES.fullmatch(following):
        return CachedName(text)
    name, colon, value = text.partition(" : ")
    if (
        colon
        and name.rstrip(" .").lower().startswith("record name")
        and _HOST_NAME.fullmatch(value.strip())
    ):
        return CachedName(value.strip())
    return None


def _json(text: str) -> dict[str, str]:
    """The members of an object, those of an object within as ``outer.inner``; none for what is no
    object."""
    try:
        made = json.loads(text.rstrip(","))
    except (ValueError, RecursionError):
        return {}
    facts: dict[str, str] = {}
    for name, value in made.items() if isinstance(made, dict) else ():
        inner = value.items() if isinstance(value, dict) else ()
        facts |= {f"{_key(name)}.{_key(one)}": str(part) for one, part in inner}
        if not isinstance(value, (dict, list)):
            facts[_key(name)] = "" if value is None else str(value)
    return facts


def _of(facts: Mapping[str, str]) -> Listed | None:
    if not _OF_DNS.isdisjoint(facts):
        name = _first(facts, (*_CACHED, "name"))
        return CachedName(name) if name else None
    if address := _first(facts, _ADDRESSES):
        return _connection(
            address, _first(facts, _PORTS), _first(facts, _STATES), _first(facts, _PIDS), ""
        )
    pid, command = _number(_first(facts, _PIDS)), _first(facts, _COMMANDS)
    name, image = _first(facts, _NAMES), _first(facts, _IMAGES)
    if pid is None or not (command or name or image):
        return None
    return ListedProcess(name, command, image, pid, _first(facts, _USERS))


def _connection(
    address: str, port: str, state: str, pid: str, local: str
) -> ListedConnection | None:
    found = _END.fullmatch(address)
    ip = found[1] if found else address.strip("[]")
    number = _number(found[2] if found else port)
    if ip.strip("0.:*") == "":
        return None
    return ListedConnection(ip, number, state.lower(), _number(pid), local)


def _number(text: str) -> int | None:
    return int(text) if text.isascii() and text.isdigit() and len(text) < 11 else None


def _first(facts: Mapping[str, str], names: Iterable[str]) -> str:
    return next((value for name in names if (value := facts.get(name, ""))), "")
