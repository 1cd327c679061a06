"""Folders with a wanted name: what they are called, and what is claimed of them."""

from __future__ import annotations

from pathlib import Path

import pytest

from agent.model.observation import Claim
from tests.evidence.hosts import disk
from tests.evidence.images import file_name, image, record, standard
from tests.evidence.sweeping import swept


@pytest.mark.parametrize(
    ("flags", "seen", "claim", "view"),
    [
        (3, "directory", Claim.EXISTS, ""),
        (2, "deleted directory", Claim.WAS_THERE, "deleted"),
    ],
)
def test_a_folder_is_called_one(
    tmp_path: Path, flags: int, seen: str, claim: Claim, view: str
) -> None:
    made = record(standard(), file_name("Temp1_ds7002.zip"), flags=flags)
    sweep = swept(disk(tmp_path, image({40: made})))
    found = sweep.only()
    assert (found.seen, found.claim, found.place.view) == (seen, claim, view)
    assert {match.reason for match in sweep.matches()} == {f"{seen} name"}


def test_a_walk_calls_it_one_too(tmp_path: Path) -> None:
    (tmp_path / "Temp1_ds7002.zip").mkdir()
    assert {match.reason for match in swept(tmp_path).matches()} == {"directory name"}


def test_a_file_without_content_leaves_no_gap(tmp_path: Path) -> None:
    made = record(standard(), file_name("cyzfc.dat"))
    sweep = swept(disk(tmp_path, image({40: made})), thorough=True)
    assert (sweep.reasons, sweep.only().seen) == ({}, "file")
