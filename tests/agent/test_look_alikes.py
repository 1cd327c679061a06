"""A host that remembers what only looks like the campaign says no hit, whatever form it is swept in;
with one thing of the campaign's own beside it, it does."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from agent.matching.own_traces import Own
from agent.model.report import Report, State, Strength, Verdict
from agent.sources.catalog import Setup, sources_of
from agent.targets import Target
from agent.targets.offline.folder import FolderTarget
from agent.targets.offline.image import ImageTarget
from tests.evidence.files import EXPORT, STAGE_0, dll
from tests.evidence.hosts import FakeSystem
from tests.evidence.infected import JOURNAL, LINK, SCRIPTS_LOG, SECURITY_LOG, ZIP
from tests.evidence.journals import change
from tests.evidence.logged_events import CALL, CYZFC, audited_process, script_blocks
from tests.evidence.logs import event_log
from tests.evidence.look_alikes import LAB_LOADER, LOOK_ALIKES, lab_that_ran
from tests.evidence.situations import HISTORY as CONSOLE
from tests.evidence.situations import HUNT, LITERAL
from tests.evidence.sweeping import reported
from tests.evidence.windows_folder import Files, as_folder, as_image, as_live

QUIET = {JOURNAL: change("NTUSER.DAT")}
"""A volume's change journal that tells nothing."""


def _folder(place: Path, files: Files) -> Target:
    return FolderTarget(str(as_folder(place, files)), own=Own())


def _image(place: Path, files: Files) -> Target:
    return ImageTarget(str(as_image(place, {**files, **QUIET})), own=Own())


def _running(place: Path, files: Files) -> Target:
    return as_live(place, {**files, **QUIET}, system=FakeSystem({"processes": ()}))


FORMS: dict[str, Callable[[Path, Files], Target]] = {
    "folder": _folder, "image": _image, "running": _running,
}  # fmt: skip


def swept(place: Path, files: Files, form: str = "folder") -> Report:
    target = FORMS[form](place / "c", files)
    return reported(target, *sources_of(target.describe().kind, Setup(64 << 20, lambda _: None)))


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("what", LOOK_ALIKES)
def test_what_only_looks_like_the_campaign_is_told_and_is_no_hit(
    what: str, form: str, tmp_path: Path
) -> None:
    report = swept(tmp_path, LOOK_ALIKES[what](), form)
    told = [(one.strength, one.title, one.reasons) for one in report.findings]
    assert [one for one in told if one[0] in (Strength.STRONG, Strength.CONFIRMED)] == []
    assert report.verdict is Verdict.CLEAN
    assert len(told) > 2
    gaps = [
        one.source for one in report.coverage if one.required and one.state is not State.COMPLETE
    ]
    assert gaps == []


ASKS = f'Get-WinEvent -LogName Security | Where-Object {{ $_.Message -like "*{LITERAL}*" }}'
TWINS: dict[str, tuple[str, Files]] = {
    "a hunt whose script runs what it found": (
        "an analyst", {SCRIPTS_LOG: event_log(script_blocks(f"{HUNT}\r\niex $needle"))},
    ),
    "a hunt in a script of several parts": (
        "an analyst", {SCRIPTS_LOG: event_log(script_blocks(f"{HUNT}\r\niex $needle", size=700))},
    ),
    "a search that was typed before the call": (
        "an analyst", {CONSOLE: f"{ASKS}; rundll32 {CYZFC},{EXPORT}\r\n".encode()},
    ),
    "stage 0 typed between searches": (
        "an analyst", {CONSOLE: f"{ASKS}\r\npowershell {STAGE_0}\r\n{ASKS}\r\n".encode()},
    ),
    "the lab's loader beside the campaign's": (
        "the training lab",
        {SCRIPTS_LOG: event_log([*script_blocks(LAB_LOADER), *script_blocks(STAGE_0)])},
    ),
    "the campaign's DLL under the lab's name": ("the training lab", {CYZFC: dll()}),
    "the form, from the campaign's link": (
        "the form", {f"{ZIP}:Zone.Identifier": f"[ZoneTransfer]\r\nHostUrl={LINK}\r\n".encode()},
    ),
    "what the scanner named lies there still": ("a scanner", {CYZFC: b"MZ"}),
    "what the scanner named had run": ("a scanner", {SECURITY_LOG: event_log([audited_process(CALL)])}),
}  # fmt: skip
"""A look-alike, and what lies on its host in the place of, or beside, what is harmless."""


@pytest.mark.parametrize("twin", TWINS)
def test_its_disguised_twin_is_a_hit(twin: str, tmp_path: Path) -> None:
    what, more = TWINS[twin]
    assert swept(tmp_path, {**LOOK_ALIKES[what](), **more}).verdict is Verdict.HIT


def test_a_lab_whose_dll_had_been_run_is_for_somebody_to_say_that_it_was_meant(
    tmp_path: Path,
) -> None:
    report = swept(tmp_path, lab_that_ran())
    assert report.verdict is Verdict.HIT
    assert Strength.CONFIRMED not in {one.strength for one in report.findings}
