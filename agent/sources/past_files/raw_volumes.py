"""The raw NTFS volumes of a target, for sources that read their structures as bytes."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import closing
from typing import NamedTuple

from ...coverage import Ledger
from ...ntfs import Volume
from ...reading.opening import reason_of
from ...targets import LOCKED, RawNtfs, Target

NONE = "no NTFS volume that can be read by its records"
NONE_IN_A_FILE = "no NTFS volume in a file"


class Opened(NamedTuple):
    """One that can be read."""

    path: str
    """The place that the coverage names."""
    raw: RawNtfs
    volume: Volume


def raw_volumes(
    target: Target, ledger: Ledger, progress: Callable[[str], None]
) -> Iterator[Opened]:
    """Each, closed when the next one is asked for. What cannot be read is a gap; where that is all
    that there is, because it is locked or the system denies it, the source is unavailable."""
    roots, skipped = target.roots()
    given = [(root.path, root.raw) for root in roots if root.raw is not None]
    given += [(raw.prefix.removesuffix(":"), raw) for raw in target.volumes_met]
    closed = [(LOCKED, volume.path) for volume in skipped if volume.reason == LOCKED]
    if not (given or closed):
        if target.live is None:
            ledger.note(NONE_IN_A_FILE)
        else:
            ledger.unavailable(NONE)
    is_any = False
    try:
        for path, raw in given:
            progress(path)
            try:
                source = raw.open()
            except OSError as error:
                closed.append((_why(error), path))
                continue
            with closing(source):
                try:
                    opened = Volume(source)
                except OSError as error:
                    closed.append((_why(error), path))
                    continue
                is_any = True
                yield Opened(path, raw, opened)
    finally:
        # A live volume that is denied is told by the files source, which walks it.
        denied = target.live is not None or all(reason.startswith(LOCKED) for reason, _ in closed)
        for reason, path in closed:
            (ledger.unavailable if denied and not is_any else ledger.unread)(reason, path)


def _why(error: OSError) -> str:
    reason = reason_of(error)
    return reason if reason.startswith(LOCKED) else f"NTFS: {reason}"
