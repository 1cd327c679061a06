"""What was collected of a host is not the whole of it, and its report says so."""

from __future__ import annotations

from pathlib import Path

import pytest

from agent.matching.own_traces import Own
from agent.sources.files.source import FilesSource
from agent.targets.offline.folder import FolderTarget
from agent.targets.offline.image import ImageTarget
from tests.evidence.collected import SHAPES, as_folder, as_zip, laid_out
from tests.evidence.sweeping import reported
from tests.evidence.windows_folder import as_image, windows

NOW = 1_542_200_000
VOLUMES = {"plain"}
"""Shapes that a mounted volume has, too."""


def scope_of(target: FolderTarget | ImageTarget) -> list[str]:
    return reported(target, FilesSource()).scope.limited_to


@pytest.mark.parametrize("shape", sorted(SHAPES.keys() - VOLUMES))
def test_a_collection_is_told_from_a_volume(shape: str, tmp_path: Path) -> None:
    path = as_folder(tmp_path / "H", laid_out(shape, windows()), NOW)
    assert scope_of(FolderTarget(str(path), own=Own())) == ["what was collected"]


def test_in_an_archive_there_are_copies_alone(tmp_path: Path) -> None:
    path = as_zip(tmp_path / "H.zip", laid_out("plain", windows()), NOW)
    assert scope_of(FolderTarget(str(path), own=Own())) == ["what was collected"]


def test_so_are_those_on_a_disk_of_their_own(tmp_path: Path) -> None:
    members = laid_out("kape", windows())
    files = {f"C:\\{name}".replace("/", "\\"): data for name, data in members.items()}
    path = as_image(tmp_path / "vhdx", files)
    assert scope_of(ImageTarget(str(path), own=Own())) == ["what was collected"]


def test_a_volume_is_the_whole_of_it(tmp_path: Path) -> None:
    folder = as_folder(tmp_path / "H", laid_out("plain", windows()), NOW)
    assert scope_of(FolderTarget(str(folder), own=Own())) == []
    image = as_image(tmp_path / "image", windows())
    assert scope_of(ImageTarget(str(image), own=Own())) == []
