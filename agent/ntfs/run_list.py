"""Run lists: where on the volume an attribute's clusters lie.

Encoding: [Russon] "Data Runs". One run is a header byte (how many bytes the length and the offset
take), the length in clusters, and the offset to the run before, signed; no offset: a sparse run.
"""

from __future__ import annotations

from typing import NamedTuple

from .errors import NtfsError

MAX_RUNS = 1 << 20
"""More are not decoded from one attribute record; 64 KiB of run list hold at most 32,768."""
MAX_CLUSTER_NUMBER = 1 << 55


class Run(NamedTuple):
    """Neighbouring clusters; ``cluster`` is None for a sparse run, which is all zeros."""

    vcn: int
    """Number of its first cluster within the attribute."""
    cluster: int | None
    """Number of its first cluster on the volume."""
    length: int
    """Clusters."""


class RunListDamaged(NtfsError):
    """The list breaks; ``kept`` holds the runs before the break."""

    def __init__(self, where: str, kept: list[Run]) -> None:
        super().__init__("run list damaged", where)
        self.kept = kept


def decode_runs(data: bytes | memoryview, first_vcn: int = 0) -> list[Run]:
    """The runs of one attribute record, up to the list's end.

    Raises:
        RunListDamaged: the list is cut off, or names places that cannot be.
    """
    runs: list[Run] = []
    at, end, vcn, cluster = 0, len(data), first_vcn, 0
    while at < end and (head := data[at]):
        of_length, of_offset = head & 15, head >> 4
        at += 1
        if not 1 <= of_length <= 8 or of_offset > 8 or at + of_length + of_offset > end:
            raise RunListDamaged(f"header {head:#04x}", runs)
        count = int.from_bytes(data[at : at + of_length], "little")
        at += of_length
        if not 0 < count < MAX_CLUSTER_NUMBER - vcn:
            raise RunListDamaged(f"{count} clusters", runs)
        place: int | None = None
        if of_offset:
            cluster += int.from_bytes(data[at : at + of_offset], "little", signed=True)
            at += of_offset
            if not 0 <= cluster < MAX_CLUSTER_NUMBER:
                raise RunListDamaged(f"cluster {cluster}", runs)
            place = cluster
        runs.append(Run(vcn, place, count))
        vcn += count
        if len(runs) > MAX_RUNS:
            raise RunListDamaged(f"more than {MAX_RUNS:,} runs", runs)
    return runs


def joined(runs: list[Run]) -> list[Run]:
    """The same places with neighbours put together, in the order of the attribute."""
    result: list[Run] = []
    for run in runs:
        if result:
            last = result[-1]
            follows = (
                run.cluster is None
                if last.cluster is None
                else run.cluster == last.cluster + last.length
            )
            if follows and run.vcn == last.vcn + last.length:
                result[-1] = Run(last.vcn, last.cluster, last.length + run.length)
                continue
        result.append(run)
    return result
