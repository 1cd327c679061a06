r"""What a collector wrote of the host while it ran: processes, connections, cached names.

Evidence: the texts, tables and JSON beside the files that were copied: ``results`` of
Velociraptor, ``live_response`` of UAC, the folders of Microsoft Defender's investigation packages.
They tell what ran in the moment of the collection, which no file of the host keeps. A line whose
columns are known is a process, a connection or a name; any other is a mention.
Cannot tell: what the tool was not allowed to see, or was lied to about; lists in which one entry
takes several lines. The collector's own list of what it copied is left out: that is no trace.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from ...formats.live_response import (
    CachedName,
    Line,
    ListedConnection,
    ListedProcess,
    as_utf8,
    lines_at,
)
from ...model.objects import Destination, Dns, Process, User
from ...model.observation import Claim, Observation
from ...spelling import base_name
from .. import whereabouts
from ..artefact import Artefact, Found, Reader
from ..places import place_in, told_as

if TYPE_CHECKING:
    from ...coverage import Part
    from ...matching.record_rules import RecordRules
    from ...targets.evidence import EvidenceFile

_MAX_TEXT = 32_767


class LiveResponse(Artefact):
    """One observation for each line in which something occurs."""

    name = "live_response"
    kind = "live response"
    where = whereabouts.LIVE_RESPONSE
    max_bytes = 64 << 20

    def reader(self, file: EvidenceFile, part: Part) -> Reader:
        return _LiveResponseReader(file, part)


@dataclass
class _LiveResponseReader(Reader):
    def plain(self, data: bytes) -> bytes:
        return as_utf8(data)

    def records(self, found: Found) -> Iterator[Observation]:
        data, rules = found.data, found.rules
        for line in lines_at(data, rules.every_offset(data)):
            text = line.text.encode()
            if rules.occurs(text):
                yield self._observation(line, text, rules)

    def _observation(self, line: Line, text: bytes, rules: RecordRules) -> Observation:
        listed, where = line.listed, f"line {line.number}"
        process: Process | None = None
        claim, seen, what = Claim.MENTIONED, LiveResponse.kind, ""
        if isinstance(listed, ListedProcess):
            claim, seen, process = Claim.RAN, "process in a live response", _process(listed)
        elif isinstance(listed, ListedConnection):
            claim, seen = Claim.CONNECTED, "connection in a live response"
            process = None if listed.pid is None else Process(pid=listed.pid)
        elif isinstance(listed, CachedName):
            claim, seen = Claim.RESOLVED, "DNS cache in a live response"
            what = f"DNS cache: {listed.name}"
        return Observation(
            source=LiveResponse.name,
            seen=seen,
            claim=claim,
            place=told_as(what, place_in(self.file, where, f"{self.file.path}, {where}")),
            process=process,
            dns=Dns(question=listed.name) if isinstance(listed, CachedName) else None,
            destination=_far_end(listed) if isinstance(listed, ListedConnection) else None,
            hits=tuple(rules.mentions(text)),
        )


def _process(listed: ListedProcess) -> Process:
    return Process(
        name=listed.name or base_name(listed.image),
        pid=listed.pid,
        executable=listed.image,
        command_line=listed.command_line[:_MAX_TEXT],
        user=User(name=listed.user) if listed.user else None,
    )


def _far_end(listed: ListedConnection) -> Destination:
    return Destination(ip=listed.ip, port=listed.port, state=listed.state, local=listed.local)
