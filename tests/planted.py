"""Where ``tests/agent/findings`` still looks for what lies in ``tests/evidence/files.py``."""

from __future__ import annotations

from tests.evidence.files import STAGE_0

__all__ = ["STAGE_0"]
