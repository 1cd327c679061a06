"""What the example's log tells, wherever it lies."""

from __future__ import annotations

from datetime import datetime, timezone
from pathlib import Path

import pytest
from agent.formats.example_log import read_example_log
from agent.sources.logs.example_log import ExampleLog
from hypothesis import given
from hypothesis import strategies as st

from agent.formats import FormatError
from agent.model.observation import Claim, moments
from agent.model.report import State, Strength
from agent.sources.artefact_source import ArtefactSource
from tests.evidence.sweeping import Swept, swept
from tests.evidence.windows_folder import FORMS, windows

LOG = "C:\\ProgramData\\Example\\today.log"
RUN = b"2026-11-24T14:02:00Z|jo|rundll32.exe C:\\Users\\jo\\cyzfc.dat, PointFunctionCall\n"
NOON = datetime(2026, 11, 24, 14, 2, tzinfo=timezone.utc)


def sweep(place: Path, log: bytes, form: str = "folder") -> Swept:
    return swept(FORMS[form](place / "c", windows({LOG: log})), ArtefactSource(ExampleLog()))


@pytest.mark.parametrize("form", FORMS)
def test_a_program_is_found_with_its_user_and_time(form: str, tmp_path: Path) -> None:
    found = sweep(tmp_path, b"2026-11-23T10:00:00Z|ann|notepad.exe\n" + RUN, form)
    strengths = {match.indicator.id: match.strength for match in found.matches()}
    assert strengths["cmd-cyzfc-pointfunctioncall"] is Strength.STRONG
    seen = next(match.observation for match in found.matches())
    assert (seen.claim, seen.moments) == (Claim.RAN, moments(ran=NOON))
    assert (seen.place.text, seen.place.record) == (f"{LOG}, line 2", "2")
    assert seen.process is not None
    assert seen.process.user is not None
    assert seen.process.user.name == "jo"
    assert found.coverage.state is State.COMPLETE


def test_what_no_object_is_compared_with_is_a_mention_at_its_line(tmp_path: Path) -> None:
    line = b"2026-11-23T10:00:00Z|ann|get.exe 9858d5cb2a6614be3c48e33911bf9f7978b441bf\n"
    (match,) = sweep(tmp_path, b"2026-11-23T10:00:00Z|ann|notepad.exe\n" + line).matches()
    assert (match.indicator.id, match.strength) == ("dll-sha1", Strength.WEAK)
    assert match.observation.place.record == "2"


def test_a_line_that_cannot_be_read_is_a_gap_and_a_mention(tmp_path: Path) -> None:
    found = sweep(tmp_path, b"cyzfc.dat without a time\n")
    assert found.reasons == {"example log: not a line of an example log": 1}
    assert {match.strength for match in found.matches()} == {Strength.WEAK}


def test_a_line_that_cannot_be_read_hides_no_other(tmp_path: Path) -> None:
    found = sweep(tmp_path, b"cyzfc.dat without a time\n" + RUN)
    assert Strength.STRONG in {match.strength for match in found.matches()}
    assert found.reasons == {"example log: not a line of an example log": 1}


@given(st.binary(max_size=200))
def test_any_bytes_end_in_lines_or_in_an_error(data: bytes) -> None:
    try:
        lines = list(read_example_log(data))
    except FormatError:
        return
    assert [line.number for line in lines] == list(range(1, len(lines) + 1))
