"""A sweep that ends at any moment leaves a journal of which a report can be made."""

from __future__ import annotations

import json
import os
from datetime import datetime, timezone
from pathlib import Path

import jsonschema
import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec import structs

from agent.model.codec import ReportError, decode, encode
from agent.model.journal_record import SUFFIX, Header, JournalError, PlannedSource, is_journal
from agent.model.observation import Place, moments
from agent.model.report import (
    Agent,
    Coverage,
    Evidence,
    ExclusionsRef,
    Host,
    Scope,
    State,
    Strength,
    Target,
    TargetKind,
    Verdict,
)
from agent.output.schema import schema_text
from agent.sweep.journal import Journal
from agent.sweep.recovery import find_interrupted, recover, settle
from tests.evidence.reports import finding, report

NOW = datetime(2026, 11, 24, 14, 2, tzinfo=timezone.utc)
HEADER = Header(
    report_id="018f0000-0000-7000-8000-000000000001",
    agent=Agent(version="0.1.0", build="source"),
    host=Host(id="h", name="WS-0421"),
    target=Target(kind=TargetKind.LIVE),
    scope=Scope(whole_host=True),
    packs=[],
    started=NOW,
    options={},
    sources=[PlannedSource("files", required=True), PlannedSource("pipes", required=False)],
)
COMMITTED = Path(__file__).parents[3] / "agent" / "model" / "report.schema.json"


def evidence(strength: Strength = Strength.WEAK, place: str = "C:\\x") -> Evidence:
    return Evidence(
        source="files",
        seen="file name",
        indicator="i",
        strength=strength,
        place=Place(text=place),
        moments=[*moments(happened=NOW)],
    )


def begun(folder: Path, strength: Strength = Strength.WEAK) -> Journal:
    journal = Journal.create(folder / "r.json", HEADER)
    journal.evidence(evidence(strength), title="C:\\x: file name")
    journal.coverage(Coverage(source="files", required=True, state=State.COMPLETE, examined=3))
    return journal


def test_a_journal_cut_at_any_byte_gives_a_report_or_says_that_its_header_is_torn(
    tmp_path: Path,
) -> None:
    journal = begun(tmp_path, Strength.STRONG)
    journal.finding(finding())
    journal.close()
    data = journal.path.read_bytes()
    header = data.index(b"\n") + 1
    first = data.index(b"\n", header) + 1
    for length in range(len(data) + 1):
        journal.path.write_bytes(data[:length])
        if length < header:
            with pytest.raises(JournalError):
                recover(journal.path)
        else:
            made = recover(journal.path)
            expected = Verdict.HIT if length >= first else Verdict.INCOMPLETE
            assert made.verdict is expected
            assert decode(encode(made)) == made


def test_an_interrupted_sweep_is_incomplete_and_names_the_sources_it_did_not_reach(
    tmp_path: Path,
) -> None:
    begun(tmp_path).close()
    (path,) = find_interrupted(tmp_path)
    made = recover(path)
    assert made.verdict is Verdict.INCOMPLETE
    states = {c.source: c.state for c in made.coverage}
    assert states["files"] is State.COMPLETE
    assert states["pipes"] is State.UNAVAILABLE
    final = settle(path, made)
    assert decode(final.read_bytes()) == made
    assert find_interrupted(tmp_path) == []
    assert not path.exists()


def test_an_interrupted_sweep_says_which_exclusions_were_in_force(tmp_path: Path) -> None:
    rules = ExclusionsRef(version="1", sha256="0" * 64, rules=9, origin="E:\\exclusions.yaml")
    journal = Journal.create(tmp_path / "r.json", structs.replace(HEADER, exclusions=rules))
    journal.close()
    assert recover(journal.path).exclusions == rules


def test_a_sweep_that_is_still_running_is_not_interrupted(tmp_path: Path) -> None:
    journal = begun(tmp_path)
    assert find_interrupted(tmp_path) == []
    journal.close()
    assert len(find_interrupted(tmp_path)) == 1
    with pytest.raises(OSError, match="closed"):
        journal.finding(finding())


def test_a_finished_journal_is_gone_and_the_report_whole(tmp_path: Path) -> None:
    journal = begun(tmp_path)
    final = journal.finish(report())
    assert decode(final.read_bytes()) == report()
    assert list(tmp_path.glob(f"*{SUFFIX}")) == []


def test_a_report_that_is_in_the_way_is_kept(tmp_path: Path) -> None:
    journal = begun(tmp_path)
    journal.close()
    (tmp_path / "r.json").write_bytes(encode(report()))
    final = settle(journal.path, recover(journal.path))
    assert final.name != "r.json"
    assert decode((tmp_path / "r.json").read_bytes()) == report()


def test_damaged_lines_are_counted_and_the_rest_is_read(tmp_path: Path) -> None:
    journal = begun(tmp_path)
    journal.close()
    with journal.path.open("ab") as file:
        file.write(b"nonsense\n")
    made = recover(journal.path)
    assert [(t.what, t.total - t.kept) for t in made.truncated] == [("journal records", 1)]


def test_what_is_no_journal_is_kept_as_it_is(tmp_path: Path) -> None:
    path = tmp_path / f"x{SUFFIX}"
    path.write_bytes(b"{}\n")
    with pytest.raises(JournalError, match="does not begin with a journal's header"):
        recover(path)
    assert path.read_bytes() == b"{}\n"
    assert find_interrupted(tmp_path / "nowhere") == []


@given(st.binary(max_size=500))
def test_any_bytes_behind_the_header_end_in_a_report(data: bytes) -> None:
    import tempfile

    with tempfile.TemporaryDirectory() as folder:
        journal = begun(Path(folder))
        journal.close()
        with journal.path.open("ab") as file:
            file.write(data)
        assert recover(journal.path).verdict is Verdict.INCOMPLETE


def test_the_committed_schema_is_the_generated_one_and_takes_our_reports() -> None:
    assert COMMITTED.read_text(encoding="ascii") == schema_text()
    schema = json.loads(schema_text())
    for made in (report(), report(gap="denied"), report(finding())):
        jsonschema.validate(json.loads(encode(made)), schema)
    wrong = json.loads(encode(report(gap="denied")))
    wrong["verdict"] = "clean"
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate(wrong, schema)


def test_a_clean_verdict_with_a_gap_can_neither_be_made_nor_decoded() -> None:
    with pytest.raises(ValueError, match="must be incomplete"):
        structs.replace(report(gap="denied"), verdict=Verdict.CLEAN)
    data = json.loads(encode(report(gap="denied")))
    data["verdict"] = "clean"
    with pytest.raises(ReportError, match="must be incomplete"):
        decode(json.dumps(data).encode())


@given(st.text(st.characters(codec=None), max_size=50))
def test_every_name_survives_the_report_lone_surrogates_too(name: str) -> None:
    made = report(finding(title=name))
    data = encode(made)
    assert data.isascii()
    assert decode(data) == made


@given(st.binary(max_size=300))
def test_any_bytes_end_in_a_report_or_a_report_error(data: bytes) -> None:
    with pytest.raises(ReportError):
        decode(data)


def test_a_report_nested_without_end_is_refused() -> None:
    with pytest.raises(ReportError):
        decode(b'{"schema":' + b"[" * 200_000)
    with pytest.raises(ReportError):
        decode(b'"\\udcff' + b"[" * 200_000)


def test_a_report_of_the_future_is_refused() -> None:
    data = json.loads(encode(report()))
    data["schema"] = "iocsweep.report/3"
    with pytest.raises(ReportError, match="schema"):
        decode(json.dumps(data).encode())


def test_a_report_that_cannot_be_written_is_an_error_and_the_journal_stays(tmp_path: Path) -> None:
    journal = begun(tmp_path)
    made = report()
    for name in ("r.json", f"r.{made.report_id}.json"):
        (tmp_path / name).mkdir()
    with pytest.raises(OSError):
        journal.finish(made)
    assert os.path.exists(journal.path)


def test_a_journal_is_known_by_every_line_of_it(tmp_path: Path) -> None:
    journal = Journal.create(tmp_path / "r.json", HEADER)
    journal.evidence(evidence(), title="t")
    journal.coverage(Coverage(source="files", required=True, state=State.COMPLETE))
    journal.close()
    data = journal.path.read_bytes()

    assert is_journal(data)
    assert is_journal(data[:-20]), "torn by the end of its sweep"
    assert not is_journal(data + b"powershell -enc x")
    assert not is_journal(data + b"powershell -enc x\n")
    assert not is_journal(data.partition(b"\n")[2])
    assert not is_journal(b"")


def test_what_was_found_is_safe_from_a_power_failure_when_its_source_ends(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    synced, clock = list[int](), [100.0]
    monkeypatch.setattr("agent.sweep.journal.os.fsync", synced.append)
    monkeypatch.setattr("agent.sweep.journal.time.monotonic", lambda: clock[0])
    journal = Journal.create(tmp_path / "r.json", HEADER)
    nothing = Coverage(source="files", required=True, state=State.COMPLETE)
    begun = len(synced)

    def syncs() -> int:
        journal.coverage(nothing)
        return len(synced) - begun

    assert syncs() == 0  # nothing found, in no time
    journal.evidence(evidence(), title="x")
    assert syncs() == 1
    assert syncs() == 1
    clock[0] += 1.0  # a second of work
    assert syncs() == 2
    assert syncs() == 2
    journal.close()


def test_a_killed_sweep_tells_of_one_thing_once(tmp_path: Path) -> None:
    journal = Journal.create(tmp_path / "r.json", HEADER)
    for indicator in ("i", "j"):
        journal.evidence(structs.replace(evidence(), indicator=indicator), title="C:\\x: file name")
    journal.close()
    (found,) = recover(journal.path).findings
    assert [one.indicator for one in found.evidence] == ["i", "j"]
