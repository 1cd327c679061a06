"""What another Windows on the same machine remembers is looked at, and told for what it is."""

from __future__ import annotations

from pathlib import Path

import pytest

from agent.coverage import Ledger
from agent.model.report import Strength
from agent.sources.artefact_source import ArtefactSource
from agent.sources.logs.event_logs import EventLogs
from agent.sources.registry.hives import Hives
from tests.evidence.hive_files import RUN, nested
from tests.evidence.hives import hive
from tests.evidence.logged_events import CALL, audited_process
from tests.evidence.logs import event_log
from tests.evidence.sweeping import swept
from tests.evidence.windows_folder import FORMS, windows

SECURITY = r"C:\Windows\System32\winevt\Logs\Security.evtx"
NTUSER = r"C:\Users\jo\NTUSER.DAT"
BEFORE = {
    SECURITY: event_log([audited_process()]),
    NTUSER: hive(nested(RUN, {"Updater": CALL})),
    r"C:\ProgramData\x.log": b"x",
    r"C:\Windows\System32\drivers\etc\hosts": b"",
}


def with_old(files: dict[str, bytes]) -> dict[str, bytes]:
    old = {path.replace("C:", r"C:\Windows.old", 1): data for path, data in files.items()}
    return {**windows(), **old}


@pytest.mark.parametrize("form", FORMS)
def test_what_an_upgrade_has_kept_is_searched(form: str, tmp_path: Path) -> None:
    target = FORMS[form](tmp_path / "c", with_old(BEFORE))

    (found,) = {one.place.path for one in swept(target, ArtefactSource(EventLogs())).seen}
    assert found == SECURITY.replace("C:", r"C:\Windows.old")

    (run,) = (m for m in swept(target, ArtefactSource(Hives())).matches()
              if m.strength is Strength.STRONG)  # fmt: skip
    assert run.observation.registry is not None
    assert run.observation.registry.path == rf"C:\Windows.old\Windows: HKU\jo\{RUN}"
    assert run.observation.place.owner == "jo"


def test_all_variables_mean_the_other_windows_too(tmp_path: Path) -> None:
    target = FORMS["folder"](tmp_path / "c", with_old(BEFORE))
    patterns = [r"%ProgramData%\*.log", r"%DataBasePath%\hosts", r"%Profile%\NTUSER.DAT"]
    found = list(target.evidence(patterns, Ledger("test", required=True)))
    assert {(file.path, file.windows) for file in found if "old" in file.path} == {
        (rf"C:\Windows.old\{path}", r"C:\Windows.old\Windows")
        for path in (r"ProgramData\x.log", r"Windows\System32\drivers\etc\hosts",
                     r"Users\jo\NTUSER.DAT")
    }  # fmt: skip
    assert {file.windows for file in found if "old" not in file.path} == {""}


def test_a_second_windows_beside_the_first_is_looked_at(tmp_path: Path) -> None:
    files = {**windows(), SECURITY.replace("Windows", "WINNT", 1): BEFORE[SECURITY]}
    target = FORMS["image"](tmp_path, files)
    (found,) = swept(target, ArtefactSource(EventLogs())).seen
    assert found.place.path == SECURITY.replace("Windows", "WINNT", 1)


def test_a_folder_that_is_only_called_windows_is_none(tmp_path: Path) -> None:
    files = {**windows(), r"C:\Games\Windows\System32\x.dll": b"x"}
    target = FORMS["folder"](tmp_path / "c", files)
    ledger = Ledger("test", required=True)
    found = list(target.evidence([r"%SystemRoot%\System32\*.dll"], ledger))
    assert found == []
