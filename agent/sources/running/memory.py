"""The memory of processes, as bytes.

Evidence: committed private and image memory, where a payload is in the clear whatever it was on
disk; of mapped memory what can be run or has no file behind it, which is where NtMapViewOfSection
puts a payload.
By default that of the likely hosts: ``rundll32`` and ``regsvr32`` under whatever name, and every
process whose command line or modules mention an indicator. Since: every Windows.
Cannot tell: files mapped as mere data (the notes say how much), what is paged out to a compressed
store of another process, guarded pages (reading them would change the process), and data that is
encrypted while it waits. What is found is a mention: the same words are in the memory of a browser
that shows a report about them.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

from msgspec import structs

from ...coverage import Ledger
from ...matching.hidden_commands import readings
from ...matching.matcher import Matcher, ScanFailed
from ...model.observation import ByteHit, Claim, Observation, Place
from ...spelling import base_name
from ...targets import Target
from ...targets.live.system import (
    LiveSystem,
    ProcessInfo,
    ProcessMemory,
    ProcessTable,
    Region,
    Unreadable,
    Vanished,
)
from ..catalog import MemoryMode
from .modules import PROTECTED, loaded_modules
from .processes import describe, others, process_table, running_system
from .program_files import LOADERS, ImageFiles, is_program

CHUNK = 4 << 20
"""Bytes per read."""
OVERLAP = 4 << 10
"""Bytes of the chunk before that are scanned again, or as many as the longest pattern has, so that
nothing is cut in two."""
MAX_BYTES = 512 << 20
"""Per process."""
PAGE = 4 << 10
LEFT_OUT = "bytes of files mapped as data, which cannot be run, left out"


class MemorySource:
    """One observation per process in whose memory something was found."""

    name = "memory"

    def __init__(self, mode: MemoryMode = "candidates", *, max_bytes: int = MAX_BYTES) -> None:
        self._mode = mode
        self._max_bytes = max_bytes

    def required(self, target: Target) -> bool:
        return target.live is not None and target.platform == "windows"

    def observe(self, target: Target, matcher: Matcher, ledger: Ledger) -> Iterator[Observation]:
        system = running_system(target, ledger, platform="windows")
        if system is None:
            return
        if self._mode == "none":
            ledger.skipped("--memory none")
            return
        table = process_table(system, ledger)
        if table is None:
            return
        if matcher.own_rules is not None:
            matcher.own_rules.account(ledger)
        images = ImageFiles(system, matcher, ledger)
        for process in others(table, target, ledger):
            if process.kernel:
                continue
            original = images.original_file_name(process.executable) if process.executable else ""
            if self._mode == "all" or _candidate(system, matcher, ledger, process, original):
                yield from self._process(system, matcher, ledger, process, table, original)
            else:
                ledger.note("not a likely host: memory not read (--memory all reads it)")

    def _process(
        self,
        system: LiveSystem,
        matcher: Matcher,
        ledger: Ledger,
        process: ProcessInfo,
        table: ProcessTable,
        original: str,
    ) -> Iterator[Observation]:
        reader = _Reader(matcher, self._max_bytes)
        try:
            with system.memory(process.pid) as memory:
                reader.scan(memory)
            ledger.examined += 1
        except Vanished:
            ledger.note("process ended while it was looked at", process.place)
        except Unreadable as error:
            if _is_protected(system, process):
                ledger.note(PROTECTED, process.place)
            else:
                ledger.unread(f"memory: {error.reason}", process.place)
        ledger.bytes += reader.bytes
        if reader.over:
            ledger.unread(
                f"memory beyond {self._max_bytes >> 20} MiB of one process not read", process.place
            )
        if reader.unreadable:
            ledger.unread("memory: some of it could not be read", process.place)
        for reason, count in reader.gaps.items():
            ledger.unread(reason, process.place, count)
        if reader.left_out:
            ledger.note(LEFT_OUT, process.place, reader.left_out)
        if reader.freed:
            ledger.note("memory was freed while it was read", process.place)
        # Whatever interrupted the reading, what was found until then is evidence.
        if reader.hits:
            yield Observation(
                source=self.name,
                seen="process memory",
                claim=Claim.MENTIONED,
                place=Place(text=f"memory of {process.place}"),
                process=describe(process, table, original),
                hits=tuple(reader.hits.values()),
            )


def _is_protected(system: LiveSystem, process: ProcessInfo) -> bool:
    try:
        return system.is_protected(process.pid)
    except Unreadable:
        return False


def _candidate(
    system: LiveSystem, matcher: Matcher, ledger: Ledger, process: ProcessInfo, original: str
) -> bool:
    if is_program(LOADERS, process.name, original):
        return True
    if matcher.selector.matching_names([process.name]):
        return True
    texts = readings(process.command_line) if process.command_line else []
    if any(matcher.scan(one.text.encode("utf-8", "surrogatepass")) for one in texts):
        return True
    # Modules that cannot be listed are the modules source's gap; it counts them.
    aside = Ledger(ledger.source, required=False)
    paths = loaded_modules(system, process, aside, mapped=False) or []
    return bool(matcher.selector.matching_names([base_name(path) for path in paths]))


_CAPPED_ORDER = ("private", "mapped", "image")


def _searched(region: Region) -> bool:
    """Whether a payload may lie there: anywhere but in files mapped as data."""
    if not region.readable:
        return False
    return region.kind != "mapped" or region.executable or not region.backed


class _Reader:
    """Reads and scans one process's memory within bounds."""

    def __init__(self, matcher: Matcher, max_bytes: int) -> None:
        self._matcher = matcher
        self._left = max_bytes
        self.bytes = 0
        self.over = False
        self.freed = False
        self.unreadable = False
        self.left_out = 0
        """Bytes of mapped memory that are neither executable nor without a file."""
        self.hits: dict[str, ByteHit] = {}
        """By indicator, each where it was found first."""
        self.gaps: Counter[str] = Counter()
        """What could not be answered of some of it."""
        self._overlap = max(OVERLAP, matcher.overlap or 0)
        self._scan = matcher.windows()
        self._next, self._tail = -1, b""
        """Where what was read last ends, and its last bytes."""

    def scan(self, memory: ProcessMemory) -> None:
        regions = []
        for region in memory.regions():
            if _searched(region):
                regions.append(region)
            elif region.readable:
                self.left_out += region.size
        if sum(region.size for region in regions) > self._left:
            # The cap must not be eaten by images, which are on disk too.
            regions.sort(key=lambda region: (_CAPPED_ORDER.index(region.kind), region.base))
        failed: list[tuple[int, int]] = []
        try:
            for region in regions:
                for address, size in self._chunks(region):
                    data = self._read(memory, address, size, failed)
                    if data is not None:
                        self._look(data, address)
            if failed:
                self._judge(memory, failed)
        finally:
            self._end_stretch()

    def _chunks(self, region: Region) -> Iterator[tuple[int, int]]:
        for offset in range(0, region.size, CHUNK):
            size = min(CHUNK, region.size - offset, self._left)
            if size < min(CHUNK, region.size - offset):
                self.over = True
            if size <= 0:
                return
            self._left -= size
            yield region.base + offset, size

    def _read(
        self, memory: ProcessMemory, address: int, size: int, failed: list[tuple[int, int]]
    ) -> bytes | None:
        try:
            data = memory.read(address, size)
        except Vanished:
            raise
        except Unreadable:
            # One page that was freed meanwhile fails the whole read.
            failed.append((address, size))
            return None
        self.bytes += len(data)
        return data

    def _judge(self, memory: ProcessMemory, failed: list[tuple[int, int]]) -> None:
        """Read what failed again, page by page, as far as it is still there."""
        regions = [region for region in memory.regions() if _searched(region)]
        for address, size in failed:
            inside = [r for r in regions if r.base < address + size and address < r.base + r.size]
            if sum(_common(r, address, size) for r in inside) < size:
                self.freed = True
            for region in inside:
                start = max(region.base, address)
                self._pages(memory, start, min(region.base + region.size, address + size) - start)

    def _pages(self, memory: ProcessMemory, address: int, size: int) -> None:
        for page in range(address, address + size, PAGE):
            try:
                data = memory.read(page, min(PAGE, address + size - page))
            except Vanished:
                raise
            except Unreadable:
                self.unreadable = True
                continue
            self.bytes += len(data)
            self._look(data, page)

    def _look(self, data: bytes, address: int) -> None:
        """Scan what was read, with the end of what lies right before it."""
        if address != self._next:
            self._end_stretch()
        window = self._tail + data
        start = address - len(self._tail)
        try:
            self._scan.window(window, start)
        except ScanFailed as error:
            self.gaps[f"scan of the bytes: {error}"] += 1
        own = self._matcher.scan_by_own_rules(window, "")
        self.gaps.update(own.gaps)
        for hit in own.hits:
            self._keep(structs.replace(hit, offset=start + hit.offset))
        self._next, self._tail = address + len(data), window[-self._overlap :]

    def _end_stretch(self) -> None:
        """Nothing that was read follows."""
        for hit in self._scan.hits():
            self._keep(hit)
        self._scan = self._matcher.windows()
        self._next, self._tail = -1, b""

    def _keep(self, hit: ByteHit) -> None:
        self.hits.setdefault(hit.indicator, hit)


def _common(region: Region, address: int, size: int) -> int:
    return min(region.base + region.size, address + size) - max(region.base, address)
