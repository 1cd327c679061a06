"""Volumes as they were when a shadow copy was made; libvshadow is asked for a second opinion."""

from __future__ import annotations

import io
import struct
from contextlib import closing
from pathlib import Path

import pytest
import pyvshadow
from hypothesis import given, settings
from hypothesis import strategies as st

from agent.ntfs import FileSource, NtfsError, Unread, Volume
from agent.ntfs import shadow_copies as ours
from agent.ntfs.shadow_copies import MAX_BLOCKS, Copy, ShadowView, shadow_copies
from agent.ntfs.shadow_volume import ShadowVolume
from tests.evidence.images import boot, file_name, image, record, resident, standard
from tests.evidence.samples import qcow2
from tests.evidence.shadow_copies import (
    BLOCK,
    IN_PART,
    MAGIC,
    MOVED,
    NOT_USED,
    Kept,
    made,
    when,
    with_copies,
)

ROOM = 64 * BLOCK


def source_of(data: bytes) -> FileSource:
    return FileSource(io.BytesIO(data))


def views(data: bytes) -> list[ShadowView]:
    """As we read them, the oldest first."""
    source = source_of(data)
    kept = [ours.Kept.of(source, copy, MAX_BLOCKS) for copy in shadow_copies(source)]
    return [ShadowView(source, kept[number:]) for number in range(len(kept))]


def theirs(data: bytes) -> list[bytes]:
    """As libvshadow reads them."""
    volume = pyvshadow.volume()
    volume.open_file_object(io.BytesIO(data))
    found = []
    for number in range(volume.number_of_stores):
        store = volume.get_store(number)
        store.seek(0)
        found.append(store.read(store.volume_size))
    return found


def volume(blocks: int, fill: int) -> bytes:
    """Blocks that each hold one number, behind a boot sector."""
    body = b"".join(bytes([fill + number]) * BLOCK for number in range(1, blocks))
    return boot().ljust(BLOCK, b"\0") + body


def test_each_copy_reads_as_the_volume_was() -> None:
    first = second = volume(6, 0)
    second = second[: 2 * BLOCK] + b"s" * BLOCK + second[3 * BLOCK :]
    now = second[: 2 * BLOCK] + b"n" * 2 * BLOCK + second[4 * BLOCK :]
    data = with_copies(first, second, now, room=ROOM)
    copies = shadow_copies(source_of(data))
    assert [copy.made for copy in copies] == [when(0), when(1)]
    assert copies[0].name == "shadow copy of 2018-11-14 12:00:00 UTC"
    for view, state, other in zip(views(data), (first, second), theirs(data), strict=True):
        assert view.read_at(BLOCK, 5 * BLOCK) == state[BLOCK:]
        assert view.read_at(0, len(other)) == other
        assert view.read_at(3 * BLOCK - 7, 14) == state[3 * BLOCK - 7 : 3 * BLOCK + 7]
        assert view.read_at(view.size - 3, 9) == data[-3:]
        assert view.read_at(view.size, 9) == b""


def test_a_list_goes_on_in_further_blocks() -> None:
    first = volume(200, 0) * 3
    now = first[:BLOCK].ljust(600 * BLOCK, b"n")
    (view,) = views(with_copies(first, now, room=620 * BLOCK))
    assert view.read_at(BLOCK, 599 * BLOCK) == first[BLOCK:]


def test_a_volume_without_any_has_none() -> None:
    assert shadow_copies(source_of(volume(2, 0))) == []
    assert shadow_copies(source_of(b"")) == []
    none = bytearray(made(volume(2, 0), [], room=ROOM))
    none[0x1E30:0x1E38] = bytes(8)
    assert shadow_copies(source_of(bytes(none))) == []


PLACES = st.integers(1, 7).map(lambda number: number * BLOCK)
VALUES = st.integers(1, 255).map(lambda value: bytes([value]) * BLOCK)
NONE, NO_BITS = st.just(0), st.just(0)
DESCRIPTORS = st.lists(
    st.one_of(
        st.builds(Kept, PLACES, VALUES, NONE, NONE, NO_BITS),
        st.builds(Kept, PLACES, VALUES, NONE, st.just(NOT_USED), NO_BITS),
        st.builds(Kept, PLACES, VALUES, NONE, st.just(IN_PART), st.integers(0, 2**32 - 1)),
        st.builds(Kept, PLACES, st.just(b""), PLACES, st.just(MOVED), NO_BITS),
    ),
    max_size=12,
)


@settings(max_examples=60, deadline=None)
@given(st.lists(DESCRIPTORS, min_size=1, max_size=3))
def test_moved_blocks_and_parts_of_blocks_are_read_as_libvshadow_does(
    lists: list[list[Kept]],
) -> None:
    data = made(volume(8, 64), lists, room=ROOM)
    for view, other in zip(views(data), theirs(data), strict=True):
        assert [view.read_at(at, BLOCK) for at in range(0, 8 * BLOCK, BLOCK)] == [
            other[at : at + BLOCK] for at in range(0, 8 * BLOCK, BLOCK)
        ]


def test_a_real_volume_reads_as_libvshadow_reads_it(tmp_path: Path) -> None:
    path = qcow2("images/vsstest.qcow2", tmp_path / "C.dd")
    with closing(FileSource(path.open("rb", buffering=0))) as source:
        copies = shadow_copies(source)
        assert [copy.name for copy in copies] == [
            "shadow copy of 2013-12-03 06:35:09 UTC",
            "shadow copy of 2013-12-03 06:37:48 UTC",
        ]
        kept = [ours.Kept.of(source, copy, MAX_BLOCKS) for copy in copies]
        assert [(one.count, len(one.parts)) for one in kept] == [(463, 10), (468, 10)]
        volume = pyvshadow.volume()
        volume.open(str(path))
        for number, store in enumerate(volume.stores):
            view = ShadowView(source, kept[number:])
            differing = 0
            for at in range(0, view.size, BLOCK):
                if not (any(one.keeps(at) for one in kept) or at % (13 * BLOCK) == 0):
                    continue
                store.seek(at)
                mine, other = view.read_at(at, BLOCK), store.read(BLOCK)
                # What belonged to nothing then is zeros there, and as it is now here.
                assert mine == other or not any(other), at
                differing += mine != other
            assert differing < 100


def file_of(name: str, *, number: int) -> dict[int, bytes]:
    return {number: record(standard(), file_name(name), resident(0x80, b"x"))}


def shadow(data: bytes, account: Unread, broken: int = -1) -> ShadowVolume:
    """The only copy of a volume, of which nothing can be read from a byte on."""
    source = FileSource(Failing(data, broken))
    (copy,) = shadow_copies(source)
    kept = ours.Kept.of(source, copy, MAX_BLOCKS)
    return ShadowVolume(ShadowView(source, [kept]), kept, Volume(source), account)


class Failing(io.BytesIO):
    def __init__(self, data: bytes, broken: int) -> None:
        super().__init__(data)
        self.broken = broken

    def readinto(self, buffer: object) -> int:
        if 0 <= self.broken <= self.tell() < self.broken + BLOCK:
            raise OSError(5, "Input/output error")
        return super().readinto(buffer)  # type: ignore[arg-type]


THEN = image(
    {**file_of("then", number=20), **file_of("same", number=21), **file_of("b", number=60)}
)
NOW = image({**file_of("now", number=20), **file_of("same", number=21), **file_of("c", number=60)})
VOLUME = with_copies(THEN[:-512], NOW[:-512], room=ROOM)


@pytest.mark.parametrize("buffer", [1, 1024, 5000, 1 << 20])
def test_records_that_differ_are_told_and_no_others(buffer: int) -> None:
    account = Unread()
    told: list[int] = []
    for piece in shadow(VOLUME, account).mft(buffer):
        assert len(piece.data) == piece.count * 1024
        told += [
            piece.first + index
            for index in range(piece.count)
            if any(piece.data[index * 1024 : (index + 1) * 1024])
        ]
    assert told == [20, 60]
    assert account.gaps == {}


def test_a_kept_block_that_cannot_be_read_is_a_gap() -> None:
    account = Unread()
    volume = shadow(VOLUME, account)
    (kept,) = volume.source._kept  # type: ignore[attr-defined]
    place = kept.where(2 * BLOCK)  # Of records 16 to 31.
    broken = shadow(VOLUME, account, place)
    told = [piece.first for piece in broken.mft() if any(piece.data)]
    assert told == [48]
    assert account.gaps == {"$MFT: Input/output error": 16}
    assert account.samples == {"$MFT: Input/output error": "byte 16,384"}


def test_a_copy_whose_data_are_elsewhere_says_so() -> None:
    copy = Copy(b"", when(0), None)
    with pytest.raises(NtfsError, match="on another volume"):
        ours.Kept.of(source_of(bytes(BLOCK)), copy, 1)


def test_more_blocks_than_there_is_memory_for_are_an_error() -> None:
    source = source_of(with_copies(volume(6, 0), volume(6, 9), room=ROOM))
    (copy,) = shadow_copies(source)
    with pytest.raises(NtfsError, match="more blocks than are kept in memory"):
        ours.Kept.of(source, copy, 4)


@pytest.mark.parametrize(
    ("at", "value", "why"),
    [
        (0x1E10, 3, "unknown version"),
        (0x1E14, 2, "unknown version"),
        (0x1E30, 1 << 40, "list of a shadow copy damaged"),
        (0x1E30, BLOCK, "list of a shadow copy damaged"),
    ],
)
def test_a_damaged_header_or_catalog_is_an_error(at: int, value: int, why: str) -> None:
    data = bytearray(with_copies(volume(6, 0), volume(6, 9), room=ROOM))
    data[at : at + 8] = (
        struct.pack("<Q", value) if at == 0x1E30 else struct.pack("<I", value) + bytes(4)
    )
    with pytest.raises(NtfsError, match=why):
        shadow_copies(source_of(bytes(data)))


def test_a_list_that_leads_back_to_itself_ends() -> None:
    data = bytearray(with_copies(volume(6, 0), volume(6, 9), room=ROOM))
    (copy,) = shadow_copies(source_of(bytes(data)))
    assert copy.blocks is not None
    struct.pack_into("<Q", data, copy.blocks + 40, copy.blocks)
    with pytest.raises(NtfsError, match="damaged"):
        ours.Kept.of(source_of(bytes(data)), copy, MAX_BLOCKS)


@settings(max_examples=100, deadline=None)
@given(st.binary(max_size=600), st.integers(0, 40))
def test_any_bytes_end_in_copies_or_an_error(noise: bytes, block: int) -> None:
    data = bytearray(with_copies(volume(6, 0), volume(6, 9), room=ROOM))
    at = 0x1E00 if not block else block * BLOCK
    data[at + 16 : at + 16 + len(noise)] = noise
    try:
        found = views(bytes(data))
    except NtfsError:
        return
    for view in found:
        assert len(view.read_at(0, view.size)) <= view.size


def test_the_evidence_begins_as_the_format_says() -> None:
    assert MAGIC.hex() == "6b87083876c1484eb7ae04046e6cc752"
