r"""Transcripts of PowerShell: sessions with the command line that began them, commands and output.

Evidence: ``PowerShell_transcript.HOST.….txt`` in ``Documents`` of each user, there in folders by
day too, and in folders at the top of a drive that are called after transcripts. Since: PowerShell 5
(Windows 10), where ``Start-Transcript`` or a policy asks for them.
Cannot tell: when, but in local time; what a command did. Where a policy names another folder
(``OutputDirectory``), they are not looked for. Who may write there can change them.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from ...formats.transcript import Said, Session, read_transcript
from ...model.objects import Process, User
from ...model.observation import Claim, Moment, moments
from .. import whereabouts
from ..registry.autostarts import process_of
from ..remembered import Memories, Remembered

if TYPE_CHECKING:
    from ...targets.evidence import EvidenceFile

_MAX_TEXT = 32_767


class Transcripts(Memories):
    """One thing for each session, command and line of output."""

    name = "transcripts"
    kind = "transcript of PowerShell"
    where = whereabouts.TRANSCRIPTS

    def things(self, file: EvidenceFile, data: bytes) -> Iterator[Remembered]:
        """In the order of the file. Raises FormatError for more lines than are read."""
        session, lines = read_transcript(data)
        told = moments(created=file.created, modified=file.modified)
        remarks = (f"the session began {_shown(session.started)}",) if session.started else ()
        user = User(name=session.user) if session.user else None
        if session.host:
            yield self._session(session, told, remarks, user)
        for line in lines:
            yield self._line(line, told, remarks, user)

    def _session(
        self,
        session: Session,
        told: tuple[Moment, ...],
        remarks: tuple[str, ...],
        user: User | None,
    ) -> Remembered:
        process = process_of(session.host[:_MAX_TEXT])
        process.pid = session.pid
        return Remembered(
            seen="session of PowerShell",
            claim=Claim.RAN,
            texts=(session.host,),
            moments=told,
            process=process,
            user=user,
            record="session",
            remarks=remarks,
        )

    def _line(
        self, line: Said, told: tuple[Moment, ...], remarks: tuple[str, ...], user: User | None
    ) -> Remembered:
        command = line.command[:_MAX_TEXT]
        process = Process(name="powershell.exe", command_line=command) if command else None
        return Remembered(
            seen="transcript" if command else "output in a transcript",
            claim=Claim.RAN if command else Claim.LOGGED,
            texts=(line.text,),
            moments=told,
            process=process,
            user=user,
            record=f"line {line.number}",
            remarks=remarks,
        )


def _shown(digits: str) -> str:
    """``20181114130002``, as times are written."""
    day = f"{digits[:4]}-{digits[4:6]}-{digits[6:8]}"
    return f"{day} {digits[8:10]}:{digits[10:12]}:{digits[12:]} local time"
