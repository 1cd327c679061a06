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


class Opened(NamedTuple):
    """One that can be read."""

    path: str
    """The place that the coverage names."""
    raw: RawNtfs
    volume: Volume


def raw_volumes(
    target: Target, ledger: Ledger, progress: Callable[[str], None]
) -> Iterator[Opened]:
    """Each, closed when the next one is asked for. What cannot be read is a gap; where nothing can
    be, because BitLocker keeps it locked or a running host denies it, the source is unavailable."""
    roots, skipped = target.roots()
    given = [(root.path, root.raw) for root in roots if root.raw is not None]
    given += [(raw.prefix.removesuffix(":"), raw) for raw in target.volumes_met]
    closed = [(LOCKED, volume.path) for volume in skipped if volume.reason == LOCKED]
    if not given and not closed:
        (ledger.note if target.live is None else ledger.unavailable)(NONE)
    opened = 0
    try:
        for path, raw in given:
            progress(path)
            try:
                source = raw.open()
            except OSError as error:
                closed.append((_reason(error), path))
                continue
            with closing(source):
                try:
                    volume = Volume(source)
                except OSError as error:
                    closed.append((_reason(error), path))
                    continue
                opened += 1
                yield Opened(path, raw, volume)
    finally:
        none = not opened and (
            target.live is not None or all(reason == LOCKED for reason, _ in closed)
        )
        for reason, path in closed:
            (ledger.unavailable if none else ledger.unread)(reason, path)


def _reason(error: OSError) -> str:
    reason = reason_of(error)
    return reason if reason == LOCKED else f"NTFS: {reason}"
