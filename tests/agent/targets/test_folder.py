from __future__ import annotations

from pathlib import Path

import pytest

from agent.model import TargetKind
from agent.own import Own
from agent.targets.folder import FolderTarget, TargetError


def test_a_folder_is_known_by_its_place(tmp_path: Path) -> None:
    target = FolderTarget(str(tmp_path), own=Own())

    assert target.host().id == f"path:{tmp_path}"
    assert target.host().name == tmp_path.name
    assert target.describe().kind is TargetKind.FOLDER
    assert target.describe().paths == [str(tmp_path)]
    assert target.live is None
    assert [root.path for root in target.roots()[0]] == [str(tmp_path)]


def test_relative_paths_become_whole_ones(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)

    assert FolderTarget(".", own=Own()).describe().paths == [str(tmp_path)]


def test_a_path_that_does_not_exist_is_named(tmp_path: Path) -> None:
    with pytest.raises(TargetError, match="nowhere"):
        FolderTarget(str(tmp_path), str(tmp_path / "nowhere"), own=Own())
    with pytest.raises(TargetError):
        FolderTarget(own=Own())
