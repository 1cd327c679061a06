"""The built exe, under Wine, reading every file: side by side, and not twice what has not changed."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest

from agent.model.report import Coverage, Report, State
from tests.evidence.journals import OTHER, journalled
from tests.evidence.sweeping import READ_AGAIN
from tests.windows.host import Host

pytestmark = [
    pytest.mark.wine,
    pytest.mark.skipif(sys.platform != "linux", reason="Wine's lab is for Linux"),
]

PACK = """
pack: iocsweep.pack/1
id: mine
version: "1"
title: a content of one's own
references: {r: "https://example.org/"}
indicators:
  - {id: evil, type: content, value: evil words here, strength: strong, status: SRC, reference: [r]}
"""


def files(report: Report) -> Coverage:
    (found,) = [coverage for coverage in report.coverage if coverage.source == "files"]
    return found


def was_read(report: Report) -> bool:
    return not any(note.reason == READ_AGAIN for note in files(report).notes)


def test_what_has_not_changed_is_read_once_and_what_changed_is_found(
    host: Host, tmp_path: Path
) -> None:
    pack = tmp_path / "mine.yaml"
    pack.write_text(PACK)
    arguments = ("--only-pack", host.lab.to_windows(pack), "--thorough", "--cache")
    image = host.lab.to_windows(journalled(tmp_path))

    first = host.sweep("offline", image, *arguments)[1]
    second = host.sweep("offline", image, *arguments)[1]
    journalled(tmp_path, OTHER, usn=78)
    code, third, _ = host.sweep("offline", image, *arguments)

    assert files(first).state is State.COMPLETE, files(first).reasons
    assert was_read(first)
    assert not was_read(second)
    assert was_read(third)
    assert code == 1
    assert [finding.indicator.id for finding in third.findings] == ["evil"]


def test_many_files_are_read_side_by_side_and_none_is_left_out(host: Host) -> None:
    folder = host.local / "many"
    folder.mkdir(parents=True)
    for number in range(300):
        (folder / f"{number}.bin").write_bytes(os.urandom(700 * number))
    (folder / "299.bin").write_bytes(b"talk of pandorasong.com")
    _, report, _ = host.sweep("live", host.lab.to_windows(folder), "--only", "files", "--thorough")
    coverage = files(report)
    assert coverage.state is State.COMPLETE, coverage.reasons
    assert coverage.examined == 300
    assert coverage.bytes >= 700 * sum(range(299))
    assert [finding.title.rpartition("\\")[2] for finding in report.findings] == ["299.bin"]
