"""An error in what the operator gives names the file once, and says what to do."""

from __future__ import annotations

from pathlib import Path

import pytest

from agent import cli

PACK = Path(__file__).parents[3] / "iocs" / "cyzfc.yaml"
BAD_RULE = b"rule a { condition: nosuch }\nrule b { condition: neither }\n"


@pytest.fixture(autouse=True)
def _home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("IOCSWEEP_HOME", str(tmp_path / "home"))


@pytest.mark.parametrize(
    ("option", "data", "what"),
    [
        ("--pack", None, "is the path right?"),
        ("--pack", b"pack: [", "iocs/README.md"),
        ("--pack", b"", "iocs/README.md"),
        ("--pack", b"\xff", "iocs/README.md"),
        ("--pack", b"pack: iocsweep.pack/1\n", "iocs/README.md"),
        ("--only-pack", b'import "pe"\nrule a : tag {\n condition: true }', "go to --rules"),
        ("--pack", b"private rule a\n{ condition: true }", "go to --rules"),
        ("--rules", None, "no such file"),
        ("--rules", BAD_RULE, "correct them, or leave them out of --rules"),
        ("--rules", PACK.read_bytes(), "a pack goes to --pack"),
        ("--strict-rules", BAD_RULE, "run without --strict-rules"),
    ],
)
def test_the_file_is_named_once_with_what_to_do(
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    option: str,
    data: bytes | None,
    what: str,
) -> None:
    file = tmp_path / "given"
    if data is not None:
        file.write_bytes(data)
    arguments = [option, str(file)]
    if option == "--strict-rules":
        arguments = ["--rules", str(file), option]
    (tmp_path / "evidence").mkdir()
    assert cli.main(["offline", str(tmp_path / "evidence"), *arguments]) == 2
    told = capsys.readouterr().err
    assert told.count(str(file)) == 1
    assert what in told
    assert len(told.splitlines()) == 1


def test_a_folder_is_no_pack_and_one_without_rules_says_which_files_they_are(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = tmp_path / "folder"
    folder.mkdir()
    assert cli.main(["offline", str(folder), "--pack", str(folder)]) == 2
    assert f"{folder}: Is a directory; give one file" in capsys.readouterr().err
    assert cli.main(["offline", str(folder), "--rules", str(folder)]) == 2
    assert f"{folder}: no *.yar or *.yara file" in capsys.readouterr().err


def test_a_built_in_pack_given_again_says_what_was_meant(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert cli.main(["offline", str(tmp_path), "--pack", str(PACK)]) == 2
    assert "--only-pack takes the place of what is built in" in capsys.readouterr().err


def test_many_rules_that_do_not_run_are_told_by_their_lines(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for name in "abcde":
        (tmp_path / f"{name}.yar").write_bytes(BAD_RULE)
    assert cli.main(["offline", str(tmp_path), "--rules", str(tmp_path)]) == 2
    told = capsys.readouterr().err
    assert f"{tmp_path}/a.yar: no rule can run: line 1: rule a: " in told
    assert "; line 2: rule b: " in told
    assert "and 2 more files" in told
    assert all(told.count(f"{name}.yar") == 1 for name in "abc")
