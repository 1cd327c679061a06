"""Names in what the indexes of folders do not use any more; The Sleuth Kit is asked too."""

from __future__ import annotations

import io
import struct
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agent.ntfs import FileSource, Reference, Unread, Volume, Wanted, index_slack
from agent.ntfs.index_slack import (
    DELETED,
    IN_BLOCK,
    IN_INDEX,
    IN_RECORD,
    IndexSlack,
    SlackMention,
    SlackName,
)
from agent.spelling import fold
from tests.evidence import images
from tests.evidence.images import (
    CLUSTER,
    file_name,
    image,
    index_block,
    index_entries,
    index_root,
    non_resident,
    record,
    resident,
    run,
    standard,
    wants,
)

NAME = "cyzfc.dat"
FOLDER = 40
WANTED = Wanted(wants(NAME), frozenset({NAME.upper()}))


def found(
    data: bytes, account: Unread | None = None, wanted: Wanted = WANTED
) -> list[SlackName | SlackMention]:
    return list(
        IndexSlack(Volume(FileSource(io.BytesIO(data))), wanted, account or Unread()).hits()
    )


def names(data: bytes) -> list[tuple[str, Reference | None, str]]:
    told = []
    for hit in found(data):
        assert isinstance(hit, SlackName), hit
        told.append((hit.left.name.text, hit.left.file, hit.where))
    return told


def entries(*files: tuple[str, int]) -> bytes:
    return index_entries(files, FOLDER)[:-16]


def block(kept: bytes, slack: bytes = b"", *, size: int = 4096) -> bytes:
    """A block with these entries, and behind its end what was there before."""
    used = kept + struct.pack("<QHHI", 0, 16, 0, 2)
    whole = bytearray(index_block(used + slack, size=size))
    struct.pack_into("<I", whole, 0x1C, len(used) + (0x28 + 2 * (size // 512 + 1) + 7 & ~7) - 0x18)
    return bytes(whole)


def folder(
    *runs: bytes, last: int = 0, flags: int = 3, size: int = CLUSTER, more: bytes = b""
) -> bytes:
    root = resident(0x90, index_root(struct.pack("<QHHIQ", 0, 24, 0, 3, 0)), "$I30")
    blocks = non_resident(0xA0, size, b"".join(runs), name="$I30", last=last) if runs else b""
    return record(
        standard(), file_name("Local"), root, blocks, more, sequence=5, flags=flags, number=FOLDER
    )


def test_an_entry_behind_the_end_is_told_with_its_file_and_folder() -> None:
    data = block(entries(("aaa.txt", 60)), entries((NAME, 50)))
    (hit,) = found(image({FOLDER: folder(run(1, 100))}, contents={100: data}))
    assert isinstance(hit, SlackName)
    assert (hit.left.name.text, hit.left.name.parent.number) == (NAME, FOLDER)
    assert (hit.left.file, hit.where, hit.record) == (Reference(50, 1), IN_BLOCK, FOLDER)
    assert hit.left.name.times.created == 10**17 + 7
    assert hit.place == 100 * CLUSTER + data.index(NAME.encode("utf-16-le")) - 0x42


def test_a_name_that_counts_is_told_as_such() -> None:
    data = block(entries((NAME, 50)))
    assert names(image({FOLDER: folder(run(1, 100))}, contents={100: data})) == [
        (NAME, Reference(50, 1), IN_INDEX)
    ]


def test_a_name_in_which_a_stride_ends_is_found_whole() -> None:
    """Its two bytes there are kept elsewhere."""
    for before in range(0x140, 0x1E0, 8):
        slack = bytes(before) + entries((NAME, 50))
        data = block(entries(("a", 60)), slack)
        image_of = image({FOLDER: folder(run(1, 100))}, contents={100: data})
        assert names(image_of) == [(NAME, Reference(50, 1), IN_BLOCK)], before


def test_blocks_in_several_places_and_those_that_were_given_back_are_searched() -> None:
    one, two = block(entries(("a", 60))), block(b"", entries((NAME, 50)))
    runs = run(1, 100), run(1, 20)
    data = image({FOLDER: folder(*runs, last=1, size=2 * CLUSTER)}, contents={100: one, 120: two})
    assert names(data) == [(NAME, Reference(50, 1), IN_BLOCK)]


def test_blocks_that_a_further_record_tells_are_searched() -> None:
    blocks = non_resident(0xA0, CLUSTER, run(1, 100), name="$I30")
    further = record(blocks, base=FOLDER | 5 << 48, sequence=1)
    data = block(b"", entries((NAME, 50)))
    made = image({FOLDER: folder(), 41: further}, contents={100: data})
    (hit,) = found(made)
    assert hit.record == 41


def test_the_slack_of_a_folder_s_record_and_a_deleted_folder_are_searched() -> None:
    own = bytearray(folder())
    slack = entries((NAME, 50))
    own[0x260 : 0x260 + len(slack)] = slack
    assert names(image({FOLDER: bytes(own)})) == [(NAME, Reference(50, 1), IN_RECORD)]
    root = resident(0x90, index_root(index_entries([(NAME, 50)], FOLDER)), "$I30")
    gone = record(standard(), file_name("Local"), root, sequence=6, flags=2)
    assert names(image({FOLDER: gone})) == [(NAME, Reference(50, 1), DELETED)]
    live = record(standard(), file_name("Local"), root, sequence=6, flags=3)
    assert names(image({FOLDER: live})) == []


def test_a_piece_of_an_entry_is_a_mention() -> None:
    slack = entries((NAME, 50))[0x40:]
    (hit,) = found(image({FOLDER: folder(run(1, 100))}, contents={100: block(b"", slack)}))
    assert isinstance(hit, SlackMention)
    assert (hit.text, hit.where) == (NAME, IN_BLOCK)


class Watched(FileSource):
    """Remembers where blocks were read."""

    def __init__(self, data: bytes) -> None:
        super().__init__(io.BytesIO(data))
        self.places: list[int] = []

    def read_at(self, offset: int, size: int) -> bytes:
        if offset >= 100 * CLUSTER:
            self.places.append(offset // CLUSTER)
        return super().read_at(offset, size)


@pytest.mark.parametrize("at_once", [1, 2, 1 << 15])
def test_blocks_are_read_once_in_the_order_of_the_disk(
    monkeypatch: pytest.MonkeyPatch, at_once: int
) -> None:
    monkeypatch.setattr(index_slack, "_IN_ORDER", at_once)
    gone = block(b"", entries((NAME, 50)))
    made = image(
        {FOLDER: folder(run(1, 130)), 41: folder(run(1, 110)), 42: folder(run(1, 120))},
        contents={110: gone, 120: gone, 130: gone},
    )
    source = Watched(made)
    hits = list(IndexSlack(Volume(source), WANTED).hits())
    assert sorted(hit.record for hit in hits) == [FOLDER, 41, 42]
    assert source.places == [110, 120, 130]  # All three are in one buffer of records.


def test_indexes_of_anything_else_are_not_searched() -> None:
    blocks = non_resident(0xA0, CLUSTER, run(1, 100), name="$O")
    other = record(standard(), file_name("$ObjId"), blocks, flags=3)
    assert found(image({FOLDER: other}, contents={100: block(b"", entries((NAME, 50)))})) == []


def test_an_impossible_size_of_blocks_is_a_gap() -> None:
    made = bytearray(image({FOLDER: folder(run(1, 100))}))
    made[0x44] = 0xF8  # 256 bytes.
    account = Unread()
    assert found(bytes(made), account) == []
    assert account.samples == {"folders' indexes: size of their blocks": "256 bytes"}


def test_a_record_that_is_full_and_one_whose_end_cannot_be_right() -> None:
    own = bytearray(folder())
    slack = entries((NAME, 50))
    own[0x260 : 0x260 + len(slack)] = slack
    own[0x18:0x1C] = (1024).to_bytes(4, "little")
    assert names(image({FOLDER: bytes(own)})) == []
    for end in (1025, 0x10, 0):
        own[0x18:0x1C] = end.to_bytes(4, "little")
        assert names(image({FOLDER: bytes(own)})) == [(NAME, Reference(50, 1), IN_RECORD)]


def test_what_is_no_block_is_not_searched() -> None:
    data = b"BAAD" + block(b"", entries((NAME, 50)))[4:]
    assert found(image({FOLDER: folder(run(1, 100), flags=2)}, contents={100: data})) == []


def test_a_torn_block_is_a_gap_and_searched_all_the_same() -> None:
    data = bytearray(block(b"", entries((NAME, 50))))
    data[-1] ^= 0xFF
    account = Unread()
    other = folder(run(1, 90))  # Is read before.
    made = image(
        {FOLDER: folder(run(1, 100)), 41: other}, contents={90: block(b""), 100: bytes(data)}
    )
    assert len(found(made, account)) == 1
    assert account.gaps == {"folder's index: block written in part": 1}
    assert account.samples == {"folder's index: block written in part": f"record {FOLDER}"}


def test_blocks_that_lead_beyond_the_volume_are_bounded() -> None:
    account = Unread()
    made = image({n: folder(run(1 << 20, 100)) for n in range(30, 60)})
    assert found(made, account) == []
    assert list(account.gaps) == ["folders' indexes: more than is read"]


def test_damaged_runs_are_a_gap() -> None:
    account = Unread()
    assert found(image({FOLDER: folder(b"\x44\x01")}), account) == []
    assert account.gaps == {"folder's index: run list damaged": 1}


class Failing(io.BytesIO):
    """One cluster cannot be read."""

    def readinto(self, buffer: object) -> int:
        if self.tell() == 100 * CLUSTER:
            raise OSError(5, "Input/output error")
        return super().readinto(buffer)  # type: ignore[arg-type]


def test_a_block_that_cannot_be_read_is_a_gap() -> None:
    account = Unread()
    volume = Volume(FileSource(Failing(image({FOLDER: folder(run(1, 100))}))))
    assert list(IndexSlack(volume, WANTED, account).hits()) == []
    assert account.gaps == {"folder's index cannot be read: [Errno 5] Input/output error": 1}


@pytest.mark.parametrize("options", [(), ("-c", "512"), ("-c", "65536")])
def test_the_sleuth_kit_knows_no_deleted_entry_that_is_not_found(
    tmp_path: Path, options: tuple[str, ...]
) -> None:
    images.require_tools("fls")
    path = images.make(tmp_path / "C.dd", 24, *options)
    gone = [f"gone-{number:03}-{'x' * (number % 40)}.dat" for number in range(300)]
    with images.mounted(path) as top:
        for place in ("many", "few"):
            (top / place).mkdir()
        for number, name in enumerate(gone):
            (top / "many" / name).write_bytes(b"x" * number)
        for name in gone[:5]:
            (top / "few" / name).write_bytes(b"y")
    with images.mounted(path) as top:
        for name in gone[7::2]:
            (top / "many" / name).unlink()
        for number in range(40):  # Their records are used again.
            (top / f"new-{number}").write_bytes(b"z")
    theirs = {
        line.partition(":")[2].strip().rpartition("/")[2]
        for line in images.fls(path, "-r", "-d", "-p")
        if "many/" in line
    }
    wanted = Wanted(wants(*gone), frozenset(fold(name) for name in gone))
    volume = images.volume(path)
    hits, many = list(IndexSlack(volume, wanted).hits()), _number(volume, "many")
    ours = {
        hit.left.name.text: hit.left
        for hit in hits
        if isinstance(hit, SlackName)
        and (hit.where, hit.left.name.parent.number) == (IN_BLOCK, many)
    }
    assert len(theirs) > 10
    assert theirs - set(gone) == set()
    # Of deleted files it asks the $MFT too, as the files source does.
    in_records = {
        name.text
        for number in range(24, volume.records)
        for name in volume.entry(number).names
        if volume.record(number).signed
    }
    assert theirs - ours.keys() <= in_records
    assert ours.keys() - in_records
    for name, left in ours.items():
        assert left.size in (0, gone.index(name))


def _number(volume: Volume, name: str) -> int:
    return next(
        number
        for number in range(24, volume.records)
        if any(one.text == name for one in volume.entry(number).names)
    )


@settings(max_examples=150, deadline=None)
@given(
    st.lists(st.tuples(st.integers(0, 9 * 1024), st.binary(min_size=1, max_size=48)), max_size=6)
)
def test_any_folder_ends_in_names(noise: list[tuple[int, bytes]]) -> None:
    made = bytearray(
        image(
            {FOLDER: folder(run(1, 100)), 41: folder(run(1, 101), flags=2)},
            contents={100: block(entries((NAME, 51)), entries((NAME, 50)))},
        )
    )
    at = 4 * CLUSTER + FOLDER * 1024
    for offset, piece in noise:
        place = at + offset if offset < 4096 else 100 * CLUSTER + offset - 4096
        made[place : place + len(piece)] = piece
    for hit in found(bytes(made)):
        assert hit.record < 64
