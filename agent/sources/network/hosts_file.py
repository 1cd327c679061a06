"""The hosts file: names pinned to addresses.

Evidence: ``%SystemRoot%\\System32\\drivers\\etc\\hosts`` (or where the registry's ``DataBasePath``
says),
``/etc/hosts``. Since: every system. A name that points to nowhere (``0.0.0.0 name``) is a
defender's block;
Windows loads it into the DNS cache, so it also explains the name there. Cannot tell: who wrote a
line and when.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Iterator
from dataclasses import dataclass

from ...coverage import Ledger
from ...matching.matcher import Matcher
from ...model.objects import Destination, Dns
from ...model.observation import Claim, Observation, Place
from ...targets import Target
from ...targets.live.system import LiveSystem, Unreadable, Vanished
from ..running.processes import running_system

MAX_BYTES = 8 << 20
"""Block lists of advertisers' names are a few megabytes; a larger file is not read to its end."""
MAX_NAMES = 64
"""Names taken from one line; Windows reads nine."""

Address = ipaddress.IPv4Address | ipaddress.IPv6Address


@dataclass(frozen=True)
class HostsEntry:
    """One name of one line."""

    line: int
    address: Address
    name: str

    @property
    def blocked(self) -> bool:
        """Whether the address leads nowhere: a block, not a place."""
        return self.address.is_unspecified or self.address.is_loopback


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
        if address is not None:
            for name in words[1 : MAX_NAMES + 1]:
                yield HostsEntry(number, address, name)


def _text(data: bytes) -> str:
    if data.startswith((b"\xff\xfe", b"\xfe\xff")):
        return data.decode("utf-16", "replace")
    return data.decode("utf-8-sig", "surrogateescape")


def _address(word: str) -> Address | None:
    try:
        address = ipaddress.ip_address(word.split("%", 1)[0])
    except ValueError:
        return None
    mapped = address.ipv4_mapped if isinstance(address, ipaddress.IPv6Address) else None
    return mapped or address


class HostsFileSource:
    """One observation per name."""

    name = "hosts_file"

    def required(self, target: Target) -> bool:
        return target.live is not None

    def observe(self, target: Target, matcher: Matcher, ledger: Ledger) -> Iterator[Observation]:  # noqa: ARG002 - every name is cheap to match
        system = running_system(target, ledger)
        if system is None:
            return
        try:
            paths = system.hosts_files()
        except Unreadable as error:
            ledger.unavailable(f"hosts file: {error.reason}")
            return
        for path in paths:
            for entry in self._entries(system, path, ledger):
                ledger.examined += 1
                yield self._observation(path, entry)

    def _entries(self, system: LiveSystem, path: str, ledger: Ledger) -> Iterator[HostsEntry]:
        try:
            data = system.read_start(path, MAX_BYTES + 1)
        except Vanished:
            ledger.note("there is no hosts file", path)
            return
        except Unreadable as error:
            ledger.unread(f"hosts file: {error.reason}", path)
            return
        if len(data) > MAX_BYTES:
            ledger.unread(f"hosts file read up to {MAX_BYTES >> 20} MiB only", path)
            # Up to the last whole line: half an entry would be a wrong one.
            data = data[:MAX_BYTES]
            data = data[: data.rfind(b"\n") + 1]
        ledger.bytes += len(data)
        for entry in parse_hosts(data):
            if isinstance(entry, OddLine):
                ledger.note(
                    "line is not an address and names", f"{path}, line {entry.line}: {entry.text}"
                )
            else:
                yield entry

    def _observation(self, path: str, entry: HostsEntry) -> Observation:
        return Observation(
            source=self.name,
            seen="hosts file",
            claim=Claim.BLOCKED if entry.blocked else Claim.RESOLVED,
            place=Place(text=f"{path}, line {entry.line}", path=path, record=str(entry.line)),
            dns=Dns(
                question=entry.name,
                type="A" if entry.address.version == 4 else "AAAA",
                answers=[str(entry.address)],
            ),
            destination=Destination(ip=str(entry.address), domain=entry.name),
        )
