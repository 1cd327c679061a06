"""What a damaged container, or one of several that look like one, would hide without a word."""

from __future__ import annotations

import random
import zlib
from pathlib import Path

import pytest

from agent.targets.offline.containers import MediumError
from agent.targets.offline.containers.opening import open_medium
from tests.evidence.containers import acquired, converted, dirty
from tests.evidence.images import image
from tests.evidence.partitioned import laid, mbr

MIB = 1 << 20
SIZE = 3 * MIB


@pytest.fixture(scope="module")
def raw(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("raw") / "disk.raw"
    path.write_bytes(random.Random(9).randbytes(SIZE))
    return path


def patched(path: Path, at: int, value: bytes) -> Path:
    data = bytearray(path.read_bytes())
    data[at : at + len(value)] = value
    path.write_bytes(data)
    return path


def why_not(path: Path, at: int = 0) -> str:
    """Of a disk that cannot be opened, or not be read there."""
    with pytest.raises(MediumError) as told:
        open_medium(str(path)).source.read_at(at, 512)
    return told.value.what


class TestQcow:
    def test_a_table_that_is_too_short_is_no_zeros(self, tmp_path: Path, raw: Path) -> None:
        made = patched(converted(raw, "plain.qcow2", tmp_path), 36, bytes(4))
        assert why_not(made) == "QCOW disk: table that is too short"

    def test_a_table_that_the_file_does_not_hold_is_no_zeros(
        self, tmp_path: Path, raw: Path
    ) -> None:
        made = converted(raw, "plain.qcow2", tmp_path)
        place = int.from_bytes(made.read_bytes()[40:48], "big")
        made.write_bytes(made.read_bytes()[:place])
        assert why_not(made) == "QCOW disk: table that is too short"

    @pytest.mark.parametrize("name", ["plain.qcow2", "extended.qcow2"])
    def test_a_cluster_where_none_can_be(self, tmp_path: Path, raw: Path, name: str) -> None:
        made = converted(raw, name, tmp_path)
        data = made.read_bytes()
        first = int.from_bytes(data[40:48], "big")
        second = int.from_bytes(data[first : first + 8], "big") & (1 << 56) - 1
        patched(made, second + 6, b"\x02")
        assert why_not(made) == "QCOW disk: cluster where none can be"

    def test_a_part_that_is_there_and_zero(self, tmp_path: Path, raw: Path) -> None:
        made = converted(raw, "extended.qcow2", tmp_path)
        data = made.read_bytes()
        first = int.from_bytes(data[40:48], "big")
        second = int.from_bytes(data[first : first + 8], "big") & (1 << 56) - 1
        patched(made, second + 8, b"\xff" * 8)
        assert why_not(made) == "QCOW disk: cluster where none can be"


class TestVhdx:
    @pytest.mark.parametrize("state", [4, 5, 7])
    def test_a_block_in_a_state_that_cannot_be_is_no_zeros(
        self, tmp_path: Path, raw: Path, state: int
    ) -> None:
        made = converted(raw, "dynamic.vhdx", tmp_path)
        data = made.read_bytes()
        region = 192 << 10
        entries = [data[region + 16 + 32 * number :][:32] for number in range(2)]
        tables = [int.from_bytes(one[16:24], "little") for one in entries if one[:2] == b"\x66\x77"]
        (table,) = tables
        patched(made, table, bytes([data[table] & 0xF8 | state]))
        assert why_not(made) == "VHDX disk: block in a state that cannot be"

    def test_one_that_is_cut_off_is_not_made_whole_by_its_log(
        self, tmp_path: Path, raw: Path
    ) -> None:
        made = converted(raw, "dynamic.vhdx", tmp_path)
        dirty(made, {made.stat().st_size - 4096: bytes(4096)})
        made.write_bytes(made.read_bytes()[:-MIB])
        assert why_not(made) == "VHDX disk: cut off: its log tells of a longer file"

    def test_metadata_that_end_early(self, tmp_path: Path, raw: Path) -> None:
        made = converted(raw, "dynamic.vhdx", tmp_path)
        data = made.read_bytes()
        made.write_bytes(data[: data.rindex(b"metadata") + 40])
        assert why_not(made) == "VHDX disk: metadata that are none"


class TestVhd:
    def test_a_damaged_footer_gives_way_to_its_copy(self, tmp_path: Path, raw: Path) -> None:
        made = converted(raw, "dynamic.vhd", tmp_path)
        size = open_medium(str(made)).source.size
        patched(made, made.stat().st_size - 512 + 53, b"\x01")
        medium = open_medium(str(made))
        assert (medium.source.size, medium.problems) == (size, ())
        patched(made, 53, b"\x01")
        assert "VHD disk: footer whose checksum differs" in open_medium(str(made)).problems[0]

    def test_a_damaged_header_is_said(self, tmp_path: Path, raw: Path) -> None:
        made = patched(converted(raw, "dynamic.vhd", tmp_path), 512 + 100, b"\x01")
        ((why, _),) = open_medium(str(made)).problems
        assert why == "VHD disk: dynamic header whose checksum differs"

    def test_a_fixed_one_that_lacks_its_middle_is_said(self, tmp_path: Path, raw: Path) -> None:
        made = converted(raw, "fixed.vhd", tmp_path)
        data = made.read_bytes()
        made.write_bytes(data[:MIB] + data[2 * MIB :])
        ((why, _),) = open_medium(str(made)).problems
        assert why == "VHD disk: cut off"


class TestVmdk:
    def test_a_grain_that_is_no_power_of_two(self, tmp_path: Path, raw: Path) -> None:
        made = patched(converted(raw, "sparse.vmdk", tmp_path), 20, b"\x84")
        assert why_not(made) == "VMDK disk: impossible size of a grain"

    def test_every_extent_counts_whatever_its_access(self, tmp_path: Path) -> None:
        (tmp_path / "one").write_bytes(b"1" * 4096)
        (tmp_path / "für").write_bytes(b"2" * 4096)
        text = '# Disk DescriptorFile\nencoding="windows-1252"\nparentCID=ffffffff\n'
        path = tmp_path / "d.vmdk"
        path.write_bytes((text + 'WO 8 FLAT "one" 0\nRW 8 FLAT "für" 0\n').encode("cp1252"))
        medium = open_medium(str(path))
        assert medium.source.read_at(0, 8192) == b"1" * 4096 + b"2" * 4096
        path.write_text(f'{text}RW 8 FLAT "one" 0\nRW {10**17} FLAT "one" 0\n')
        assert why_not(path) == "VMDK disk: impossible size of an extent"

    def test_a_piece_without_its_description_is_called_so(self, tmp_path: Path, raw: Path) -> None:
        converted(raw, "split.vmdk", tmp_path)
        why = why_not(tmp_path / "split-s001.vmdk")
        assert why == "VMDK disk: one extent of several; give the file that describes them"


class TestEwf:
    @pytest.mark.parametrize("name", ["none.E01", "early.E01", "smart.s01"])
    def test_a_changed_description_of_the_disk_is_refused(
        self, tmp_path: Path, raw: Path, name: str
    ) -> None:
        made = acquired(raw, name, tmp_path)
        place = made.read_bytes().index(b"volume\0") + 76
        patched(made, place + 16, b"\x01")
        assert why_not(made) == "EnCase image (E01): damaged description of the disk"

    def test_a_file_of_another_set_is_refused(self, tmp_path: Path, raw: Path) -> None:
        made = acquired(raw, "none.E01", tmp_path, files_of="2MiB")
        for path, name, value in (
            (made, b"volume", b"a"),
            (made.with_suffix(".E02"), b"data", b"b"),
        ):
            data = bytearray(path.read_bytes())
            start = data.index(name + bytes(16 - len(name))) + 76
            data[start + 64 : start + 80] = value * 16
            data[start + 1048 : start + 1052] = zlib.adler32(data[start : start + 1048]).to_bytes(
                4, "little"
            )
            path.write_bytes(data)
        assert why_not(made) == "EnCase image (E01): a file of another set"


class TestPieces:
    def test_a_last_one_that_is_longer_says_that_the_others_are_cut(self, tmp_path: Path) -> None:
        (tmp_path / "d.001").write_bytes(mbr((7, 8, 64)) + bytes(MIB - 512))
        (tmp_path / "d.002").write_bytes(bytes(2 * MIB))
        ((why, where),) = open_medium(str(tmp_path / "d.001")).problems
        assert why == "raw image in pieces: a piece of another length than the first"
        assert where.endswith("d.002")

    @pytest.mark.parametrize(
        ("first", "second", "told"),
        [
            (image({}), image({}), True),
            (mbr((7, 8, 64)).ljust(MIB, b"\0"), mbr((7, 8, 64)).ljust(MIB, b"\0"), True),
            (mbr((7, 8, 64)).ljust(MIB, b"\0"), image({}), True),
            (mbr((7, 2048, 2048)).ljust(MIB, b"\0"), image({}), False),
            (image({}), bytes(MIB), False),
        ],
        ids=["volumes", "disks", "disk and volume", "disk and its volume", "one volume"],
    )
    def test_disks_that_are_numbered_are_not_taken_for_one(
        self, tmp_path: Path, first: bytes, second: bytes, *, told: bool
    ) -> None:
        (tmp_path / "host.001").write_bytes(first)
        (tmp_path / "host.002").write_bytes(second[: len(first)])
        problems = open_medium(str(tmp_path / "host.001")).problems
        assert told == any("begins as a disk of its own" in why for why, _ in problems)

    def test_names_that_differ_by_case_alone_are_two_sets(self, tmp_path: Path) -> None:
        for stem, byte in (("d", b"1"), ("D", b"2")):
            (tmp_path / f"{stem}.001").write_bytes(laid((0, mbr((7, 8, 64))), (MIB - 1, byte)))
            (tmp_path / f"{stem}.002").write_bytes(byte * 512)
        if len(list(tmp_path.iterdir())) < 4:
            pytest.skip("needs names that differ by case alone")
        for stem, byte in (("d", b"1"), ("D", b"2")):
            assert open_medium(str(tmp_path / f"{stem}.001")).source.read_at(MIB, 1) == byte
