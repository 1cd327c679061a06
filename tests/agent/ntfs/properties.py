"""What holds for any bytes: each parser ends in values or in a typed error, within its bounds.

Each function takes foreign bytes and fails by an exception. Hypothesis calls them with damaged good
bytes (``test_hostile.py``), the fuzzer with whatever reaches new code (``tests/fuzz``).
"""

from __future__ import annotations

import contextlib
import io
import struct
from collections.abc import Sequence

from agent.ntfs import (
    FileSource,
    Hit,
    MftScan,
    NtfsError,
    Selected,
    UsnScan,
    Volume,
    Wanted,
    list_folder,
)
from agent.ntfs.assembly import read_list
from agent.ntfs.boot_sector import read_boot_sector
from agent.ntfs.entry import MftEntry, Stream
from agent.ntfs.extensions import Extensions
from agent.ntfs.fixups import mend_record, mend_records
from agent.ntfs.index_slack import IndexSlack
from agent.ntfs.log_file import PAGE, LogScan
from agent.ntfs.lznt1 import decompress
from agent.ntfs.overlay import decompressed
from agent.ntfs.quick_check import quick_check
from agent.ntfs.record import Record
from agent.ntfs.reference import Reference
from agent.ntfs.run_list import Run, decode_runs
from agent.ntfs.shadow_copies import Kept, ShadowView
from agent.ntfs.shadow_copies import shadow_copies as copies_of
from agent.ntfs.singled_out import selected
from agent.ntfs.usual import Usual
from agent.ntfs.volume import RecordBuffer
from agent.reading.openings import Opening, Selection
from tests.evidence.images import (
    CLUSTER,
    file_name,
    image,
    non_resident,
    opened,
    record,
    resident,
    run,
    standard,
    wants,
)
from tests.evidence.overlay import reparse
from tests.evidence.shadow_copies import BLOCK, LIST, block, made

WANTED = Wanted(
    wants("cyzfc.dat"),
    frozenset({"CYZFC.DAT"}),
    (),
    Selection(frozenset({100}), 8192, frozenset({"", ".lnk"})),
)
OPENINGS = Wanted(
    wants("cyzfc.dat"),
    frozenset({"CYZFC.DAT"}),
    (),
    Selection(
        frozenset({100}),
        8192,
        frozenset({"", ".lnk"}),
        (
            Opening(100, 100),
            Opening(8192, head=b"L"),
            Opening(2, extensions=frozenset({""}), head=b"x"),
            Opening(most=90, extensions=frozenset({".lnk"})),
        ),
    ),
)
RECORD = record(
    standard(), resident(0x20, struct.pack("<IHBBQQH6x", 0x80, 32, 0, 26, 0, 41 | 1 << 48, 0)),
    file_name("cyzfc.dat"), non_resident(0x80, 100_000, run(20, 50) + run(5, None), last=24, unit=4, flags=1),
    resident(0x80, b"x" * 100, name="stream"),
)  # fmt: skip
LAST = 42
"""The number of the last record in the volumes made of single records."""


def boot_sector(data: bytes) -> None:
    try:
        found = read_boot_sector(data)
    except NtfsError:
        return
    assert 512 <= found.record_size <= 1 << 16
    assert found.cluster_size <= 2 << 20
    assert 0 < found.mft_cluster < found.clusters


def run_list(data: bytes) -> None:
    try:
        runs = decode_runs(data)
    except NtfsError:
        return
    assert len(runs) <= len(data)
    assert all(run.length > 0 and (run.cluster is None or run.cluster >= 0) for run in runs)


def attribute_list(data: bytes) -> None:
    with contextlib.suppress(NtfsError):
        assert len(list(read_list(data))) <= -(-len(data) // 26)


def lznt1(data: bytes, size: int) -> None:
    with contextlib.suppress(NtfsError):
        assert len(decompress(data, size)) == size


def overlay(kept: bytes, size: int, algorithm: bytes) -> None:
    """A file of so many bytes as "CompactOS" keeps it: all of them come, or a typed error."""
    entry = MftEntry(
        Reference(40, 1), live=True, folder=False, names=(), times=None,
        streams=(Stream("", size, 0, size, resident=False, flags=0, runs=(Run(0, None, 99),)),),
        reparse_data=reparse(algorithm[0] & 3 if algorithm else 0),
    )  # fmt: skip
    with contextlib.suppress(NtfsError):
        assert len(decompressed(entry, io.BytesIO(kept)).read()) == size


def mending(records: Sequence[bytes]) -> None:
    """Records of 1 KiB are mended the same all at once and each alone."""
    buffer = bytearray(b"".join(records))
    mended = mend_records(buffer, len(records), 1024)
    for index, data in enumerate(records):
        own = bytearray(data)
        if data[:4] == b"FILE":
            assert mend_record(own, 0, 1024) == (index not in mended.torn)
        else:
            assert index in mended.unsigned
        assert buffer[index * 1024 : (index + 1) * 1024] == own


def attributes(data: bytes) -> None:
    """Of a mended record."""
    found, _ = Record(40, data).sound_attributes()
    for attribute in found:
        assert attribute.start + attribute.length <= len(data)
        assert len(attribute.content(data)) <= len(data)


def records(one: bytes, other: bytes) -> None:
    """Two records of 1 KiB in the $MFT, the second the last of all, and the scan of them."""
    volume = opened(image({40: RECORD, 41: one, LAST: other}, count=LAST + 1))
    search = MftScan(volume, WANTED)
    numbers = set()
    for hit in search.hits():
        if isinstance(hit, Hit):
            numbers.add(hit.entry.number)
            assert len(hit.paths) <= 32
            contents(volume, hit)
    assert 40 in numbers
    counts = search.counts
    told = counts.in_use + counts.deleted + counts.blank + counts.unreadable
    assert told == counts.records == LAST + 1


def contents(volume: Volume, hit: Hit) -> None:
    """The start of each stream of a hit."""
    for stream in hit.entry.streams:
        assert volume.still_free(stream) in (True, False, None)
        with contextlib.suppress(OSError), volume.content(stream) as content:
            assert len(content.read(1 << 16)) <= min(1 << 16, stream.size)


def quick_answer(data: bytes) -> None:
    """A quick check of a record says what the parsed entry says."""
    volume = opened(image({40: data}))
    own = volume.record(40)
    if own.torn or not own.signed:
        return
    entry = volume.entry(own)
    for wanted in (WANTED, OPENINGS):
        answer = quick_check(40, own.data, wanted.selection)
        if answer is not None and not entry.partial:
            assert answer.why == selected(entry, wanted)


def usual_answers(records: Sequence[bytes], first: int = 40) -> list[bool]:
    """Records of 1 KiB are answered where they lie as a quick check answers each, and an extension
    that it sees is found; which of them were."""
    buffer = bytearray(b"".join(records))
    mended = mend_records(buffer, len(records), 1024)
    held = RecordBuffer(first, len(records), bytes(buffer), mended)
    told = [False] * len(records)
    for wanted in (WANTED, OPENINGS):
        usual = Usual(wanted.selection, 1024)
        forms = usual.forms(held)
        answers, others = Extensions(wanted.selection, usual).found(held.data, forms)
        for index, form in enumerate(forms):
            quick = quick_check(first + index, held.record(index), wanted.selection)
            if form:
                own = usual.answer(held.data, index * 1024, form)
                assert own in (None, quick)
                told[index] = own is not None
            assert answers.get(index) in (None, quick)
            # What its size brings up is found by that.
            if index not in mended.torn and quick and quick.why == Selected.EXTENSION:
                assert index in answers or index in others
    return told


class Counted(FileSource):
    """Fails when far more is read than there is: work must not grow with what the bytes claim."""

    def __init__(self, data: bytes, limit: int) -> None:
        super().__init__(io.BytesIO(data))
        self.left = limit

    def read_into(self, offset: int, view: memoryview) -> int:
        self.left -= len(view)
        assert self.left >= 0, "reads without end"
        return super().read_into(offset, view)


def whole_volume(data: bytes) -> None:
    """Scanned, with the paths and contents of what hits, and the change journal."""
    source = Counted(data, limit=(64 << 20) + 256 * len(data))
    try:
        volume = Volume(source)
    except NtfsError:
        return
    search = MftScan(volume, WANTED)
    for hit in search.hits():
        if isinstance(hit, Hit):
            assert all(len(path.text) <= 1 << 16 for path in hit.paths)
            contents(volume, hit)
    assert search.counts.records <= volume.records
    with contextlib.suppress(OSError):
        assert len(volume.identity() or "") in (0, 33)
    for _ in IndexSlack(volume, WANTED).hits():
        pass
    with contextlib.suppress(OSError), volume.change_journal() as journal:
        for _ in UsnScan(journal, WANTED).hits():
            pass


INDEX_CLUSTER = 100
"""Where the blocks of a folder lie that :func:`folder_index` reads."""


def folder_index(one: bytes, blocks: bytes) -> None:
    """A record of 1 KiB that may be a folder, with blocks in the clusters from 100 on."""
    volume = opened(image({40: one}, contents={INDEX_CLUSTER: blocks[: 64 * CLUSTER]}))
    for hit in IndexSlack(volume, WANTED).hits():
        assert hit.record < volume.records
    problems: list[str] = []
    count = 0
    try:
        for entry in list_folder(volume, 40, lambda name: True, problems):
            count += 1
            assert 0 <= entry.reference.number < 1 << 48
            assert len(entry.name) <= 255
    except OSError:
        return
    # An entry takes the room of its fields at least, and no more is read than the volume holds.
    assert count <= (1024 + volume.source.size) // 0x52
    assert all(problems)
    assert len(problems) <= 64


def change_journal(data: bytes) -> None:
    scan = UsnScan(io.BytesIO(data), WANTED)
    found = sum(1 for _ in scan.hits())
    # A record takes 60 bytes at least, a mention the ten of the wanted name's stem.
    assert scan.records <= len(data) // 60
    assert found <= len(data) // 10


def log_file(data: bytes) -> None:
    """A log, whole pages or not."""
    scan = LogScan(io.BytesIO(data), WANTED)
    found = list(scan.hits())
    assert scan.read <= len(data) + PAGE
    assert all(0 <= hit.place < len(data) for hit in found)


COPY_BLOCKS = 8


def shadow_copies(data: bytes) -> None:
    """A KiB of entries of a catalog, then one of each of three lists: where it goes on, and
    descriptors."""
    volume = bytearray(made(bytes(COPY_BLOCKS * BLOCK), [], room=COPY_BLOCKS * BLOCK)[:-512])
    catalog = COPY_BLOCKS * BLOCK
    volume[catalog + 128 : catalog + 128 + 1024] = data[:1024].ljust(1024, b"\0")
    for number in range(1, 4):
        following = int.from_bytes(data[1024 * number : 1024 * number + 8], "little")
        body = data[1024 * number + 8 : 1024 * (number + 1)]
        at = catalog + number * BLOCK
        volume[at : at + BLOCK] = block(LIST, at, body, following=following)
    source = Counted(bytes(volume), limit=1 << 26)
    try:
        copies = copies_of(source)
        kept = [Kept.of(source, copy, 1 << 10) for copy in copies]
    except NtfsError:
        return
    for number in range(len(kept)):
        view = ShadowView(source, kept[number:])
        for at in range(0, view.size, 4 * BLOCK):
            assert len(view.read_at(at + 7, BLOCK)) <= BLOCK


def change(name: str = "cyzfc.dat", version: int = 2) -> bytes:
    """A record of the change journal."""
    text = name.encode("utf-16-le")
    if version == 2:
        head = struct.pack("<QQQQIIIIHH", 30, 5, 0, 10**17, 0x100, 0, 0, 0x20, len(text), 0x3C)
    else:
        head = struct.pack(
            "<16s16sQQIIIIHH",
            bytes([30]),
            bytes([5]),
            0,
            10**17,
            0x100,
            0,
            0,
            0x20,
            len(text),
            0x4C,
        )
    length = 8 + len(head) + len(text) + 7 & ~7
    return (struct.pack("<IHH", length, version, 0) + head + text).ljust(length, b"\0")
