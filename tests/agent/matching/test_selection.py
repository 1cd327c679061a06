"""What a file of a name and a size is opened for is what each gate alone would say."""

from __future__ import annotations

import pytest

from agent.indicators import Content, Gate
from agent.matching.selection import Selector
from tests.evidence.packs import stated

COMMON = stated()
GATES = [
    Gate(size=20),
    Gate(size=50, extensions=[".dat"]),
    Gate(min_size=5, max_size=8),
    Gate(min_size=30, extensions=[".dat", ""]),
    Gate(max_size=40, extensions=[".lnk"]),
    Gate(extensions=[".dat"]),
    Gate(min_size=0),
    Gate(magic="4d5a"),
]
SELECTOR = Selector(
    [Content(id=f"c{number}", value="x", gate=gate, **COMMON) for number, gate in enumerate(GATES)]
)


def lets_in(gate: Gate, extension: str, size: int | None) -> bool:
    if gate.size is not None:
        return size in (None, gate.size)
    fits = size is None or (gate.min_size or 0) <= size <= (
        size if gate.max_size is None else gate.max_size
    )
    if gate.extensions:
        return fits and extension in gate.extensions
    return fits and gate.min_size is not None


@pytest.mark.parametrize("extension", [".dat", "", ".lnk", ".txt", ".none"])
def test_a_gate_opens_and_closes_at_its_sizes(extension: str) -> None:
    gates = [gate for gate, _ in SELECTOR.gates]
    for size in (*range(64), 1 << 62, None, *reversed(range(64))):
        passed = SELECTOR.gates_passed(f"name{extension}", size)
        assert [gates[number] for number in passed] == [
            gate for gate in gates if lets_in(gate, extension, size)
        ]
