r"""How people write a path of the registry, for a key in the file of a hive.

The files of hives and where they are mounted: Microsoft Learn, "Registry Hives" (Win32). A hive at
rest knows no ``CurrentControlSet``: its control sets keep their numbers.
"""

from __future__ import annotations

from enum import Enum
from typing import TYPE_CHECKING, NamedTuple

from ...spelling import base_name, fold

if TYPE_CHECKING:
    from ...targets.evidence import EvidenceFile


class Kind(Enum):
    """What is in a hive."""

    SYSTEM = "system"
    SOFTWARE = "software"
    SECURITY = "security"
    """The local security policy."""
    USER = "user"
    """What a user has set, ``SOFTWARE`` within."""
    CLASSES = "classes"
    """A user's ``Software\\Classes``."""
    AMCACHE = "amcache"
    OTHER = "other"


class Mounted(NamedTuple):
    r"""``root``: where the host mounts it, ``HKLM\SYSTEM``."""

    root: str
    kind: Kind


_OF_THE_MACHINE = {
    "SYSTEM": Mounted(r"HKLM\SYSTEM", Kind.SYSTEM),
    "SOFTWARE": Mounted(r"HKLM\SOFTWARE", Kind.SOFTWARE),
    "SECURITY": Mounted(r"HKLM\SECURITY", Kind.SECURITY),
    "DEFAULT": Mounted(r"HKU\.DEFAULT", Kind.USER),
    "AMCACHE.HVE": Mounted("Amcache.hve", Kind.AMCACHE),
}


def mounted(file: EvidenceFile) -> Mounted:
    """Where a hive is mounted, by the name of its file and the profile that it lies in; one of
    another Windows than the host's is not, and so has that before its name."""
    told = _mounted(file)
    return told._replace(root=f"{file.windows}: {told.root}") if file.windows else told


def _mounted(file: EvidenceFile) -> Mounted:
    name = fold(base_name(file.path))
    user = file.owner or file.owner_id or base_name(file.path.rpartition("\\")[0])
    if name == "NTUSER.DAT":
        return Mounted(f"HKU\\{user}", Kind.USER)
    if name == "USRCLASS.DAT":
        return Mounted(f"HKU\\{user}_Classes", Kind.CLASSES)
    return _OF_THE_MACHINE.get(name) or Mounted(f"HKLM\\{base_name(file.path)}", Kind.OTHER)


def profile_of(file: EvidenceFile) -> str:
    """The folder of the user whose hive it is; empty for one of the machine."""
    if not file.owner and not file.owner_id:
        return ""
    steps = file.path.split("\\")
    names = [fold(step) for step in steps]
    ends = (
        names.index(name) for name in ("NTUSER.DAT", "APPDATA", "LOCAL SETTINGS") if name in names
    )
    return "\\".join(steps[: next(ends, 0)])
