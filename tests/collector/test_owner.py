"""Whose the home is: a service's own user must be able to open all that stands in it."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from collector.cli import main

NOBODY = 65534


@pytest.fixture
def of_another(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A home that is not root's, for root."""
    home = tmp_path / "home"
    home.mkdir()
    if os.geteuid() == 0:
        os.chown(home, NOBODY, NOBODY)
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    return home


@pytest.mark.parametrize(
    "command",
    [["sweep", "create", "One"], ["token", "create"], ["certificate", "localhost"]],
    ids=lambda command: command[0],
)
def test_root_makes_nothing_in_a_home_that_is_anothers(
    of_another: Path, command: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert main([*command, "--home", str(of_another)]) == 1
    assert "runuser -u " in capsys.readouterr().err
    assert list(of_another.iterdir()) == []


@pytest.mark.parametrize(
    "command", [["serve", "--listen", "127.0.0.1:0"], ["sweep", "list"]], ids=lambda c: c[0]
)
def test_a_database_that_may_not_be_written_is_said_with_its_owner(
    command: list[str],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    (tmp_path / "collector.db").touch()
    monkeypatch.setattr(os, "access", lambda *_: False)
    assert main([*command, "--home", str(tmp_path)]) == 1
    said = capsys.readouterr().err
    assert f"{tmp_path / 'collector.db'} is " in said
    assert "may not use it" in said
