r"""The built exe, under Wine, on a host on which the campaign was: the whole chain, as it runs and as
a copy; what other programs hold open for themselves is read from the raw volume ``\\.\C:``."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from agent.model.report import Coverage, Report, State, Verdict
from agent.targets.raw_fallback import BY_RECORD
from tests.evidence.afternoon import out_of_order, timeline, untold
from tests.evidence.images import require_tools
from tests.evidence.infected import (
    BROWSER,
    CLASSES,
    NTUSER,
    SECURITY_LOG,
    SYSMON_LOG,
    infected,
    journal,
    times,
)
from tests.evidence.sweeping import commanded
from tests.evidence.windows_folder import as_folder, as_image
from tests.windows.host import Host
from tests.windows.ntfs_host import error_of_opening, held, on_ntfs

pytestmark = [
    pytest.mark.wine,
    pytest.mark.skipif(sys.platform != "linux", reason="Wine's lab is for Linux"),
]

SHARING_VIOLATION = 32
HELD = {
    "event_logs": [SECURITY_LOG, SYSMON_LOG],
    "registry": [NTUSER, f"{NTUSER}.LOG1", CLASSES],
    "browsers": [BROWSER, f"{BROWSER}-wal"],
}
"""What a running Windows has open for itself, by the source that reads it."""
BESIDE = (".LOG1", "-wal")
"""Ends of what is read with the file that it belongs to; what is in it alone is in the chain."""


@pytest.fixture(scope="module")
def host_of_jo(built_host: Host, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Host]:
    require_tools()
    with on_ntfs(built_host, tmp_path_factory.mktemp("ntfs"), infected(), times()) as host:
        yield host


@pytest.fixture
def holding(host_of_jo: Host) -> Iterator[Host]:
    """While each of these files is open in another program, which shares it with nobody."""
    with ExitStack() as programs:
        for paths in HELD.values():
            for path in paths:
                programs.enter_context(held(host_of_jo, path))
                assert error_of_opening(host_of_jo, path) == SHARING_VIOLATION
        yield host_of_jo


def coverage(report: Report, source: str) -> Coverage:
    (found,) = [one for one in report.coverage if one.source == source]
    return found


def read_by_record(report: Report, source: str) -> set[str]:
    notes = [note for note in coverage(report, source).notes if note.reason == BY_RECORD]
    return {sample.casefold() for note in notes for sample in note.samples}


def test_the_running_host_tells_the_chain_though_log_hive_and_history_are_held(
    holding: Host,
) -> None:
    code, report, output = holding.sweep("live", "C:\\", timeout=300)
    assert (code, report.verdict) == (1, Verdict.HIT)
    for source, paths in HELD.items():
        assert coverage(report, source).state is State.COMPLETE, coverage(report, source).reasons
        named = {path.casefold() for path in paths if not path.endswith(BESIDE)}
        assert named <= read_by_record(report, source), source
    assert untold(report) == []
    assert out_of_order(output) == ""


def test_without_the_raw_volume_what_is_held_is_a_gap(holding: Host) -> None:
    _, report, _ = holding.sweep("live", "--only", ",".join(HELD), "--walk")
    for source, paths in HELD.items():
        assert coverage(report, source).state is State.PARTIAL, source
        unread = {one.casefold() for gap in coverage(report, source).reasons for one in gap.samples}
        assert {path.casefold() for path in paths} & unread, source


@pytest.mark.parametrize("form", ["folder", "image"])
def test_the_exe_tells_of_a_copy_the_same_afternoon(host: Host, tmp_path: Path, form: str) -> None:
    place = tmp_path / "copy"
    if form == "folder":
        as_folder(place, infected(), times())
    else:
        place = as_image(place, {**infected(), **journal()}, times=times())
    code, by_exe, output = host.sweep("offline", host.lab.to_windows(place))
    own_code, by_source = commanded(tmp_path / "reports", "offline", str(place))
    assert code == own_code == 1
    assert untold(by_exe) == []
    assert timeline(by_exe) == timeline(by_source)
    assert out_of_order(output) == ""
