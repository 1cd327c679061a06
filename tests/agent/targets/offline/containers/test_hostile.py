"""Whatever a container says of itself, reading it ends: in bytes, or in an error that says why."""

from __future__ import annotations

import random
import shutil
import tracemalloc
from pathlib import Path

import pytest

from agent.targets.offline.containers.opening import open_medium
from tests.evidence.containers import EWF, QEMU, acquired, converted

SIZE = 3 << 20
NAMES = (
    "zlib.qcow2", "packed.qcow2", "dynamic.vdi", "dynamic.vhd", "dynamic.vhdx", "sparse.vmdk",
    "split.vmdk", "stream.vmdk", "best.E01", "early.E01", "smart.s01",
)  # fmt: skip


@pytest.fixture(scope="module")
def raw(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("small") / "disk.raw"
    path.write_bytes(random.Random(3).randbytes(SIZE // 2) + bytes(SIZE // 2))
    return path


@pytest.mark.parametrize("name", NAMES)
def test_a_container_with_changed_bytes_ends_in_bytes_or_in_an_error(
    tmp_path: Path, raw: Path, name: str
) -> None:
    made = (converted if name in QEMU else acquired)(raw, name, tmp_path)
    assert name in QEMU or name in EWF
    whole = made.read_bytes()
    # What says where things lie: around the known heads, and wherever it is not blank.
    places = [at for at in range(0, len(whole), 16) if any(whole[at : at + 16])]
    chance = random.Random(name)
    refused = read = 0
    for _ in range(60):
        data = bytearray(whole)
        for _ in range(chance.randint(1, 4)):
            at = chance.choice(places[:200] + places[-200:]) + chance.randrange(16)
            if at < len(data):
                data[at] = chance.choice((0, 1, 0x7F, 0x80, 0xFF, chance.randrange(256)))
        if chance.random() < 0.2:
            del data[chance.randrange(len(data)) :]
        made.write_bytes(data)
        try:
            medium = open_medium(str(made))
        except OSError:
            refused += 1
            continue
        for at in (0, SIZE // 3, SIZE // 2, SIZE - 5000, medium.source.size - 512):
            try:
                assert len(medium.source.read_at(max(0, at), 65_536)) <= 65_536
                read += 1
            except OSError:
                refused += 1
        medium.source.close()
    assert refused
    assert read


def test_a_table_of_a_petabyte_takes_no_memory(tmp_path: Path, raw: Path) -> None:
    made = converted(raw, "dynamic.vhd", tmp_path)
    copy = tmp_path / "large.vhd"
    shutil.copy(made, copy)
    data = bytearray(copy.read_bytes())
    size = (1 << 50).to_bytes(8, "big")
    for footer in (0, len(data) - 512):
        data[footer + 48 : footer + 56] = size
    data[512 + 28 : 512 + 32] = (0xFFFF_FFFF).to_bytes(4, "big")
    copy.write_bytes(data)
    tracemalloc.start()
    with pytest.raises(OSError, match="impossible size of its table"):
        open_medium(str(copy))
    assert tracemalloc.get_traced_memory()[1] < 8 << 20
    tracemalloc.stop()
