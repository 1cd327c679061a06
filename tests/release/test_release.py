"""A release names a commit, so it is made of nothing else."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest
from release import INPUTS, ReleaseError, commit_of, write_json, write_sums

ROOT = Path(__file__).parents[2]
WHO = {"GIT_AUTHOR_NAME": "t", "GIT_AUTHOR_EMAIL": "t@example", "GIT_COMMITTER_NAME": "t"}
ALONE = {"GIT_COMMITTER_EMAIL": "t@example", "GIT_CONFIG_GLOBAL": os.devnull}


def git(folder: Path, *words: str) -> str:
    command = ["git", "-C", str(folder), *words]
    environment = {**os.environ, **WHO, **ALONE}
    done = subprocess.run(command, check=True, capture_output=True, text=True, env=environment)
    return done.stdout.strip()


@pytest.fixture
def source(tmp_path: Path) -> Path:
    (tmp_path / "agent").mkdir()
    (tmp_path / "agent" / "cli.py").write_text("1\n")
    git(tmp_path, "init", "--quiet")
    git(tmp_path, "add", ".")
    git(tmp_path, "commit", "--quiet", "--message", "one")
    return tmp_path


def test_what_is_as_committed_is_named_by_its_commit(source: Path) -> None:
    (source / "notes.txt").write_text("goes into no release\n")
    assert commit_of(source) == git(source, "rev-parse", "HEAD")


@pytest.mark.parametrize("name", ["cli.py", "new.py"], ids=["changed", "not added"])
def test_what_is_not_committed_is_no_release(source: Path, name: str) -> None:
    (source / "agent" / name).write_text("2\n")
    with pytest.raises(ReleaseError, match=f"not as committed(.|\n)*agent/{name}"):
        commit_of(source)


def test_a_folder_that_git_does_not_know_is_no_release(tmp_path: Path) -> None:
    with pytest.raises(ReleaseError, match="git status: "):
        commit_of(tmp_path)


def test_a_checkout_has_the_bytes_that_were_committed_on_every_system(
    source: Path, tmp_path: Path
) -> None:
    """Git for Windows makes CRLF of line ends where nothing says otherwise, and the exe another."""
    (source / "agent" / "cli.py").write_bytes(b"1\n2\r\n")
    (source / ".gitattributes").write_bytes((ROOT / ".gitattributes").read_bytes())
    git(source, "add", ".")
    git(source, "commit", "--quiet", "--message", "two")
    for setting in ("true", "false", "input"):
        there = tmp_path / f"{setting}.checkout"
        git(source, "clone", "--quiet", "--config", f"core.autocrlf={setting}", ".", str(there))
        assert (there / "agent" / "cli.py").read_bytes() == b"1\n2\r\n"


def test_every_input_is_there() -> None:
    assert [name for name in INPUTS if not (ROOT / name).exists()] == []


def test_sums_are_of_all_files_by_their_paths(tmp_path: Path) -> None:
    (tmp_path / "signed").mkdir()
    (tmp_path / "signed" / "a.exe").write_bytes(b"abc")
    write_json(tmp_path / "b.json", {"z": 1, "a": "é"})
    write_sums(tmp_path)
    write_sums(tmp_path)  # not of itself
    assert (tmp_path / "b.json").read_bytes() == '{\n "a": "é",\n "z": 1\n}\n'.encode()
    assert (tmp_path / "SHA256SUMS").read_bytes().decode().splitlines() == [
        "5c367d609c625bd1b3b69a6134106cb605ef447e7b67e9accce1c59d33dd7c50  b.json",
        "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad  signed/a.exe",
    ]
