"""Matches beyond the sweep's bound are a gap, however the volume is read after that."""

from __future__ import annotations

from pathlib import Path

import pytest

from agent.findings.exclusions import load_exclusions
from agent.model.report import Agent, State
from agent.sources.files.source import FilesSource
from agent.sweep import loop as sweep
from agent.sweep.loop import BEYOND, Plan, Sweep
from tests.agent.ntfs.synthetic import file_name, image, record, resident, standard
from tests.agent.sources.files.test_by_records import BadSectors, Mounted
from tests.sweeping import campaign, packs


class Unwatched:
    def source(self, name: str) -> None:
        pass

    def done(self, coverage: object) -> None:
        pass


def test_a_walk_that_makes_a_broken_scan_good_brings_no_lost_match_back(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The walk does not see deleted files."""
    monkeypatch.setattr(sweep, "MAX_PER_INDICATOR", 1)
    deleted = record(standard(), file_name("cyzfc.dat"), resident(0x80, b"x" * 100), flags=0)
    data = image({50: deleted, 51: deleted, 52: deleted})
    end = range((16 << 10) + 60 * 1024, (16 << 10) + 64 * 1024)
    host = Mounted(tmp_path, lambda: BadSectors(data, end))
    plan = Plan(
        target=host,
        packs=packs(),
        matcher=campaign(),
        exclusions=load_exclusions(),
        sources=[FilesSource(open_file=host.open_file)],
        agent=Agent(version="0", build="source"),
        options={},
    )
    (coverage,) = Sweep(plan, lambda _: None).run(Unwatched()).coverage
    assert coverage.state is State.PARTIAL
    assert [(r.reason, r.count) for r in coverage.reasons] == [(BEYOND, coverage.unread)]
    assert coverage.unread >= 2
