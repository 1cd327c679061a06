"""Which volumes can be read as bytes, and what is said of the others."""

from __future__ import annotations

from pathlib import Path

import pytest

from agent.model.report import State
from agent.sources import Source
from agent.sources.past_files.index_slack import IndexSlackSource
from agent.sources.past_files.log_file import LogFileSource
from agent.sources.past_files.raw_volumes import NONE_IN_A_FILE
from agent.sources.past_files.shadow_copies import ShadowCopiesSource
from agent.targets import LOCKED
from tests.evidence.hosts import disk, host
from tests.evidence.images import image
from tests.evidence.sweeping import swept

SOURCES = [LogFileSource(), IndexSlackSource(), ShadowCopiesSource(1 << 20)]


@pytest.mark.parametrize("source", SOURCES, ids=lambda one: one.name)
def test_a_locked_volume_and_a_host_whose_volumes_are_denied_are_unavailable(
    tmp_path: Path, source: Source
) -> None:
    locked = b"\xeb\x58\x90-FVE-FS-" + bytes(499) + b"\x55\xaa" + bytes(1 << 20)
    sweep = swept(disk(tmp_path, locked), source)
    assert (sweep.coverage.state, sweep.reasons) == (State.UNAVAILABLE, {LOCKED: 1})
    sweep = swept(host(drive=str(tmp_path)), source)
    assert (sweep.coverage.state, sweep.reasons) == (State.UNAVAILABLE, {"NTFS: access denied": 1})


@pytest.mark.parametrize("source", SOURCES, ids=lambda one: one.name)
def test_a_target_without_such_a_volume_has_nothing_to_tell(tmp_path: Path, source: Source) -> None:
    sweep = swept(tmp_path, source)
    assert (sweep.coverage.state, sweep.notes) == (State.COMPLETE, {NONE_IN_A_FILE: 1})


@pytest.mark.parametrize("source", SOURCES, ids=lambda one: one.name)
def test_a_volume_whose_table_is_gone_is_a_gap(tmp_path: Path, source: Source) -> None:
    sweep = swept(disk(tmp_path, image({})[:4096]), source)
    assert sweep.coverage.state is State.PARTIAL
    assert all(reason.startswith("NTFS: ") for reason in sweep.reasons)


@pytest.mark.parametrize("source", SOURCES, ids=lambda one: one.name)
def test_none_is_required(tmp_path: Path, source: Source) -> None:
    assert not source.required(disk(tmp_path, image({})))
