r"""PSReadLine's history: what users typed into PowerShell.

Evidence: ``%Profile%\AppData\Roaming\Microsoft\Windows\PowerShell\PSReadLine\*_history.txt``, a
file for each user and each host (``ConsoleHost``, ``Visual Studio Code Host``), the same for
PowerShell 5.1 and 7. Since: Windows 10 and Server 2016. A session reads the newest 4,096 commands
back, but appends to the file and does not cut it (PSReadLine, issue 537: of several gigabytes).
Cannot tell: when a command was entered, whether it worked, and in which version; what a script,
``-Command`` or a remote session ran; what was typed while no history was kept, or in another file;
since PSReadLine 2.2, commands that look as if they held a password, token or key. Who may write the
profile can change it.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from ...formats.console_history import Command, read_console_history
from ...model.objects import Process
from ...model.observation import ByteHit, Claim, Observation
from .. import whereabouts
from ..artefact import WholeFile
from ..places import owner_of, place_in

if TYPE_CHECKING:
    from ...targets.evidence import EvidenceFile


MAX_TEXT = 32_767
"""Characters of a command that are compared and told, as of the longest command line."""
_REMARK = "the history keeps no times, nor whether a command worked"


class ConsoleHistory(WholeFile):
    """One observation for each command."""

    name = "console_history"
    kind = "console history"
    where = whereabouts.CONSOLE_HISTORY
    max_bytes = 64 << 20

    def records(
        self, file: EvidenceFile, data: bytes, hits: Sequence[ByteHit]
    ) -> Iterator[Observation]:
        """The commands, each with what is mentioned first in it: a typed hash, a pasted script."""
        mentioned = sorted(hits, key=_offset_of)
        for command in read_console_history(data):
            first = bisect_left(mentioned, command.offset, key=_offset_of)
            behind = bisect_left(mentioned, command.end, key=_offset_of)
            yield self._typed(file, command, tuple(mentioned[first:behind]))

    def _typed(
        self, file: EvidenceFile, command: Command, hits: tuple[ByteHit, ...]
    ) -> Observation:
        cut = f"its first {MAX_TEXT:,} characters" if len(command.text) > MAX_TEXT else ""
        return Observation(
            source=self.name,
            seen=self.kind,
            claim=Claim.RAN,
            place=place_in(file, str(command.line), f"{file.path}, line {command.line}"),
            process=Process(
                name="powershell.exe",
                command_line=command.text[:MAX_TEXT],
                user=owner_of(file),
            ),
            hits=hits,
            text="" if cut else command.text,
            remarks=(_REMARK, cut) if cut else (_REMARK,),
        )


def _offset_of(hit: ByteHit) -> int:
    return hit.offset
