r"""The Program Compatibility Assistant's files, and RecentFileCache: programs that ran.

Evidence: ``%SystemRoot%\AppCompat\pca\PcaAppLaunchDic.txt`` (each program started from Explorer and
when last) and ``PcaGeneralDb0.txt`` and ``1`` (programs that ended in an unusual way, with version
and exit code), since Windows 11 22H2; ``%SystemRoot%\AppCompat\Programs\RecentFileCache.bcf``, of
Windows 7: programs that were new since the last look, without times. Format of the first:
A. Rathbun and L. Snow, "New Windows 11 Pro (22H2) Evidence of Execution Artifact" (2022).
Cannot tell: who ran it, nor with what arguments.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timezone
from typing import TYPE_CHECKING

from ...formats import FormatError
from ...formats.plain_text import lines_of
from ...formats.recent_file_cache import MAGIC, read_recent_files
from ...model.objects import File, Process
from ...model.observation import Claim, moments
from ...spelling import base_name
from .. import whereabouts
from ..remembered import Memories, Remembered

if TYPE_CHECKING:
    from ...targets.evidence import EvidenceFile

_NO_LINE = "no line of the Compatibility Assistant"
_LAUNCHES = "pcaapplaunchdic"


class CompatibilityAssistant(Memories):
    """One thing for each line."""

    name = "compatibility_assistant"
    kind = "record of the Compatibility Assistant"
    where = whereabouts.COMPATIBILITY_ASSISTANT
    max_bytes = 32 << 20

    def times(self, file: EvidenceFile, data: bytes) -> Iterator[datetime]:
        """Of its lines."""
        if data.startswith(MAGIC):
            return
        place = 1 if base_name(file.path).lower().startswith(_LAUNCHES) else 0
        for line in lines_of(data):
            when = _time("".join(line.text.split("|")[place : place + 1]))
            if when is not None:
                yield when

    def things(self, file: EvidenceFile, data: bytes) -> Iterator[Remembered]:
        """The programs; a line that is none of one is refused when all others were given."""
        if data.startswith(MAGIC):
            yield from _recent_files(data)
            return
        refused: FormatError | None = None
        launches = base_name(file.path).lower().startswith(_LAUNCHES)
        for line in lines_of(data):
            fields = line.text.split("|")
            time, path = (fields[1:2], fields[:1]) if launches else (fields[:1], fields[2:3])
            if not time or not path:
                refused = FormatError(_NO_LINE, f"line {line.number}")
                continue
            yield Remembered(
                seen="Compatibility Assistant",
                claim=Claim.RAN,
                texts=(line.text,),
                moments=moments(ran=_time(time[0])),
                process=Process(name=base_name(path[0]), executable=path[0]),
                record=f"line {line.number}",
                remarks=() if launches else tuple(_ending(fields)),
            )
        if refused is not None:
            raise refused


def _recent_files(data: bytes) -> Iterator[Remembered]:
    for number, path in enumerate(read_recent_files(data)):
        yield Remembered(
            seen="RecentFileCache",
            claim=Claim.WAS_THERE,
            texts=(path,),
            file=File(path=path, name=base_name(path)),
            record=f"entry {number}",
            remarks=("it was new on this host, and has probably run",),
        )


def _ending(fields: list[str]) -> Iterator[str]:
    if len(fields) > 7 and fields[7]:
        yield f"it ended so: {fields[7].strip()}"


def _time(text: str) -> datetime | None:
    """``2022-12-24 05:29:08.123``, UTC."""
    try:
        return datetime.fromisoformat(text.strip()).replace(tzinfo=timezone.utc)
    except ValueError:
        return None
