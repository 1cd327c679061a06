"""Which gates of a pack open how many files of a volume: asked by who writes a pack."""

from __future__ import annotations

from collections.abc import Sequence

from msgspec import Struct

from ...formats.kinds import LARGE, may_hold
from ...indicators import FileIndicator, Gate
from ...matching.selection import Selector, opening_of
from ...ntfs import Hit, MftEntry, MftScan, Selected, Volume, Wanted
from ...ntfs.programs import Programs
from ...reading.openings import MAX_HEAD, Selection
from ...spelling import extension_of
from .file_inspection import ZONE
from .source import OPENED_ANYWAY, openings
from .users_reach import LEAST_PROGRAM, PLACES


class GateCount(Struct):
    """Of one gate."""

    gate: Gate | None
    """None, with indicators: programs where users can write, which are opened for these whatever
    their gates; without: archives and zone identifiers, which are opened whatever is looked for."""
    indicators: tuple[FileIndicator, ...] = ()
    """Behind it; of hashes that are alike the first."""
    candidates: int = 0
    """Files that its sizes and extensions allow."""
    opened: int = 0
    """Of them those that begin as it asks, or cannot be read."""


class GateCounts(Struct):
    """Of one volume; names that a pack looks for open files too, and are not counted."""

    gates: list[GateCount]
    records: int = 0
    candidates: int = 0
    opened: int = 0


def gate_counts(volume: Volume, selector: Selector) -> GateCounts:
    """One pass over its $MFT, and the first bytes of each file that a gate may open."""
    counts = GateCounts([GateCount(gate, indicators) for gate, indicators in selector.gates])
    counts.gates += [GateCount(None), GateCount(None, selector.programs)]
    selection = Selection(
        selector.exact_sizes,
        min(selector.smallest_min_size, LARGE),
        selector.extensions | OPENED_ANYWAY,
        tuple(one._replace(head=b"") for one in openings(selector)),
    )
    programs = Programs(volume, PLACES, LEAST_PROGRAM) if selector.programs else None
    scan = MftScan(volume, Wanted(lambda _: [], selection=selection), programs=programs)
    for hit in scan.hits():
        if isinstance(hit, Hit) and hit.entry.live and not hit.entry.folder:
            _count(volume, hit, selector, counts)
    counts.records = scan.counts.records
    if programs is None:
        counts.gates.pop()
    return counts


def _count(volume: Volume, hit: Hit, selector: Selector, counts: GateCounts) -> None:
    entry = hit.entry
    names = [name.text for name in entry.long_names or entry.names]
    size = entry.size or 0
    passed = [counts.gates[n] for n in sorted(_passed(names, size, selector))] if size else []
    if hit.why & Selected.PROGRAM and size >= LEAST_PROGRAM:
        passed.append(counts.gates[-1])
    if not passed:
        return
    head = _head_of(volume, entry)
    counts.candidates += 1
    is_opened = False
    for one in passed:
        one.candidates += 1
        if head is None or head.startswith(_head_wanted(one)):
            one.opened += 1
            is_opened = True
    counts.opened += is_opened


def _head_wanted(one: GateCount) -> bytes:
    if one.gate is None:
        return b"MZ" if one.indicators else b""
    return opening_of(one.gate).head


def _passed(names: Sequence[str], size: int, selector: Selector) -> set[int]:
    """Numbers of the gates that a file passes by one of its names and its size."""
    passed = {number for name in names for number in selector.gates_passed(name, size)}
    if any(may_hold(name, size) or extension_of(name) == ZONE for name in names):
        passed.add(len(selector.gates))
    return passed


def _head_of(volume: Volume, entry: MftEntry) -> bytes | None:
    """The first bytes of its content; None where they cannot be read."""
    try:
        with volume.open_stream(entry) as content:
            return content.read(MAX_HEAD) or b""
    except OSError:
        return None
