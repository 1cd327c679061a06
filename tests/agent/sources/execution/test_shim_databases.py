"""What shims load into programs, or start instead of them, is told."""

from __future__ import annotations

from pathlib import Path

import pytest

from agent.model.observation import Claim
from agent.model.report import State, Strength
from agent.sources.artefact import ArtefactSource
from agent.sources.execution.shim_databases import ShimDatabases
from tests.evidence.shim_databases import shim_database
from tests.evidence.sweeping import Swept, swept
from tests.evidence.windows_folder import FORMS, windows

CUSTOM = "C:\\Windows\\AppPatch\\Custom\\{1}.sdb"
DAT = "C:\\Users\\jo\\AppData\\Local\\cyzfc.dat"


def sweep(place: Path, data: bytes, *, path: str = CUSTOM, form: str = "folder") -> Swept:
    return swept(FORMS[form](place / "c", windows({path: data})), ArtefactSource(ShimDatabases()))


@pytest.mark.parametrize("form", FORMS)
def test_a_library_that_a_shim_loads_is_strong(form: str, tmp_path: Path) -> None:
    made = shim_database([("winword.exe", "EmulateHeap", ""), ("winword.exe", "InjectDll", DAT)])
    found = sweep(tmp_path, made, form=form)

    best = max(found.matches(), key=lambda match: match.strength.rank)
    seen = best.observation
    assert (seen.seen, seen.claim, best.strength) == (
        "shim InjectDll", Claim.RAN, Strength.STRONG
    )  # fmt: skip
    assert seen.dll is not None
    assert (seen.dll.path, seen.remarks) == (DAT, ("for winword.exe",))
    assert (found.coverage.state, found.coverage.examined) == (State.COMPLETE, 1)


@pytest.mark.parametrize(
    "path",
    [
        "C:\\Windows\\AppPatch\\sysmain.sdb",
        "C:\\Windows\\AppPatch\\AppPatch64\\x.sdb",
        "C:\\Windows\\AppPatch\\Custom\\Custom64\\{1}.sdb",
    ],
)
def test_a_program_that_is_started_instead_is_a_command(path: str, tmp_path: Path) -> None:
    line = f"rundll32 {DAT}, PointFunctionCall"
    found = sweep(tmp_path, shim_database([("calc.exe", "RedirectEXE", line)]), path=path)
    assert found.only().process is not None
    assert Strength.STRONG in {match.strength for match in found.matches()}


def test_a_program_that_is_only_named_there_is_weak(tmp_path: Path) -> None:
    """So a defender's database that keeps it from being started."""
    found = sweep(tmp_path, shim_database([("cyzfc.dat", "", "")]))
    assert [(one.observation.claim, one.strength) for one in found.matches()] == [
        (Claim.LOGGED, Strength.WEAK)
    ]


@pytest.mark.parametrize("damaged", ["cut", "other"])
def test_what_cannot_be_read_is_a_gap_and_a_mention(damaged: str, tmp_path: Path) -> None:
    made = shim_database([("winword.exe", "InjectDll", DAT), ("x", "y", "z")])
    found = sweep(tmp_path, made[:-1] if damaged == "cut" else b"x" * 12 + made[12:])
    assert found.coverage.state is State.PARTIAL
    assert Strength.WEAK in {match.strength for match in found.matches()}
