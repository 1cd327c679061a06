"""The rights that an administrator's sweep asks for."""

from __future__ import annotations

import pytest

from agent.windows import files, security


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The privileges that were enabled."""
    enabled: list[str] = []

    def enable(privilege: str) -> bool:
        enabled.append(privilege)
        return True

    monkeypatch.setattr(security, "_enable", enable)
    return enabled


def test_an_administrators_sweep_may_read_closed_files_and_others_processes(
    asked: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(security, "is_elevated", lambda: True)
    assert security.take_administrators_rights() == []
    assert asked == ["SeBackupPrivilege", "SeDebugPrivilege"]


def test_anybody_elses_asks_for_nothing(asked: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(security, "is_elevated", lambda: False)
    assert security.take_administrators_rights() == []
    assert asked == []


def test_a_right_that_is_refused_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    def refused() -> bool:
        raise OSError(5, "access denied")

    monkeypatch.setattr(security, "is_elevated", lambda: True)
    monkeypatch.setattr(security, "enable_backup_privilege", lambda: False)
    monkeypatch.setattr(security, "enable_debug_privilege", refused)
    assert security.take_administrators_rights() == [
        "the right to read files that their ACL closes to administrators was refused",
        "the right to read processes of other users could not be had: access denied",
    ]


def test_files_are_opened_so_that_the_right_has_effect() -> None:
    assert files._FLAGS & 0x0200_0000  # FILE_FLAG_BACKUP_SEMANTICS
