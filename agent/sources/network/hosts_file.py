"""The hosts file: names pinned to addresses.

Evidence: ``%SystemRoot%\\System32\\drivers\\etc\\hosts`` (or where the registry's ``DataBasePath``
says) and ``hosts.ics`` beside it, which Internet connection sharing writes; ``/etc/hosts``. Since:
every system. A name that points to nowhere (``0.0.0.0 name``) is a defender's block; Windows loads
it into the DNS cache, so it also explains the name there. Copies beside it (``hosts.bak``,
``Copy of hosts``) say what once was pinned, or was meant to be: such a line is weak. Cannot tell:
who wrote a line and when.
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from ...model.objects import Dns
from ...model.observation import Claim, Observation
from ...spelling import base_name, fold
from ..artefact import Artefact, Found, Reader
from ..places import place_in

if TYPE_CHECKING:
    from ...coverage import Part
    from ...targets import Target
    from ...targets.evidence import EvidenceFile

MAX_BYTES = 8 << 20
"""Block lists of advertisers' names are a few megabytes; a larger file is not read to its end."""
MAX_NAMES = 64
"""Names taken from one line; Windows reads nine."""

_NUMBER = re.compile(r"0[xX][0-9a-fA-F]{1,8}|0[0-7]{0,11}|[1-9][0-9]{0,9}")

Address = ipaddress.IPv4Address | ipaddress.IPv6Address


@dataclass(frozen=True)
class HostsEntry:
    """One name of one line."""

    line: int
    address: Address | None
    """None: it is none that can be read."""
    name: str

    @property
    def blocked(self) -> bool:
        """Whether the address leads nowhere: a block, not a place."""
        address = self.address
        return address is not None and (address.is_unspecified or address.is_loopback)


@dataclass(frozen=True)
class OddLine:
    """A line that is neither empty, comment, nor address and names."""

    line: int
    text: str


def parse_hosts(data: bytes) -> Iterator[HostsEntry | OddLine]:
    """Every entry of a hosts file, whatever its encoding and however broken the rest; never
    raises.
    """
    for number, line in enumerate(_text(data).splitlines(), start=1):
        words = line.split("#", 1)[0].replace("\0", " ").split()
        if not words:
            continue
        address = _address(words[0])
        if address is None or len(words) == 1 or len(words) > MAX_NAMES + 1:
            yield OddLine(number, line.strip()[:200])
        for name in words[1 : MAX_NAMES + 1]:
            yield HostsEntry(number, address, name)


def _text(data: bytes) -> str:
    # Windows reads bytes: a mark before them hides nothing from it.
    if data.startswith((b"\xff\xfe", b"\xfe\xff")) and data.count(0) > len(data) // 4:
        return data.decode("utf-16", "replace")
    return data.decode("utf-8-sig", "surrogateescape")


def _address(word: str) -> Address | None:
    try:
        address = ipaddress.ip_address(word.split("%", 1)[0])
    except ValueError:
        return _short_address(word)
    mapped = address.ipv4_mapped if isinstance(address, ipaddress.IPv6Address) else None
    return mapped or address


def _short_address(word: str) -> ipaddress.IPv4Address | None:
    """``0``, ``127.1``, ``0x7f000001``: as ``inet_addr`` of Winsock reads them (Microsoft Learn,
    "inet_addr function", Internet addresses): the last part fills what the others leave."""
    parts = word.split(".")
    if len(parts) > 4 or not all(_NUMBER.fullmatch(part) for part in parts):
        return None
    numbers = [_number(part) for part in parts]
    room = 256 ** (5 - len(numbers))
    if any(number > 255 for number in numbers[:-1]) or numbers[-1] >= room:
        return None
    value = numbers[-1]
    for place, number in enumerate(numbers[:-1]):
        value += number << (24 - 8 * place)
    return ipaddress.IPv4Address(value)


def _number(part: str) -> int:
    """Octal behind a zero, hexadecimal behind 0x."""
    if part[:2].lower() == "0x":
        return int(part, 16)
    return int(part, 8 if len(part) > 1 and part.startswith("0") else 10)


_IN_FORCE = frozenset({"HOSTS", "HOSTS.ICS"})
_COPY = "a copy: Windows does not read it"


class HostsFile(Artefact):
    """One observation per name."""

    name = "hosts_file"
    kind = "hosts file"
    max_bytes = MAX_BYTES
    where = (r"%DataBasePath%\*hosts*", r"%SystemRoot%\System32\drivers\etc\*hosts*")

    def patterns(self, target: Target) -> Sequence[str]:
        """On a running system of another kind, the file that it has."""
        is_unix = target.live is not None and target.platform != "windows"
        return ("/etc/hosts",) if is_unix else self.where

    def required(self, target: Target) -> bool:
        """Small, and there on every system."""
        return target.live is not None or target.platform == "windows"

    def reader(self, file: EvidenceFile, part: Part) -> Reader:
        return _HostsReader(file, part)


class _HostsReader(Reader):
    @property
    def _is_copy(self) -> bool:
        return fold(base_name(self.file.path)) not in _IN_FORCE

    def passes(self, window: bytes, at: int, offset: int) -> None:  # noqa: ARG002 - the whole file
        for entry in parse_hosts(window):
            if isinstance(entry, OddLine):
                place = f"{self.file.path}, line {entry.line}: {entry.text}"
                self.part.note("line is not an address and names", place)
            else:
                self.part.examined()

    def records(self, found: Found) -> Iterator[Observation]:
        for entry in parse_hosts(found.data):
            if isinstance(entry, HostsEntry):
                yield self._observation(entry)

    def _observation(self, entry: HostsEntry) -> Observation:
        answer = "" if entry.address is None else str(entry.address)
        claim = Claim.BLOCKED if entry.blocked else Claim.RESOLVED
        return Observation(
            source=HostsFile.name,
            seen="copy of the hosts file" if self._is_copy else HostsFile.kind,
            claim=claim if answer and not self._is_copy else Claim.LOGGED,
            place=place_in(self.file, str(entry.line), f"{self.file.path}, line {entry.line}"),
            dns=Dns(
                question=entry.name,
                type=_type_of(entry.address),
                answers=[answer] if answer else [],
            ),
            remarks=(
                *(() if answer else ("the line's address is none that can be read",)),
                *((_COPY,) if self._is_copy else ()),
            ),
        )


def _type_of(address: Address | None) -> str:
    return "" if address is None else "A" if address.version == 4 else "AAAA"
