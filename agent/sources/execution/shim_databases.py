r"""Databases of shims: what Windows does to a program when it starts it.

Evidence: ``%SystemRoot%\AppPatch\Custom\*.sdb`` (and ``Custom64``), which an administrator or an
intruder installs (MITRE ATT&CK T1546.011), and Windows' own. A shim loads a library into a program
(``InjectDll``) or starts another one in its place (``RedirectEXE``). Since: Windows XP.
Cannot tell: when it was installed (the registry's ``InstalledSDB`` does), whether the program was
started since, nor what a patch of a program's code does.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from ...formats import FormatError
from ...formats.shim_database import Shim, is_cut, is_shim_database, read_shims
from ...model.objects import Dll
from ...model.observation import Claim, Moment, moments
from ...spelling import base_name, fold
from .. import whereabouts
from ..artefact import CUT, is_blank
from ..registry.autostarts import process_of
from ..remembered import Memories, Remembered

if TYPE_CHECKING:
    from ...targets.evidence import EvidenceFile

_LOADS = "INJECTDLL"


class ShimDatabases(Memories):
    """One thing for each shim of a program."""

    name = "shim_databases"
    kind = "shim database"
    where = whereabouts.SHIM_DATABASES
    max_bytes = 64 << 20

    def plain(self, data: bytes) -> bytes:
        """These. Raises FormatError for what is none: its texts may not stand there as they are."""
        if data and not is_blank(data) and not is_shim_database(data):
            raise FormatError("no shim database, searched as it stands")
        return data

    def missing(self, data: bytes) -> str:
        """Of one that ends within a tag."""
        return CUT if is_shim_database(data) and is_cut(data) else ""

    def things(self, file: EvidenceFile, data: bytes) -> Iterator[Remembered]:
        """The shims. Raises FormatError, after those before what cannot be read."""
        told = moments(created=file.created, modified=file.modified)
        for shim in read_shims(data):
            yield _thing(shim, told)


def _thing(shim: Shim, told: tuple[Moment, ...]) -> Remembered:
    """One that is given a path starts or loads it; any other names a program alone."""
    whose = shim.program or f"whatever has the layer {shim.application}"
    line = shim.command_line
    is_dll = fold(shim.name) == _LOADS
    return Remembered(
        seen=f"shim {shim.name}" if shim.name else "program in a shim database",
        claim=Claim.RAN if line else Claim.LOGGED,
        texts=shim.texts,
        moments=told,
        dll=Dll(path=line, name=base_name(line)) if line and is_dll else None,
        process=process_of(line) if line and not is_dll else None,
        record=f"byte {shim.offset}",
        remarks=(f"for {whose}",),
    )
