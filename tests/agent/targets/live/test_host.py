"""The volumes of a Windows host, with Windows' own answers made up."""

from __future__ import annotations

import pytest

from agent.targets import LOCKED, SkippedVolume
from agent.windows import dlls, security, volumes
from agent.windows.volumes import Volume
from tests.evidence.hosts import host

GUID = "\\\\?\\Volume{12345678-0000-0000-0000-000000000000}\\"


@pytest.fixture
def _volumes(monkeypatch: pytest.MonkeyPatch) -> None:
    found = [
        Volume(GUID, ["C:\\"], "fixed", "NTFS"),
        Volume(GUID, ["D:\\"], "fixed", error="locked", locked=True),
        Volume(GUID, ["E:\\"], "removable", error="locked", locked=True),
        Volume(GUID, ["F:\\"], "fixed", "exFAT"),
    ]
    monkeypatch.setattr(volumes, "volumes", lambda: found)
    monkeypatch.setattr(security, "is_elevated", lambda: True)


@pytest.mark.usefixtures("_volumes")
def test_a_locked_volume_is_a_gap_and_said_to_be_locked() -> None:
    roots, skipped = host().roots()
    assert [(root.path, root.why_walked) for root in roots] == [("C:\\", ""), ("F:\\", "exFAT")]
    assert list(skipped) == [
        SkippedVolume("D:\\", LOCKED, gap=True),
        SkippedVolume("E:\\", "removable volume, left out", gap=False),
    ]


@pytest.mark.usefixtures("_volumes")
def test_a_path_on_a_locked_volume_is_one_too() -> None:
    roots, skipped = host(paths=("d:\\Users", "C:\\Users")).roots()
    assert [root.path for root in roots] == ["C:\\Users"]
    assert list(skipped) == [SkippedVolume("d:\\Users", LOCKED, gap=True)]


@pytest.mark.usefixtures("_volumes")
def test_a_volume_in_use_is_read_by_its_records_and_its_journal_asked() -> None:
    root = host().roots()[0][0]
    assert root.raw is not None
    assert root.raw.prefix == "C:"
    assert root.raw.changes is not None
    with pytest.raises(OSError, match="only on Windows"):
        root.raw.changes()


@pytest.mark.parametrize(
    ("code", "locked"), [(dlls.FVE_E_LOCKED_VOLUME, True), (21, False)], ids=["locked", "not ready"]
)
def test_windows_says_which_volume_is_locked(
    monkeypatch: pytest.MonkeyPatch, code: int, locked: bool
) -> None:
    def information(root: str) -> tuple[str, str, str]:
        raise dlls.failure(root, code)

    monkeypatch.setattr(volumes, "_information", information)
    monkeypatch.setattr(dlls, "function", lambda *_: lambda *_: 3)
    volume = volumes._volume(GUID, mounts=["D:\\"])
    assert volume.locked is locked
    assert volume.error
