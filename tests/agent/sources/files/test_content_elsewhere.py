"""Files whose clusters do not hold what programs read, from the sweep's side."""

from __future__ import annotations

import os
import struct
from pathlib import Path

import pytest

from agent.model.report import State
from agent.ntfs.overlay import DAMAGED
from tests.evidence.files import STAGE_0, dll
from tests.evidence.hosts import disk
from tests.evidence.images import (
    file_name,
    image,
    make,
    mounted,
    non_resident,
    record,
    require_tools,
    resident,
    run,
    standard,
)
from tests.evidence.overlay import CHUNK, LZX, XPRESS4K, compact, stored, wimlib
from tests.evidence.sweeping import swept

SIZE = 294400
DEDUP = 0x8000_0013


def elsewhere(name: str, tag: int = DEDUP, *, flags: int = 1) -> bytes:
    """A file of the DLL's size, as the filter of deduplication leaves it."""
    return record(
        standard(bits=0x620),
        file_name(name),
        non_resident(0x80, SIZE, run(72, None), last=71, flags=0x8000),
        resident(0xC0, struct.pack("<IHH", tag, 16, 0) + bytes(16)),
        flags=flags,
    )


@pytest.mark.parametrize("thorough", [False, True])
def test_zeros_in_place_of_the_content_are_neither_hashed_nor_told(
    tmp_path: Path, thorough: bool
) -> None:
    data = image({40: elsewhere("server.bin"), 41: elsewhere("cyzfc.dat")})
    sweep = swept(disk(tmp_path, data), thorough=thorough)
    assert sweep.reasons == {"content kept elsewhere (tag 0x80000013)": 2}
    assert sweep.coverage.state is State.PARTIAL
    assert [found.place.text[-9:] for found in sweep.seen] == ["cyzfc.dat"]
    assert sweep.only_file().hash is None
    counts = {count.id: count.tested for count in sweep.matcher.counts()}
    assert counts["dll-sha1"] == 0


def test_a_deleted_one_is_told_by_its_name_and_is_no_gap(tmp_path: Path) -> None:
    data = image({40: elsewhere("server.bin", flags=0), 41: elsewhere("cyzfc.dat", flags=0)})
    sweep = swept(disk(tmp_path, data))
    assert (sweep.reasons, sweep.only_file().hash) == ({}, None)
    assert "deleted; its content was kept elsewhere" in sweep.only().remarks


@pytest.mark.parametrize("algorithm", [XPRESS4K, LZX])
@pytest.mark.parametrize("flags", [1, 0], ids=["live", "deleted"])
def test_a_file_that_windows_compressed_is_known_by_its_content(
    tmp_path: Path, algorithm: int, flags: int
) -> None:
    content, size = dll(), CHUNK[algorithm]
    kept = stored([content[at : at + size] for at in range(0, len(content), size)])
    free = record(standard(), file_name("$Bitmap"), resident(0x80, b"\xff" * 12 + bytes(40)))
    made = compact("update.bin", len(content), kept, algorithm, cluster=100, flags=flags)
    data = image({6: free, 40: made}, clusters=512, contents={100: kept})
    sweep = swept(disk(tmp_path, data))
    assert sweep.reasons == {}
    assert "dll-export" in {match.indicator.id for match in sweep.matches()}
    file = sweep.only_file()
    assert (file.size, file.pe and file.pe.exports) == (len(content), ["PointFunctionCall"])


SCRIPT = f"powershell.exe {STAGE_0}\r\n".encode() * 2
KNOWN = SCRIPT[40:60]
"""In the midst of what is looked for."""


def of_lznt1(data: bytes) -> bytes:
    """A chunk without a match: a byte of flags stands before each eight letters."""
    body = b"".join(b"\0" + data[at : at + 8] for at in range(0, len(data), 8))
    return struct.pack("<H", 0xB000 | len(body) - 1) + body


def test_a_script_that_ntfs_compression_hides_is_known_by_its_content(tmp_path: Path) -> None:
    made = record(
        standard(bits=0x820),
        file_name("run.ps1"),
        non_resident(0x80, len(SCRIPT), run(1, 100) + run(15, None), last=15, flags=1, unit=4),
    )
    data = image({40: made}, clusters=512, contents={100: of_lznt1(SCRIPT)})
    assert KNOWN in SCRIPT
    assert KNOWN not in data
    sweep = swept(disk(tmp_path, data))
    assert "content-stage0-long" in {match.indicator.id for match in sweep.matches()}
    assert sweep.coverage.state is State.COMPLETE


@pytest.mark.parametrize(("algorithm", "kind"), [(XPRESS4K, 1), (LZX, 2)])
def test_a_script_that_windows_compressed_is_known_by_its_content(
    algorithm: int, kind: int, tmp_path: Path
) -> None:
    kept = wimlib()(kind, SCRIPT, CHUNK[algorithm])
    assert kept is not None
    made = compact("run.ps1", len(SCRIPT), kept, algorithm, cluster=100)
    data = image({40: made}, clusters=512, contents={100: kept})
    assert KNOWN not in data
    sweep = swept(disk(tmp_path, data))
    assert "content-stage0-long" in {match.indicator.id for match in sweep.matches()}
    assert sweep.coverage.state is State.COMPLETE


def test_one_that_is_damaged_is_a_gap(tmp_path: Path) -> None:
    made = compact("update.bin", SIZE, bytes(300), XPRESS4K)
    assert swept(disk(tmp_path, image({40: made}))).reasons == {DAMAGED: 1}


def test_what_a_mount_cannot_show_is_a_gap(tmp_path: Path) -> None:
    require_tools()
    path = make(tmp_path / "disk.img", 16)
    with mounted(path) as root:
        for name, tag in (("server.bin", DEDUP), ("alias.exe", 0x8000_001B)):
            with (root / name).open("wb") as file:
                file.truncate(SIZE)
            data = struct.pack("<IHH", tag, 16, 0) + bytes(16)
            os.setxattr(root / name, "system.ntfs_reparse_data", data)
    with mounted(path) as root:
        sweep = swept(root)
    assert sweep.reasons == {"content kept elsewhere (tag 0x80000013)": 1}
