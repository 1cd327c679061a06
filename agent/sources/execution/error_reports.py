r"""Windows Error Reporting: programs that crashed or hung, and what they had loaded then.

Evidence: ``Report.wer`` below ``%ProgramData%\Microsoft\Windows\WER`` and below each user's
``AppData\Local``, in ``ReportArchive`` and ``ReportQueue``: lines of ``name=value`` in UTF-16, with
the program, its SHA-1 (behind four zeros in ``TargetAppId``), every module that it had loaded and
the time. Since: Windows Vista.
Cannot tell: arguments; anything of a program that ended as it should.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import datetime
from typing import TYPE_CHECKING

from ...formats.filetime import utc_of
from ...formats.plain_text import lines_of
from ...model.objects import Dll, Hash, Process
from ...model.observation import Claim, moments
from ...spelling import base_name
from .. import whereabouts
from ..remembered import Memories, Remembered

if TYPE_CHECKING:
    from ...targets.evidence import EvidenceFile

_MODULE = re.compile(r"LoadedModule\[\d+\]")
_TIME = re.compile(b"E\0v\0e\0n\0t\0T\0i\0m\0e\0=\0((?:[0-9]\0){1,19})")
_SHA_1 = re.compile(r"(?<![0-9A-Fa-f])0000([0-9A-Fa-f]{40})(?![0-9A-Fa-f])")


class ErrorReports(Memories):
    """One thing for the program, and one for each of its modules."""

    name = "error_reports"
    kind = "error report"
    where = whereabouts.ERROR_REPORTS
    max_bytes = 16 << 20

    def times(self, file: EvidenceFile, data: bytes) -> Iterator[datetime]:  # noqa: ARG002
        """When it failed."""
        found = _TIME.search(data)
        when = _when(found[1].replace(b"\0", b"").decode("ascii")) if found is not None else None
        if when is not None:
            yield when

    def things(self, file: EvidenceFile, data: bytes) -> Iterator[Remembered]:  # noqa: ARG002
        """The program with all other lines, then its modules."""
        told: dict[str, str] = {}
        modules: list[str] = []
        for line in lines_of(data):
            name, _, value = line.text.partition("=")
            if _MODULE.fullmatch(name):
                modules.append(value)
            else:
                told.setdefault(name, value)
        path = told.get("AppPath") or told.get("NsAppName", "")
        digest = _SHA_1.search(told.get("TargetAppId", ""))
        when = _when(told.get("EventTime", ""))
        process = Process(
            name=base_name(path),
            executable=path,
            hash=Hash(sha1=digest[1].lower()) if digest is not None else None,
        )
        if path:
            yield Remembered(
                seen=self.kind,
                claim=Claim.RAN,
                texts=(*told.values(), digest[1] if digest is not None else ""),
                moments=moments(ran=when),
                process=process,
                remarks=(f"it failed: {told['EventType']}",) if told.get("EventType") else (),
            )
        for module in modules:
            yield Remembered(
                seen=f"module in an {self.kind}",
                claim=Claim.LOADED,
                texts=(module,),
                moments=moments(happened=when),
                process=process,
                dll=Dll(path=module, name=base_name(module)),
                record=module,
            )


def _when(time: str) -> datetime | None:
    """By a FILETIME that is written as text."""
    return utc_of(int(time)) if time.isascii() and time.isdecimal() and len(time) < 20 else None
