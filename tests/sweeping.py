"""Where ``tests/agent/findings`` still looks for what lies in ``tests/evidence/packs.py``."""

from __future__ import annotations

from tests.evidence.packs import campaign, chains_of, found

__all__ = ["campaign", "chains_of", "found"]
