"""What a first look at a record makes of places that lie outside of it, and what comes of the
others."""

from __future__ import annotations

import struct
from pathlib import Path

import pytest

from agent.matching.own_traces import Own
from agent.model.report import State
from agent.targets.offline.image import ImageTarget
from tests.evidence.files import LNK_SIZE
from tests.evidence.images import file_name, image, non_resident, record, resident, run, standard
from tests.evidence.sweeping import swept


def _runs_outside() -> bytes:
    """A record whose content's list of runs would lie behind the record."""
    content = bytearray(non_resident(0x80, LNK_SIZE, run(64, 20), last=63))
    struct.pack_into("<H", content, 0x20, 0x300)
    return record(standard(), file_name("a.lnk"), bytes(content), number=40)


def _short_name_at_the_end() -> bytes:
    """A record that ends in a $FILE_NAME without room for a name."""
    attributes = [standard(), file_name("a.lnk"), resident(0x80, b"x" * 100)]
    room = 968 - 0x38 - sum(map(len, attributes))
    attributes.append(resident(0x100, bytes(room - 24)))
    return record(*attributes, struct.pack("<II16x", 0x30, 24), number=40)


@pytest.mark.parametrize("damaged", [_runs_outside(), _short_name_at_the_end()])
def test_a_place_outside_of_a_record_is_a_gap_of_this_file_alone(
    damaged: bytes, tmp_path: Path
) -> None:
    path = tmp_path / "damaged.img"
    named = record(standard(), file_name("cyzfc.dat"), resident(0x80, b"x"), number=41)
    path.write_bytes(image({40: damaged, 41: named}))
    sweep = swept(ImageTarget(str(path), own=Own()))
    assert [match.indicator.id for match in sweep.matches()] == ["name-cyzfc-dat"]
    assert sweep.coverage.state is State.PARTIAL
