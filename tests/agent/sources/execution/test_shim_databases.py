"""What shims load into programs, or start instead of them, is told."""

from __future__ import annotations

from pathlib import Path

import pytest

from agent.formats.shim_database import read_shims
from agent.model.observation import Claim
from agent.model.report import State, Strength
from agent.sources.artefact_source import ArtefactSource
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


def test_many_shims_of_one_program_are_looked_at_once_each(tmp_path: Path) -> None:
    one = shim_database([("a.exe", "InjectDll", DAT)])
    entry = one[one.index(b"\x09\x70") :][:18]
    size = len(entry) * 500
    begin = one.index(b"\x07\x70")
    head, tail = one[:begin], one[one.index(b"\x01\x78") :]
    inner = one[begin + 6 : begin + 6 + 22] + entry * 500
    exe = b"\x07\x70" + len(inner).to_bytes(4, "little") + inner
    base = head.index(b"\x01\x70")
    body = head[base + 6 :] + exe
    made = head[:base] + b"\x01\x70" + len(body).to_bytes(4, "little") + body + tail
    found = sweep(tmp_path, made)
    assert size < len(made)
    assert len(found.seen) == 500
    assert all(len(shim.texts) == 4 for shim in read_shims(made))


@pytest.mark.parametrize("damaged", ["cut", "other"])
def test_what_cannot_be_read_is_a_gap_and_a_mention(damaged: str, tmp_path: Path) -> None:
    made = shim_database([("winword.exe", "InjectDll", DAT), ("x", "y", "z")])
    found = sweep(tmp_path, made[:-1] if damaged == "cut" else b"x" * 12 + made[12:])
    assert found.coverage.state is State.PARTIAL
    assert Strength.WEAK in {match.strength for match in found.matches()}
