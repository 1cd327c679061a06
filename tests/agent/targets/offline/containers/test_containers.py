"""The same disk in every container: the same bytes, the same findings, and gaps where bytes lack."""

from __future__ import annotations

import hashlib
import os
import random
import shutil
import subprocess
from pathlib import Path

import pytest

from agent.matching.own_traces import Own
from agent.targets.offline.at_rest import TargetError
from agent.targets.offline.containers import Medium, MediumError
from agent.targets.offline.containers.opening import is_medium, open_medium
from agent.targets.offline.image import ImageTarget
from tests.evidence.containers import (
    EWF,
    QEMU,
    acquired,
    converted,
    differencing_vhd,
    differencing_vhdx,
    dirty,
    needs,
    on,
    written,
)
from tests.evidence.loop_device import attached

SIZE = 72 << 20
"""Bytes of the disk: holes, what packs well and what does not, and an end in no whole block."""
ODD = 69_632


@pytest.fixture(scope="module")
def raw(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("disk") / "disk.raw"
    chance = random.Random(14)
    with path.open("wb") as file:
        for number in range(SIZE >> 20):
            if number % 4 == 0:
                file.write(chance.randbytes(1 << 20))
            elif number % 4 == 1:
                file.seek(1 << 20, os.SEEK_CUR)
            elif number % 4 == 2:
                file.write((chance.randbytes(700) * 1600)[: 1 << 20])
            else:
                file.write(bytes(300_000) + chance.randbytes((1 << 20) - 305_000) + bytes(5000))
        file.write(chance.randbytes(ODD))
    return path


def digest_of(medium: Medium, size: int) -> str:
    """Of its first bytes, read in steps that fit no block."""
    digest, at, step = hashlib.sha256(), 0, 1_000_003
    while at < size:
        data = medium.source.read_at(at, min(step, size - at))
        assert data
        digest.update(data)
        at += len(data)
    assert not any(medium.source.read_at(size, 1 << 20)), "what the container adds is empty"
    medium.source.close()
    return digest.hexdigest()


@pytest.fixture(scope="module")
def digest(raw: Path) -> str:
    return hashlib.sha256(raw.read_bytes()).hexdigest()


@pytest.mark.parametrize("name", [*QEMU, *EWF])
def test_every_container_gives_the_bytes_that_were_put_into_it(
    tmp_path: Path, raw: Path, digest: str, name: str
) -> None:
    make = converted if name in QEMU else acquired
    path = make(raw, name, tmp_path)
    assert is_medium(str(path))
    medium = open_medium(str(path))
    assert not medium.lacking
    assert not medium.problems
    # a fixed VHD with a boot sector is taken for raw bytes, and its footer for a few more
    assert digest_of(medium, SIZE + ODD) == digest or name == "fixed.vhd"


@pytest.mark.parametrize("first", ["disk.001", "disk.aa", "disk.r00"])
def test_pieces_of_a_raw_image_are_one(tmp_path: Path, raw: Path, digest: str, first: str) -> None:
    options = {"disk.001": ["-d", "-a3", "--numeric-suffixes=1"], "disk.aa": []}
    more = options.get(first, ["-d", "-a2"])
    stem = "disk.r" if first == "disk.r00" else "disk."
    subprocess.run(["split", "-b", "7M", *more, raw, stem], check=True, cwd=tmp_path)
    medium = open_medium(str(tmp_path / first), raw=True)
    assert len(medium.files) == 11
    assert digest_of(medium, SIZE + ODD) == digest


def test_a_missing_piece_is_no_zeros(tmp_path: Path, raw: Path) -> None:
    subprocess.run(
        ["split", "-b", "10M", "-d", "-a3", "--numeric-suffixes=1", raw, "disk."],
        check=True, cwd=tmp_path,
    )  # fmt: skip
    (tmp_path / "disk.003").unlink()
    medium = open_medium(str(tmp_path / "disk.001"), raw=True)
    ((start, size, why),) = medium.lacking
    assert (start, size) == (20 << 20, 10 << 20)
    assert medium.problems == ((why, "number 3"),)
    assert medium.source.read_at(0, 20 << 20) == raw.read_bytes()[: 20 << 20]
    assert medium.source.read_at(30 << 20, 4096) == raw.read_bytes()[30 << 20 :][:4096]
    for place in (20 << 20, (20 << 20) - 1, (30 << 20) - 1):
        with pytest.raises(MediumError, match="a piece is missing"):
            medium.source.read_at(place, 2)
    with pytest.raises(MediumError, match="give the first"):
        open_medium(str(tmp_path / "disk.004"), raw=True)


def test_what_only_looks_like_a_piece_is_none(tmp_path: Path, raw: Path) -> None:
    for name in ("disk.dd", "disk.img", "disk.raw", "disk.bin"):
        (tmp_path / name).write_bytes(raw.read_bytes()[: 1 << 20])
    medium = open_medium(str(tmp_path / "disk.dd"), raw=True)
    assert medium.source.size == 1 << 20
    assert len(medium.files) == 1


class TestEncase:
    @pytest.fixture
    def parts(self, tmp_path: Path, raw: Path) -> Path:
        made = acquired(raw, "none.E01", tmp_path, files_of="20MiB")
        assert len(list(tmp_path.iterdir())) == 4
        return made

    def test_a_set_of_files_is_one_disk(self, parts: Path, digest: str) -> None:
        medium = open_medium(str(parts))
        assert len(medium.files) == 4
        assert dict(medium.hashes).keys() == {"md5"}
        assert digest_of(medium, SIZE + ODD) == digest

    def test_its_own_hash_is_that_of_its_bytes(self, parts: Path, raw: Path) -> None:
        told = dict(open_medium(str(parts)).hashes)
        assert told["md5"] == hashlib.md5(raw.read_bytes()).hexdigest()

    @pytest.mark.parametrize("gone", ["none.E02", "none.E04"])
    def test_a_missing_file_is_no_zeros(self, parts: Path, raw: Path, gone: str) -> None:
        parts.with_name(gone).unlink()
        medium = open_medium(str(parts))
        assert medium.source.size == SIZE + ODD
        ((start, size, why),) = medium.lacking
        assert why == "EnCase image (E01): a file of the set is missing"
        assert start + size == SIZE + ODD
        assert medium.source.read_at(0, start) == raw.read_bytes()[:start]
        with pytest.raises(MediumError, match="a file of the set is missing"):
            medium.source.read_at(start, 1)
        assert [why for why, _ in medium.problems] == [why] * (gone == "none.E02")

    def test_a_file_that_is_cut_off_is_no_zeros(self, parts: Path, raw: Path) -> None:
        last = parts.with_name("none.E04")
        last.write_bytes(last.read_bytes()[: 3 << 20])
        medium = open_medium(str(parts))
        ((start, size, why),) = medium.lacking
        assert why == "EnCase image (E01): a file of the set is cut off"
        assert start + size == SIZE + ODD
        with pytest.raises(MediumError, match="cut off"):
            medium.source.read_at(start, 1)

    @pytest.mark.parametrize("name", ["none.E01", "best.E01"])
    def test_a_damaged_chunk_is_no_zeros(self, tmp_path: Path, raw: Path, name: str) -> None:
        path = acquired(raw, name, tmp_path)
        data = bytearray(path.read_bytes())
        place = data.index(raw.read_bytes()[4 << 20 :][100:150])  # of what does not pack
        data[place] ^= 1
        path.write_bytes(data)
        medium = open_medium(str(path))
        wrong, whole = 0, raw.read_bytes()
        for at in range(0, SIZE, 32 << 10):
            try:
                held = medium.source.read_at(at, 32 << 10)
            except MediumError as error:
                assert error.what == "EnCase image (E01): damaged chunk"
                wrong += 1
            else:
                assert held == whole[at : at + (32 << 10)]
        assert wrong == 1

    def test_another_file_than_the_first_says_so(self, parts: Path) -> None:
        with pytest.raises(MediumError, match="file 2 of a set; give the first"):
            open_medium(str(parts.with_name("none.E02")))


SECTORS = {3: b"a" * 512, 4: b"b" * 512, 9000: b"c" * 512, (SIZE + ODD) // 512 - 1: b"d" * 512}


def changed(raw: Path) -> str:
    data = bytearray(raw.read_bytes())
    for sector, held in SECTORS.items():
        data[sector * 512 : sector * 512 + 512] = held
    return hashlib.sha256(data).hexdigest()


class TestDisksThatRestOnOthers:
    @pytest.mark.parametrize("kind", ["vhd", "vhdx"])
    def test_a_differencing_disk(self, tmp_path: Path, raw: Path, kind: str) -> None:
        parent = converted(raw, f"dynamic.{kind}", tmp_path)
        make = differencing_vhd if kind == "vhd" else differencing_vhdx
        child = make(tmp_path / f"child.{kind}", parent, SIZE + ODD, SECTORS)
        medium = open_medium(str(child))
        assert medium.files == (str(child), str(parent))
        assert not medium.problems
        assert digest_of(medium, SIZE + ODD) == changed(raw)

    @pytest.mark.parametrize("kind", ["qcow2", "vmdk"])
    def test_a_chain_by_qemu(self, tmp_path: Path, raw: Path, kind: str) -> None:
        name = "zlib.qcow2" if kind == "qcow2" else "sparse.vmdk"
        base = converted(raw, name, tmp_path)
        middle = on(base, kind, tmp_path / f"middle.{kind}")
        written(middle, kind, 512 * 9000, 512, 7)
        top = on(middle, kind, tmp_path / f"top.{kind}")
        written(top, kind, 512 * 3, 1024, 8)
        data = bytearray(raw.read_bytes())
        data[512 * 9000 : 512 * 9001] = b"\7" * 512
        data[512 * 3 : 512 * 5] = b"\10" * 1024
        medium = open_medium(str(top))
        assert medium.files == (str(top), str(middle), str(base))
        assert digest_of(medium, SIZE + ODD) == hashlib.sha256(data).hexdigest()

    @pytest.mark.parametrize("kind", ["vhd", "vhdx", "qcow2", "vmdk"])
    @pytest.mark.parametrize("other", [False, True])
    def test_without_its_parent_it_has_its_own_bytes_alone(
        self, tmp_path: Path, raw: Path, kind: str, other: bool
    ) -> None:
        if kind in ("vhd", "vhdx"):
            parent = converted(raw, f"dynamic.{kind}", tmp_path)
            make = differencing_vhd if kind == "vhd" else differencing_vhdx
            child = make(tmp_path / f"child.{kind}", parent, SIZE + ODD, SECTORS)
        else:
            name = "zlib.qcow2" if kind == "qcow2" else "sparse.vmdk"
            parent = converted(raw, name, tmp_path)
            child = on(parent, kind, tmp_path / f"child.{kind}")
            written(child, kind, 512 * 9000, 512, ord("c"))
        parent.unlink()
        if other and kind != "qcow2":  # which does not say of what disk it is the child
            (tmp_path / "x").mkdir()
            again = converted(raw, parent.name, tmp_path / "x")
            again.rename(parent)
        medium = open_medium(str(child))
        ((why, _),) = medium.problems
        wrong = "another disk than the one" if other and kind != "qcow2" else "not beside it"
        assert wrong in why
        assert medium.source.read_at(512 * 9000, 512) == b"c" * 512
        with pytest.raises(MediumError, match=wrong):
            medium.source.read_at(20 << 20, 512)

    def test_without_any_byte_of_a_volume_it_is_a_gap(self, tmp_path: Path, raw: Path) -> None:
        parent = converted(raw, "dynamic.vhdx", tmp_path)
        child = differencing_vhdx(tmp_path / "child.vhdx", parent, SIZE + ODD, {9000: b"c" * 512})
        parent.unlink()
        roots, skipped = ImageTarget(str(child), own=Own()).roots()
        assert not roots
        ((place, why, gap),) = [(one.path, one.reason, one.gap) for one in skipped]
        assert (place, gap) == ("dynamic.vhdx", True)
        assert why == "VHDX disk: needs a file that is not beside it"

    def test_one_that_rests_on_itself_is_refused_in_time(self, tmp_path: Path, raw: Path) -> None:
        base = converted(raw, "plain.qcow2", tmp_path)
        loop = on(base, "qcow2", tmp_path / "loop.qcow2")
        data = loop.read_bytes()
        base.unlink()
        loop.write_bytes(data.replace(b"plain.qcow2", b"loop.qcow2\0"))
        medium = open_medium(str(loop))
        with pytest.raises(MediumError):
            medium.source.read_at(0, 512)

    def test_what_lies_in_another_folder_is_not_read(self, tmp_path: Path, raw: Path) -> None:
        (tmp_path / "below").mkdir()
        base = converted(raw, "plain.qcow2", tmp_path)
        child = tmp_path / "below" / "child.qcow2"
        subprocess.run(
            ["qemu-img", "create", "-q", "-f", "qcow2", "-b", base, "-F", "qcow2", child],
            check=True,
        )
        medium = open_medium(str(child))
        assert medium.files == (str(child),)
        assert "not beside it" in medium.problems[0][0]


class TestVhdxLog:
    @pytest.fixture
    def disk(self, tmp_path: Path, raw: Path) -> tuple[Path, int]:
        """And where its block that holds what does not pack lies in the file."""
        path = converted(raw, "dynamic.vhdx", tmp_path)
        place = path.read_bytes().index(raw.read_bytes()[4 << 20 :][:64])
        return path, place - (4 << 20) % 4096

    def test_it_is_replayed_as_qemu_does(self, tmp_path: Path, disk: tuple[Path, int]) -> None:
        path, place = disk
        before = open_medium(str(path)).source.read_at(4 << 20, 8192)
        dirty(path, {place: b"x" * 4096, place + 8192: b"y" * 4096})
        after = open_medium(str(path)).source.read_at(4 << 20, 12288)
        assert after[:4096] == b"x" * 4096
        assert after[4096:8192] == before[4096:]
        assert after[8192:] == b"y" * 4096
        copy = tmp_path / "copy.vhdx"
        shutil.copy(path, copy)
        subprocess.run(["qemu-img", "check", "-q", "-r", "all", copy], check=True)
        repaired = open_medium(str(copy)).source
        for at in range(0, SIZE, 1 << 20):
            assert open_medium(str(path)).source.read_at(at, 1 << 20) == repaired.read_at(
                at, 1 << 20
            )

    def test_one_that_does_not_hold_is_refused(self, disk: tuple[Path, int]) -> None:
        path, place = disk
        dirty(path, {place: b"x" * 4096}, torn=True)
        with pytest.raises(MediumError, match="its log is damaged and cannot be replayed"):
            open_medium(str(path))


def test_what_cannot_be_read_is_refused_with_its_reason(tmp_path: Path, raw: Path) -> None:
    needs("qemu-img")
    for name, head, why in (
        ("x.aff4", b"PK\3\4" + bytes(26) + b"container.description", "AFF4 image: not read"),
        ("x.vhd", bytes(1 << 20) + b"conectix" + bytes(504), "of a sort that is not read"),
        ("x.qcow2", b"QFI\xfb" + bytes(600), "version 0 is not read"),
        ("x.vhdx", b"vhdxfile" + bytes(1 << 20), "no header that holds"),
        ("x.E01", b"EVF\t\r\n\xff\0\1\1\0\0\0" + bytes(100), "damaged list of its sections"),
        ("x.vmdk", b"KDMV" + bytes(600), "one extent of several"),
        ("x.vdi", bytes(64) + b"\x7f\x10\xda\xbe" + bytes(600), "version 0 is not read"),
    ):
        path = tmp_path / name
        path.write_bytes(head)
        with pytest.raises(TargetError, match=why):
            ImageTarget(str(path), own=Own())


def test_a_flat_extent_begins_where_its_description_says(tmp_path: Path) -> None:
    held = b"ONE_" * 16384 + b"TWO_" * 16384
    (tmp_path / "f.bin").write_bytes(held)
    (tmp_path / "d.vmdk").write_text(
        "# Disk DescriptorFile\nversion=1\nCID=fffffffe\nparentCID=ffffffff\n"
        'createType="monolithicFlat"\n'
        'RW 128 FLAT "f.bin" 128\nRW 64 ZERO\nRW 128 FLAT "f.bin" 0\nRW 8 FLAT "f.bin" 250\n'
    )
    medium = open_medium(str(tmp_path / "d.vmdk"))
    whole = held[65536:] + bytes(32768) + held[:65536]
    assert medium.source.read_at(0, len(whole)) == whole
    assert medium.source.size == len(whole) + 8 * 512
    with pytest.raises(MediumError, match="an extent is cut off"):
        medium.source.read_at(len(whole), 4096)


def test_an_extent_that_is_not_there_is_no_zeros(tmp_path: Path, raw: Path) -> None:
    path = converted(raw, "pieces.vmdk", tmp_path)
    (extent,) = (one for one in tmp_path.iterdir() if one != path)
    extent.unlink()
    medium = open_medium(str(path))
    ((why, where),) = medium.problems
    assert (why, where) == ("VMDK disk: needs a file that is not beside it", extent.name)
    assert medium.lacking[0][:2] == (0, SIZE + ODD)
    with pytest.raises(MediumError, match="not beside it"):
        medium.source.read_at(0, 512)


def test_a_disk_by_its_device_is_what_an_image_of_it_is(tmp_path: Path, raw: Path) -> None:
    with attached(raw) as device:
        medium = open_medium(device, raw=True)
        assert medium.files == (device,)
        assert medium.source.size == SIZE + ODD
        assert medium.source.read_at(4 << 20, 1 << 20) == raw.read_bytes()[4 << 20 :][: 1 << 20]
        medium.source.close()
