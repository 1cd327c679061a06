"""What a walk does not enter, and what it cannot look into."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from agent.coverage import Ledger
from agent.reading import walk as walk_module
from agent.reading.openings import Selection
from agent.reading.walk import Folder, Identity, Walk


def walked(root: Path) -> tuple[list[Folder], dict[str, int], dict[str, int]]:
    """The folders, the gaps and the notes."""
    ledger = Ledger("files", required=True)
    folders = list(Walk(Selection(), ledger).folders([str(root)]))
    coverage = ledger.close()
    return (
        folders,
        {gap.reason: gap.count for gap in coverage.reasons},
        {note.reason: note.count for note in coverage.notes},
    )


def test_a_folder_that_leads_to_one_above_it_ends_the_way_down(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A share whose server follows links shows them as folders like any other."""
    (tmp_path / "a" / "loop" / "a").mkdir(parents=True)
    (tmp_path / "b" / "other").mkdir(parents=True)
    asked: list[str] = []

    def identity(path: str) -> Identity | None:
        asked.append(path)
        return {"loop": (7, 1), tmp_path.name: (7, 1), "other": None}.get(
            Path(path).name, (7, hash(path))
        )

    monkeypatch.setattr(walk_module, "_may_loop", lambda root: True)
    monkeypatch.setattr(walk_module, "_identity", identity)
    folders, gaps, notes = walked(tmp_path)
    names = [Path(folder.path).name for folder in folders]
    assert names == [tmp_path.name, *sorted(["a", "b", "other"], key=names.index)]
    assert (gaps, notes) == ({}, {"folder reached by a second way, walked once": 1})
    assert str(tmp_path / "a" / "loop") in asked


def test_two_folders_of_one_identity_side_by_side_are_both_walked(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Servers give identities that are cut short: only one above is believed."""
    for name in ("a", "b"):
        (tmp_path / name).mkdir()
    monkeypatch.setattr(walk_module, "_may_loop", lambda root: True)
    monkeypatch.setattr(walk_module, "_identity", lambda path: (7, len(path)))
    assert len(walked(tmp_path)[0]) == 3


@pytest.mark.parametrize(
    ("target", "gap"),
    [
        ("unsupported reparse tag 0x80000013", "content kept elsewhere (tag 0x80000013)"),
        ("unsupported reparse tag 0x9000001a", "content kept elsewhere (tag 0x9000001A)"),
        ("unsupported reparse tag 0x90000027", "content kept elsewhere (tag 0x90000027)"),
        ("unsupported reparse tag 0x8000001b", None),
        ("unsupported reparse tag 0xa0000003", None),
        ("/nowhere", None),
    ],
    ids=["dedup", "cloud", "synced folder", "execution alias", "junction", "dangling"],
)
def test_a_file_that_a_mount_shows_as_a_link_is_unread(
    tmp_path: Path, target: str, gap: str | None
) -> None:
    (tmp_path / "a.bin").symlink_to(target)
    _, gaps, notes = walked(tmp_path)
    assert gaps == ({gap: 1} if gap else {})
    assert notes == ({} if gap else {"link not followed, its name was compared": 1})


def test_a_link_that_cannot_be_read_is_unread(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fails(path: str) -> str:
        raise OSError(5, "Input/output error", path)

    (tmp_path / "a.bin").symlink_to("somewhere")
    monkeypatch.setattr(os, "readlink", fails)
    assert walked(tmp_path)[1] == {"link that cannot be read: read error on the disk": 1}
