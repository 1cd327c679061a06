"""Matches beyond the sweep's bound are a gap, however the volume is read after that."""

from __future__ import annotations

from pathlib import Path

import pytest

from agent.model.report import State
from agent.sources.files.source import FilesSource
from agent.sweep import loop as sweep
from agent.sweep.loop import BEYOND
from tests.evidence.hosts import Mounted
from tests.evidence.images import BadSectors, file_name, image, record, resident, standard
from tests.evidence.sweeping import reported


def test_a_walk_that_makes_a_broken_scan_good_brings_no_lost_match_back(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The walk does not see deleted files."""
    monkeypatch.setattr(sweep, "MAX_PER_INDICATOR", 1)
    deleted = record(standard(), file_name("cyzfc.dat"), resident(0x80, b"x" * 100), flags=0)
    data = image({50: deleted, 51: deleted, 52: deleted})
    end = range((16 << 10) + 60 * 1024, (16 << 10) + 64 * 1024)
    host = Mounted(tmp_path, lambda: BadSectors(data, end))
    (coverage,) = reported(host, FilesSource(open_file=host.open_file)).coverage
    assert coverage.state is State.PARTIAL
    assert [(r.reason, r.count) for r in coverage.reasons] == [(BEYOND, coverage.unread)]
    assert coverage.unread >= 2
