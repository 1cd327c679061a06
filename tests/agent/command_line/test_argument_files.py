"""``@FILE``: arguments that no channel has to quote."""

from __future__ import annotations

from pathlib import Path

import pytest

from agent import cli
from agent.command_line.given import with_files
from agent.exit_codes import UsageError
from agent.options import parse


def written(folder: Path, text: str | bytes) -> str:
    path = folder / "fleet.args"
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return f"@{path}"


def test_a_line_is_an_argument_as_it_stands(tmp_path: Path) -> None:
    file = written(
        tmp_path,
        "# of the fleet\n\n--collector\nhttps://c.example:8443\n  --quiet  \r\n"
        '--case=a "quoted" # word\nC:\\Program Files\\x\n',
    )
    assert with_files(["offline", file, "--nice"]) == [
        "offline", "--collector", "https://c.example:8443", "--quiet",
        '--case=a "quoted" # word', "C:\\Program Files\\x", "--nice",
    ]  # fmt: skip


def test_a_path_may_hold_what_unicode_calls_a_line_end_or_a_blank(tmp_path: Path) -> None:
    paths = ["/x/a\u2028b", "/x/a\x85b\x0c", "/x/\u00a0", "/x/a\x1cb"]
    assert with_files([written(tmp_path, "\r".join(paths))]) == paths


def test_it_stands_in_its_place_and_the_last_word_wins(tmp_path: Path) -> None:
    file = written(tmp_path, "--max-runtime\n25m\n--skip\npipes\n")
    assert parse([file]).max_runtime == 1500
    assert parse([file, "--max-runtime", "9m"]).max_runtime == 540
    assert parse(["--max-runtime", "9m", file]).max_runtime == 1500
    assert parse(["live", file]).skip == ["pipes"]


def test_a_file_may_hold_the_command_too(tmp_path: Path) -> None:
    assert parse([written(tmp_path, "send\n--share\n/srv\n")]).command == "send"


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
def test_what_editors_and_powershell_write_is_read(tmp_path: Path, encoding: str) -> None:
    file = written(tmp_path, "--sweep-id\r\nBüro\r\n".encode(encoding))
    assert parse([file]).sweep_id == "Büro"


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("--quiet\n--max-runtime\nsoon\n", "line 2: argument --max-runtime: 'soon' is no time"),
        ("--quiet\n--max-runtime=soon\n", "line 2: argument --max-runtime: 'soon' is no time"),
        ("\n# no\n--memory\nsome\n", "line 3: argument --memory: invalid choice"),
        ("--quite\n", "line 1: unrecognized arguments: --quite; did you mean --quiet?"),
        ("--collector https://c.example\n", "line 1: '--collector https://c.example': one arg"),
        ("--only\nfiles\n@more.args\n", "line 3: @more.args: no file of arguments within"),
        (b"--case\n\xff\xff\n", "no text in UTF-8"),
        ("--quiet\n".encode("utf-16-le"), "no text in UTF-8 (UTF-16 needs its mark)"),
        ("--quiet\n".encode("utf-32"), "no text in UTF-8 (UTF-16 needs its mark)"),
        ('--sweep-id="w48"\n', """line 1: --sweep-id="w48": the quotes would be part of it"""),
        ("--sweep-id\n'w 48'\n", "line 2: 'w 48': the quotes would be part of it"),
        (b"#" * (2 << 20), "larger than 1,048,576 bytes"),
    ],
)
def test_what_is_wrong_is_named_with_its_line(tmp_path: Path, text: str | bytes, why: str) -> None:
    file = written(tmp_path, text)
    with pytest.raises(UsageError) as error:
        parse([file])
    assert str(tmp_path / "fleet.args") in str(error.value)
    assert why in str(error.value)


def test_a_file_that_is_not_there_runs_nothing(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert cli.main([f"@{tmp_path / 'none'}"]) == 2
    assert f"@{tmp_path / 'none'}: cannot be read: No such file" in capsys.readouterr().err


def test_a_value_that_fails_later_is_named_with_its_line_too(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("IOCSWEEP_HOME", str(tmp_path / "home"))
    assert cli.main([written(tmp_path, "--pack\n/nowhere.yaml\n")]) == 2
    assert f"{tmp_path / 'fleet.args'}, line 1: /nowhere.yaml" in capsys.readouterr().err
    assert cli.main([written(tmp_path, "--quiet\n"), "--pack", "/nowhere.yaml"]) == 2
    assert "iocsweep: /nowhere.yaml" in capsys.readouterr().err


def test_only_what_begins_with_the_sign_is_a_file(tmp_path: Path) -> None:
    assert parse(["offline", "./@image", "--case=@12"]).paths == ["./@image"]
    assert parse(["offline", "x", "--case=@12"]).case == "@12"
