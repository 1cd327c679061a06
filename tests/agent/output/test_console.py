"""What a person sees is right without colour, and nothing from the host can act on the terminal."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec import structs

from agent.model.observation import Place, moments
from agent.model.report import (
    ExclusionsRef,
    Scope,
    State,
    Strength,
)
from agent.output.console import render
from agent.output.escape import shown
from agent.output.progress import Progress
from agent.output.summary import MAX_BYTES, summary_line
from tests.evidence.reports import NOW, PATH, finding, report


def test_a_clean_host_ends_so_and_says_how_much_was_looked_at() -> None:
    text = render(report(), report_path="r.json")
    assert "CLEAN, nothing left unlooked at" in text
    assert "files 1,204,331" in text
    assert "WS-0421, Windows 11 23H2, elevated, one-dir build" in text
    assert "the report is r.json" in text


def test_what_is_weak_is_told_what_to_do_about() -> None:
    text = " ".join(render(report(finding(Strength.WEAK)), report_path="r.json").split())
    assert "Next look at the weak finding: " in text
    assert "Next nothing" in " ".join(render(report(), report_path="r.json").split())


def test_clean_does_not_say_that_all_was_seen_if_a_source_beyond_the_required_was_not() -> None:
    clean = report()
    clean.coverage[-1].state = State.PARTIAL
    text = render(clean)
    assert "CLEAN, all that is required was seen; not whole: pipes" in text
    assert "nothing left unlooked at" not in text


def test_packs_and_exclusions_that_are_not_built_in_are_told_with_their_file() -> None:
    built_in, own = report(), report()
    built_in.packs[0].origin = "built in"
    rules: dict[str, Any] = {"version": "1", "sha256": "0" * 64, "rules": 9}
    built_in.exclusions = ExclusionsRef(origin="built in", **rules)
    own.packs[0].origin = "E:\\cyzfc.yaml"
    own.exclusions = ExclusionsRef(origin="E:\\exclusions.yaml", **rules)
    assert "built in" not in render(built_in)
    assert "  pack cyzfc-2018-11 from E:\\cyzfc.yaml\n" in render(own)
    assert "  exclusions from E:\\exclusions.yaml, 9 rules\n" in render(own)


def test_a_gap_is_told_with_reason_count_and_example() -> None:
    text = render(report(gap="access denied", elevated=False), report_path="r.json")
    assert "INCOMPLETE, no trace found in what could be seen" in text
    assert "partial: 3 access denied   e.g. C:\\x" in text
    assert "run as administrator" in text
    assert "not needed here: pipes (not this platform)" in text


def test_a_hit_tells_what_where_and_what_to_do() -> None:
    text = render(
        report(
            finding(evidence=12),
            finding(Strength.WEAK, "weak one"),
            finding(Strength.EXCLUDED, "benign one"),
        ),
        report_path="r.json",
        delivered=False,
    )
    assert "HIT   1 confirmed, 1 weak, 1 excluded" in text
    assert f"confirmed  {PATH}" in text
    assert "command line   rundll32 x,y, started 2026-11-24 14:02:00 UTC" in text
    assert "parents        powershell.exe 4120" in text
    assert "3,000,000 bytes (2.9 MiB)" in text
    assert "and 4 more in the report" in text
    assert "known benign: a-rule" in text
    assert "evidence: 1 of 2 kept" in text
    assert "isolate the host" in text
    assert "it was NOT delivered" in " ".join(text.split())


def test_what_two_views_of_a_file_say_alike_is_told_once() -> None:
    """By its record, and by a walk whose times are coarser."""
    one = finding()
    sighting = one.evidence[0]
    remark = "read from the raw volume: access denied"
    one.reasons.append(remark)
    one.evidence = [
        structs.replace(sighting, place=Place(text=PATH), detail=f"{PATH}; {remark}"),
        structs.replace(
            sighting,
            place=Place(text=PATH),
            detail=PATH,
            moments=[*moments(happened=NOW + timedelta(seconds=9))],
        ),
        structs.replace(
            sighting, place=Place(text=PATH), seen="file hash", detail=f"00ff; {remark}"
        ),
    ]

    text = render(report(one))

    assert text.count("2026-11-24 14:02:00 UTC   file name, file hash (00ff)") == 1
    assert text.count("file name") == 1
    assert text.count(remark) == 1


def test_many_weak_findings_are_counted_and_not_all_listed() -> None:
    text = render(report(*[finding(Strength.WEAK, f"w{n}") for n in range(30)]))
    assert "and 10 more weak findings" in text
    assert "NO REPORT WAS WRITTEN" in text


@pytest.mark.parametrize("width", [60, 80, 120])
def test_what_a_host_says_cannot_act_on_the_terminal(width: int) -> None:
    nasty = "evil\x1b[2J\u202etad.exe\r\n\udcff\x00"
    text = render(report(finding(title=nasty), host=nasty), width=width)
    for character in ("\x1b", "\u202e", "\r", "\x00", "\udcff"):
        assert character not in text
    assert "evil\\x1b[2J\\u202etad.exe\\x0d\\x0a\\udcff\\x00" in text
    text.encode("cp437", "backslashreplace")


@given(st.text(max_size=300))
def test_any_text_is_shown_printable(text: str) -> None:
    assert shown(text).isprintable()


@given(st.lists(st.text(max_size=400), max_size=30), st.text(max_size=3000), st.text(max_size=3000))
def test_the_summary_is_always_whole_json_that_fits(
    titles: list[str], host: str, path: str
) -> None:
    import json

    line = summary_line(
        report(*[finding(title=title) for title in titles], host=host),
        report_path=path,
        delivered=None,
    )
    assert line.isascii()
    assert len(line) <= MAX_BYTES
    assert json.loads(line)["verdict"] == ("hit" if titles else "clean")


def test_progress_is_silent_where_there_is_no_terminal(capsys: pytest.CaptureFixture[str]) -> None:
    with Progress() as progress:
        progress.source("files")
        progress.done(report().coverage[0])
    captured = capsys.readouterr()
    assert captured.out + captured.err == ""


def test_progress_on_a_terminal_names_each_source(capsys: pytest.CaptureFixture[str]) -> None:
    with Progress(enabled=True) as progress:
        progress.source("files")
        progress.done(report().coverage[0])
    assert "1,204,331   complete" in capsys.readouterr().err


def test_a_clean_answer_to_a_narrower_question_says_what_was_asked() -> None:
    asked = Scope(whole_host=False, limited_to=["paths C:\\t", "only files"])
    narrow = structs.replace(report(), scope=asked)
    said = "CLEAN, as far as asked (paths C:\\t; only files): nothing left unlooked at"
    assert said in render(narrow)
    assert "as far as asked" not in render(report())
