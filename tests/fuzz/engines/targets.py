"""A pack and its inputs, all made of one piece of bytes: for hypothesis, and for atheris.

    python -m tests.fuzz.engines.targets [-runs=N] [-max_total_time=S] [FOLDER for new inputs]

The engines are native code that it sees nothing of; coverage guides the making of packs alone.
"""

from __future__ import annotations

import random
import sys
from itertools import islice

from .comparison import Difference, differences
from .inputs import Inputs
from .packs import Pack, pack
from .scanners import Refused, boreal_places, yara_x_places

INPUTS = 8
"""For one pack; compiling takes longer than all of them."""


class Tape(random.Random):
    """Chance that is read from bytes; zeros behind their end."""

    def __init__(self, tape: bytes) -> None:
        super().__init__(0)
        self._tape = tape
        self._at = 0

    def getrandbits(self, k: int, /) -> int:
        """The next bytes, as many as are needed."""
        size = -(-k // 8)
        piece = self._tape[self._at : self._at + size].ljust(size, b"\0")
        self._at += size
        return int.from_bytes(piece, "big") >> (8 * size - k)

    def random(self) -> float:
        """From 0 to below 1."""
        return self.getrandbits(53) / (1 << 53)


def mattering(made: Pack, inputs: list[bytes]) -> list[Difference]:
    """The differences between both engines that matter to the agent; none if one refuses."""
    try:
        ours, theirs = boreal_places(made.source), yara_x_places(made.source)
    except Refused:
        return []
    return [
        difference
        for data in inputs
        if (left := ours(data)) != (right := theirs(data))
        for difference in differences(made, data, left, right)
        if difference.matters
    ]


def engines(data: bytes) -> None:
    """Both engines agree on everything that matters, whatever the pack and the input."""
    chosen = Tape(data)
    made = pack(chosen)
    if made.rules:
        inputs = list(islice(Inputs(made, chosen, size=16), INPUTS))
        assert mattering(made, inputs) == []


if __name__ == "__main__":
    import atheris  # type: ignore[import-untyped,import-not-found,unused-ignore]

    atheris.Setup(sys.argv, engines)
    atheris.Fuzz()
