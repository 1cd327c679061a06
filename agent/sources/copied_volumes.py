"""Files of an NTFS volume's own that were copied without it: ``$MFT``, ``$LogFile``,
``$UsnJrnl:$J``."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import ExitStack, suppress
from typing import BinaryIO

from ..coverage import Ledger
from ..ntfs import ByteSource, CopiedVolume, NtfsError
from ..ntfs.copied import NOT_COPIED
from ..targets import RawNtfs, Target
from ..targets.evidence import EvidenceFile

MFT = (r"%Volume%\$MFT", r"%Loose%\**\$MFT")
LOG = (r"%Volume%\$LogFile", r"%Loose%\**\$LogFile")
JOURNAL = (r"%Volume%\$Extend\$UsnJrnl:$J", r"%Loose%\**\$UsnJrnl:$J")


def copies(target: Target, patterns: Sequence[str], ledger: Ledger) -> Iterator[EvidenceFile]:
    """Each copy, but for what is a file of a volume that is read raw."""
    if target.live is None:
        yield from (one for one in target.evidence(patterns, ledger) if one.how == "by path")


def volume_of(file: EvidenceFile) -> RawNtfs:
    """The volume that a copy is of, without its bytes."""
    prefix, _, _ = file.path.partition("\\$")
    return RawNtfs(_not_copied, prefix)


def copied_volume(
    target: Target,
    file: EvidenceFile,
    opened: ExitStack,
    *,
    journal: BinaryIO | None = None,
    log: BinaryIO | None = None,
) -> CopiedVolume:
    """The volume that a copy is of, with the copy of its $MFT if there is one that can be read:
    else the files source tells why. ``opened``: closes that."""
    prefix = volume_of(file).prefix
    for mft in copies(target, MFT, Ledger("", required=False)):
        if not mft.view and volume_of(mft).prefix == prefix:
            with suppress(OSError):
                return CopiedVolume(opened.enter_context(mft.open()), journal, log)
    return CopiedVolume(None, journal, log)


def _not_copied() -> ByteSource:
    raise NtfsError(NOT_COPIED)
