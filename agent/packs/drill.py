"""What a drill is found by: one file name, looked for by every live sweep besides its packs.

It is weak, and no rule of any pack makes more of it: a verdict, an exit code and an alarm never
come from a drill. What is found by it alone is marked so (:attr:`Finding.is_drill`).
"""

from __future__ import annotations

from functools import cache
from typing import Final

import msgspec

from ..indicators import FileName, PackFile
from ..model.report import BUILT_IN, DRILL, Strength
from .loading import Pack, parse_pack

CANARY: Final = "iocsweep-drill-canary.txt"
"""The name of the file that ``iocsweep selftest --canary`` leaves."""


@cache
def drill_pack() -> Pack:
    """The same always."""
    file = PackFile(
        pack="iocsweep.pack/1",
        id=DRILL,
        version="1",
        title="Canaries of drills",
        references={"canary": "left by iocsweep selftest --canary"},
        indicators=[
            FileName(
                id="drill/canary",
                value=CANARY,
                strength=Strength.WEAK,
                reference=["canary"],
                status="DRV",
                note="A drill: somebody left this file to see whether sweeps find it.",
            )
        ],
    )
    return parse_pack(msgspec.json.encode(file), "built in:drill", BUILT_IN)
