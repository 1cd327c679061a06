r"""StartupInfo: which processes started in the first minutes after a user logged on.

Evidence: ``%SystemRoot%\System32\WDI\LogFiles\StartupInfo\{SID}_StartupInfo*.xml``, of the last
logons of each user, written by Windows' diagnosis of slow starts. Since: Windows 8. Each process
has its command line and its parent. Cannot tell: what started later.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from typing import TYPE_CHECKING

from ...formats.plain_text import text_of
from ...formats.simple_xml import Element, elements
from ...model.objects import Parent, Process, User
from ...model.observation import Claim, moments
from ...spelling import base_name
from .. import whereabouts
from ..remembered import Memories, Remembered

if TYPE_CHECKING:
    from ...targets.evidence import EvidenceFile

_MAX_TEXT = 32_767
_PROCESS = "Process"


class StartupInfo(Memories):
    """One thing for each process."""

    name = "startup_info"
    kind = "record of a logon"
    where = whereabouts.STARTUP_INFO
    max_bytes = 16 << 20

    def things(self, file: EvidenceFile, data: bytes) -> Iterator[Remembered]:
        """The processes, in the order of the file."""
        sid = base_name(file.path).partition("_")[0]
        user = User(id=sid) if sid.startswith("S-1-") else None
        told: dict[str, str] = {}
        for element in elements(text_of(data)):
            if element.path[-1] != _PROCESS:
                told[element.path[-1]] = element.text
                continue
            yield self._thing(element, told, user)
            told = {}

    def _thing(self, element: Element, told: dict[str, str], user: User | None) -> Remembered:
        path = element.attributes.get("Name", "")
        line = told.get("CommandLine", "")[:_MAX_TEXT]
        started = _time(told.get("StartTime", ""))
        parent = told.get("ParentName", "")
        above = Parent(
            pid=_number(told.get("ParentPID", "")),
            name=base_name(parent),
            executable=parent,
            start=_time(told.get("ParentStartTime", "")),
        )
        return Remembered(
            seen=self.kind,
            claim=Claim.RAN,
            texts=(path, line, parent),
            moments=moments(ran=started),
            process=Process(
                pid=_number(element.attributes.get("PID", "")),
                name=base_name(path),
                executable=path,
                command_line=line,
                start=started,
                user=user,
                parent=[above] if parent or above.pid is not None else [],
            ),
            record=f"process {element.attributes.get('PID', '')}",
        )


def _number(text: str) -> int | None:
    return int(text) if text.isascii() and text.isdecimal() and len(text) < 11 else None


def _time(text: str) -> datetime | None:
    """``2020/09/11:18:12:48.6685573``, UTC, cut to microseconds."""
    whole, _, rest = text.partition(".")
    try:
        return datetime.strptime(f"{whole}.{rest[:6] or '0'}+0000", "%Y/%m/%d:%H:%M:%S.%f%z")
    except ValueError:
        return None
