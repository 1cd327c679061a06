"""A file that its record says is there, and its path is not."""

from __future__ import annotations

import io
from pathlib import Path

from agent.model.report import State
from agent.ntfs import FileSource
from tests.evidence.hosts import Mounted
from tests.evidence.images import encrypted, image
from tests.evidence.sweeping import swept_mounted


def test_what_can_be_read_neither_way_is_a_gap(tmp_path: Path) -> None:
    """It may be hidden from its path, or lie where its folder's record does not tell."""
    data = image({50: encrypted("report.lnk", 41)})
    sweep = swept_mounted(Mounted(tmp_path, lambda: FileSource(io.BytesIO(data))))
    assert sweep.reasons == {"content encrypted by EFS": 1}
    assert sweep.coverage.state is State.PARTIAL
