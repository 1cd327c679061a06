"""How a report is signed, and whether a finding is a drill: the same names in every list."""

from __future__ import annotations

from agent.model.report import DRILL

from ..records import FindingRow
from ..signatures import Status, verdict_kept

MARKS: dict[Status, str] = {
    "unsigned": "not signed",
    "unverified": "signature not verified",
    "altered": "altered",
    "unknown_key": "signed by another key",
    "revoked_key": "signed by a revoked key",
}
"""What a list says beside a state that nobody should read without it."""
NAMES = ("signature_status", "signature_detail")


def told_of(kept: str) -> dict[str, str]:
    """The two fields of :data:`NAMES`: the status, and the key's id or what is wrong and in which
    line. ``kept``: as the store has it."""
    verdict = verdict_kept(kept)
    return dict(zip(NAMES, (verdict.status, verdict.detail), strict=True))


def mark_of(kept: str) -> str:
    """Empty: it is verified, or nobody looked."""
    return MARKS.get(verdict_kept(kept).status, "")


def is_drill(row: FindingRow) -> bool:
    """Whether it is a canary that somebody left for a drill, as
    :attr:`agent.model.report.Finding.is_drill`."""
    return row.pack == DRILL and row.strength in ("weak", "excluded")


__all__ = ["MARKS", "NAMES", "is_drill", "mark_of", "told_of"]
