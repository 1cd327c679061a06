r"""What files have Windows start: links and scripts of Startup folders, of policies, of PowerShell.

Evidence: links and scripts in the Startup folder of each user and of all; scripts that group policy
names (``GroupPolicy\…\scripts.ini`` and ``psscripts.ini``); profiles of PowerShell, which each
session runs; ``SetupComplete.cmd``, ``autoexec.bat``, ``win.ini`` and ``system.ini``. MITRE ATT&CK
T1547.001, T1037 and T1546.013 name them. Programs in these folders the files source tells. Since:
Windows 95.
Cannot tell: whether it was started since, what a script calls that it fetches, nor what a script
does that is encoded (``.vbe``, ``.jse``).
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import TYPE_CHECKING

from ...formats import FormatError
from ...formats.lnk import HEADER, Target, read_target
from ...formats.plain_text import Line, lines_of
from ...model.objects import Process
from ...model.observation import Claim, Moment, moments
from ...spelling import base_name
from .. import whereabouts
from ..registry.autostarts import process_of
from ..remembered import Memories, Remembered

if TYPE_CHECKING:
    from ...targets.evidence import EvidenceFile

_ENCODED = b"#@~^"
"""How a script begins that Windows Script Encoder has written."""
_MAX_TEXT = 32_767
_REMARK = re.compile(r"(?i)\s*(?:@?rem\b|::|#|;|'|//)")
_SETTING = re.compile(r"(?i)\s*(?:\d+(?:CmdLine|Parameters)|load|run|shell)\s*=\s*(.*)")
"""In an ini file, what starts something: of group policy, of win.ini, of system.ini."""


class StartupFiles(Memories):
    """One thing for each link, and each line."""

    name = "startup_files"
    kind = "link or script that is started"
    where = whereabouts.STARTUP_FILES
    max_bytes = 4 << 20

    def plain(self, data: bytes) -> bytes:
        """Of a link with its command, whose parts lie apart in it. Raises FormatError: an encoded
        script, or no link."""
        if data.lstrip()[: len(_ENCODED)] == _ENCODED:
            raise FormatError("an encoded script, searched as it stands")
        if not data.startswith(HEADER):
            return data
        return data + bytes(4) + _command_of(read_target(data)).encode("utf-16-le", "surrogatepass")

    def things(self, file: EvidenceFile, data: bytes) -> Iterator[Remembered]:
        """What is started. Raises FormatError."""
        told = moments(created=file.created, modified=file.modified)
        if data.startswith(HEADER):
            yield self._link(data, told)
            return
        is_ini = file.path.lower().endswith(".ini")
        for line in lines_of(data):
            yield self._line(line, told, is_ini=is_ini)

    def _link(self, data: bytes, told: tuple[Moment, ...]) -> Remembered:
        target = read_target(data)
        command = _command_of(target)
        return Remembered(
            seen="Startup folder",
            claim=Claim.RAN,
            texts=(target.path, command),
            moments=told,
            process=Process(
                name=base_name(target.path), executable=target.path, command_line=command
            ),
        )

    def _line(self, line: Line, told: tuple[Moment, ...], *, is_ini: bool) -> Remembered:
        """A remark, and what of an ini file starts nothing, is a mention."""
        found = _SETTING.match(line.text) if is_ini else None
        starts = found is not None if is_ini else _REMARK.match(line.text) is None
        command = (found[1] if found is not None else line.text).strip()[:_MAX_TEXT]
        return Remembered(
            seen="script that is started" if not is_ini else "setting that starts a program",
            claim=Claim.RAN if starts else Claim.LOGGED,
            texts=(line.text,),
            moments=told,
            process=process_of(command) if starts else None,
            record=f"line {line.number}",
        )


def _command_of(target: Target) -> str:
    arguments = target.link.arguments
    return (f'"{target.path}" {arguments}' if arguments else target.path)[:_MAX_TEXT]
