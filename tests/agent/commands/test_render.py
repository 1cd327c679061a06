"""``iocsweep render``: reports that are there already, as text and as pages."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from msgspec import structs

from agent import cli
from agent.model.codec import encode
from agent.model.report import Report, Strength
from agent.output.page import is_made_here
from agent.output.page.told import reports_in, unread_in
from tests.evidence.reports import finding, report


def put(folder: Path, name: str, told: Report) -> str:
    """With an id of its own; the path."""
    path = folder / f"{name}.json"
    path.write_bytes(encode(structs.replace(told, report_id=f"018f-{name}")))
    return str(path)


HIT, CLEAN, GAP = report(finding()), report(host="WS-2"), report(gap="access denied", host="WS-3")


def test_without_a_page_it_is_what_the_console_said(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = put(tmp_path, "a", HIT)
    assert cli.main(["render", path]) == 1
    told = capsys.readouterr().out
    assert "HIT   1 confirmed" in told
    assert path in told


def test_one_report_is_a_page_and_several_are_a_case(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    paths = [put(tmp_path, "a", HIT), put(tmp_path, "b", CLEAN)]
    one, case = tmp_path / "one.html", tmp_path / "case.html"
    assert cli.main(["render", paths[1], "--html", str(one)]) == 0
    assert cli.main(["render", *paths, "--html", str(case)]) == 1
    assert "No trace of the campaign was found on WS-2" in one.read_text("utf-8")
    assert "found on 1 of 1 computers" in case.read_text("utf-8")
    assert {told.report.report_id for told in reports_in(case.read_bytes())} == {"018f-a", "018f-b"}
    assert f"a case of 2 reports: {case}" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("told", "code"),
    [((CLEAN,), 0), ((CLEAN, GAP), 3), ((CLEAN, GAP, HIT), 1)],
)
def test_the_exit_code_is_that_of_the_worst(
    tmp_path: Path, told: tuple[Report, ...], code: int
) -> None:
    paths = [put(tmp_path, str(at), one) for at, one in enumerate(told)]
    assert cli.main(["render", *paths]) == code
    assert cli.main(["render", *paths, "--exit-zero"]) == 0


@pytest.mark.parametrize(
    "what", [b"", b"{}", b"\xff\xfe", b"[1]", b'{"schema": "iocsweep.report/9"}']
)
def test_what_is_no_report_is_named_and_the_others_are_shown(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], what: bytes
) -> None:
    bad, page = tmp_path / "bad.json", tmp_path / "x.html"
    bad.write_bytes(what)
    good = put(tmp_path, "good", CLEAN)
    assert cli.main(["render", str(bad), good, "--html", str(page)]) == 2
    assert f"{bad}: is no report that can be read: " in capsys.readouterr().err
    made = page.read_bytes()
    assert [told.name for told in reports_in(made)] == ["good.json"]
    (line,) = unread_in(made)
    assert line.startswith(f"{bad}: is no report that can be read: ")
    assert is_made_here(made)
    assert cli.main(["render", str(bad), good, "--exit-zero"]) == 2
    assert cli.main(["render", str(bad), put(tmp_path, "hit", HIT)]) == 1


def test_a_case_of_which_not_all_was_read_is_not_clean(tmp_path: Path) -> None:
    case = tmp_path / "x.html"
    good = [put(tmp_path, str(at), one) for at, one in enumerate((CLEAN, CLEAN))]
    cli.main(["render", *good, "--html", str(case)])
    assert b"No strong trace of the campaign on" in case.read_bytes()
    (tmp_path / "odd <b>&amp;\x1b\\.json").write_bytes(b"no")
    for number in range(101):
        (tmp_path / f"bad {number}.json").write_bytes(b"no")
    assert cli.main(["render", str(tmp_path), "--html", str(case), "--force"]) == 2
    made = case.read_bytes()
    assert b"but not all could be seen" in made
    assert b"No strong trace of the campaign on" not in made
    assert len(unread_in(made)) == 101
    assert unread_in(made)[-1] == "\u2026 and 2 more"
    assert is_made_here(made)


def test_no_report_at_all_makes_no_page(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    bad, page = tmp_path / "bad.json", tmp_path / "x.html"
    bad.write_bytes(b"no")
    assert cli.main(["render", str(bad), "--html", str(page)]) == 2
    assert "no report was read" in capsys.readouterr().err
    assert not page.exists()


def test_a_folder_is_the_reports_in_it(tmp_path: Path) -> None:
    put(tmp_path, "a", CLEAN)
    put(tmp_path, "b", GAP)
    page = tmp_path / "case.html"
    assert cli.main(["render", str(tmp_path), "--html", str(page)]) == 3
    assert len([*reports_in(page.read_bytes())]) == 2


def test_reports_lie_in_folders_below_as_a_channel_leaves_them(tmp_path: Path) -> None:
    """Ansible's ``fetch``: the host's name, and the path that it had there."""
    below = tmp_path / "results" / "WS-1" / "C:" / "ProgramData" / "iocsweep" / "reports"
    below.mkdir(parents=True)
    put(below, "a", HIT)
    put(tmp_path / "results", "b", CLEAN)
    page = tmp_path / "case.html"
    assert cli.main(["render", str(tmp_path / "results"), "--html", str(page)]) == 1
    assert len([*reports_in(page.read_bytes())]) == 2


def test_a_folder_that_cannot_be_listed_is_named_and_lost(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    put(tmp_path, "a", CLEAN)
    locked = tmp_path / "locked"
    locked.mkdir()
    listed = os.scandir

    def refused(path: str) -> object:
        if str(path) == str(locked):
            raise PermissionError(13, "Permission denied", str(path))
        return listed(path)

    monkeypatch.setattr(os, "scandir", refused)
    assert cli.main(["render", str(tmp_path)]) == 2
    assert f"{locked}: cannot be listed: access denied" in capsys.readouterr().err


def test_an_empty_folder_beside_a_clean_report_is_not_clean(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    empty = tmp_path / "empty"
    empty.mkdir()
    assert cli.main(["render", str(empty), put(tmp_path, "a", CLEAN)]) == 2
    assert f"{empty}: there is no *.json" in capsys.readouterr().err


def test_a_pattern_is_read_where_no_shell_has(tmp_path: Path) -> None:
    put(tmp_path, "a", CLEAN)
    put(tmp_path, "b", HIT)
    assert cli.main(["render", str(tmp_path / "a*.json")]) == 0
    assert cli.main(["render", str(tmp_path / "*.json")]) == 1


def test_a_report_given_twice_is_one(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path, page = put(tmp_path, "a", CLEAN), tmp_path / "x.html"
    assert cli.main(["render", path, path, "--html", str(page)]) == 0
    assert len([*reports_in(page.read_bytes())]) == 1
    other = tmp_path / "other.json"
    other.write_bytes(encode(structs.replace(HIT, report_id="018f-a")))
    assert cli.main(["render", path, str(other)]) == 2
    assert "another content" in capsys.readouterr().err


def test_a_path_that_is_not_there_is_said(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert cli.main(["render", str(tmp_path / "none.json")]) == 2
    assert "no such file or folder" in capsys.readouterr().err


def test_a_page_takes_the_place_of_a_page_alone_and_of_that_when_told(tmp_path: Path) -> None:
    path, page = put(tmp_path, "a", CLEAN), tmp_path / "x.html"
    asked = ["render", path, "--html", str(page)]
    page.write_text("<html>mine</html>")
    assert cli.main([*asked, "--force"]) == 2
    assert page.read_text() == "<html>mine</html>"
    page.unlink()
    assert cli.main(asked) == 0
    assert cli.main(asked) == 2
    assert cli.main([*asked, "--force"]) == 0
    assert cli.main(["render", path, "--html", path, "--force"]) == 2


@pytest.mark.skipif(os.name == "nt", reason="modes are of POSIX")
def test_nobody_else_may_read_a_page(tmp_path: Path) -> None:
    page = tmp_path / "x.html"
    cli.main(["render", put(tmp_path, "a", CLEAN), "--html", str(page)])
    assert page.stat().st_mode & 0o777 == 0o600


def test_weak_findings_alone_make_no_hit_of_a_case(tmp_path: Path) -> None:
    page = tmp_path / "x.html"
    paths = [put(tmp_path, "a", report(finding(Strength.WEAK))), put(tmp_path, "b", CLEAN)]
    assert cli.main(["render", *paths, "--html", str(page)]) == 0
    assert "No strong trace of the campaign on 1 computer" in page.read_text("utf-8")
