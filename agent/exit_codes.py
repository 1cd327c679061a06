"""How the program ends (DESIGN, section 4)."""

from __future__ import annotations

CLEAN = 0
HIT = 1
FAILED = 2
INCOMPLETE = 3
UNDELIVERED = 4
BUSY = 5
