r"""The firewall's log: which addresses were talked to, where that is switched on.

Evidence: ``System32\LogFiles\Firewall\pfirewall.log`` and its older ``.old``, ``%SystemRoot%`` of
Windows XP. Since: Windows XP SP2; off by default.
Cannot tell: which program it was, nor more than its 4 MB (by default) hold; a log that policy put
elsewhere. Its times are the host's own, without a zone.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from ...formats import FormatError
from ...formats.firewall_log import Packet, fields_of, is_local, read_line
from ...model.objects import Destination
from ...model.observation import Claim, Observation, moments
from ...model.recorders import LET_THROUGH
from .. import whereabouts
from ..artefact import Artefact, Found, Reader
from ..places import place_in

if TYPE_CHECKING:
    from ...coverage import Part
    from ...matching.record_rules import RecordRules
    from ...targets.evidence import EvidenceFile

_LET_THROUGH = re.compile(rb" (?:ALLOW|OPEN) ")
_PASSED = frozenset({"ALLOW", "OPEN", "OPEN-INBOUND", "CLOSE"})
_LAST = 64 << 10
"""Bytes at its end in which its last line is looked for."""
LOCAL = "the log's times are the host's own, told as if they were UTC"


class FirewallLog(Artefact):
    """One observation for each line in which something occurs."""

    name = "firewall_log"
    kind = "firewall log"
    where = whereabouts.FIREWALL_LOG
    max_bytes = 64 << 20
    markers = ()

    def reader(self, file: EvidenceFile, part: Part) -> Reader:
        return _FirewallReader(file, part)


class _FirewallReader(Reader):
    def passes(self, window: bytes, at: int, offset: int) -> None:  # noqa: ARG002 - the whole file
        """The first and the last of its lines tell how far back it goes."""
        self.part.examined()
        fields = fields_of(window)
        for some in (window[:_LAST].split(b"\n"), window[-_LAST:].split(b"\n")[::-1]):
            for line in some:
                try:
                    packet = read_line(line, fields)
                except FormatError:
                    continue
                if packet is not None:
                    self.part.reaches(packet.time)
                    break
        if window and is_local(window):
            self.part.note(LOCAL, self.file.path)
        self._let_through(window, fields)

    def _let_through(self, data: bytes, fields: Sequence[str]) -> None:
        """The first and the last line of what passed: a log may be of what was blocked alone."""
        first = _LET_THROUGH.search(data)
        last = max(data.rfind(b" ALLOW "), data.rfind(b" OPEN "))
        for at in (first.start(), last) if first is not None and self.part.is_of_host else ():
            begin, end = data.rfind(b"\n", 0, at) + 1, data.find(b"\n", at)
            try:
                packet = read_line(data[begin : end if end >= 0 else len(data)], fields)
            except FormatError:
                continue
            if packet is not None and packet.action in _PASSED:
                self.part.facts.reached(LET_THROUGH, "", packet.time)

    def records(self, found: Found) -> Iterator[Observation]:
        data, rules = found.data, found.rules
        fields, local = fields_of(data), is_local(data)
        refused: FormatError | None = None
        for begin, end in _lines(data, rules.every_offset(data)):
            line = data[begin:end]
            if not rules.occurs(line):
                continue
            try:
                packet = read_line(line, fields)
            except FormatError as error:
                refused = error
                continue
            yield self._observation(packet, line, begin, rules, local=local)
        if refused is not None:
            raise refused

    def _observation(
        self, packet: Packet | None, line: bytes, begin: int, rules: RecordRules, *, local: bool
    ) -> Observation:
        text = line.decode("utf-8", "replace").strip()
        return Observation(
            source=FirewallLog.name,
            seen="firewall log",
            claim=Claim.CONNECTED
            if packet is not None and packet.action in _PASSED
            else Claim.LOGGED,
            place=place_in(self.file, f"byte {begin}", f"{self.file.path}: {text[:200]}"),
            moments=moments(connected=packet.time) if packet is not None else (),
            destination=_far_end(packet) if packet is not None else None,
            hits=tuple(rules.mentions(line)),
            remarks=(LOCAL,) if local else (),
        )


def _far_end(packet: Packet) -> Destination:
    ends = (
        (packet.destination, packet.destination_port),
        (packet.source, packet.source_port),
    )
    (far, port), (near, near_port) = ends[::-1] if packet.inbound else ends
    return Destination(
        ip=far,
        port=port,
        state=packet.action.casefold(),
        local=near if near_port is None else f"{near}:{near_port}",
    )


def _lines(data: bytes, offsets: list[int] | None) -> Iterator[tuple[int, int]]:
    """Of the lines at these places; of all, if they are not known."""
    if offsets is None:
        end = 0
        while end < len(data):
            begin, end = end, data.find(b"\n", end) + 1 or len(data)
            yield begin, end
        return
    behind = 0
    for offset in offsets:
        if offset >= behind:
            begin = data.rfind(b"\n", 0, offset) + 1
            behind = data.find(b"\n", offset) + 1 or len(data)
            yield begin, behind
