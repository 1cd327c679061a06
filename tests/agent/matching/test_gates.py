"""Gates are asked once each, and what they let through is what each indicator alone would say."""

from __future__ import annotations

import itertools
from collections.abc import Callable

from agent.indicators import Certificate, Content, FileHash, FileIndicator, Gate, PeTrait
from agent.matching.gates import Gates, Needs, size_holds
from agent.reading.hashing import ALL
from tests.evidence.packs import stated

COMMON = stated()
GATES = [
    Gate(),
    Gate(size=10),
    Gate(size=10, min_size=11),
    Gate(min_size=5, max_size=10),
    Gate(max_size=9, magic="4d5a"),
    Gate(machine="amd64"),
    Gate(size=10, magic="4d5a", machine="x86"),
]


def content(number: int, gate: Gate) -> Content:
    return Content(id=f"c{number}", value="x", gate=gate, **COMMON)


def alone(gate: Gate, size: int, head: bytes, machine: str | None, *, named: bool) -> bool:
    return (
        (named or size_holds(gate, size))
        and head.startswith(bytes.fromhex(gate.magic or ""))
        and gate.machine in (None, machine)
    )


def told(machine: str | None) -> Callable[[], str | None]:
    return lambda: machine


def test_each_indicator_passes_as_its_gate_alone_says() -> None:
    indicators = tuple(content(number, gate) for number, gate in enumerate(GATES * 2))
    gates = Gates(indicators)
    cases = itertools.product((0, 5, 9, 10, 11), (b"", b"MZ..", b"text"), (None, "x86", "amd64"))
    for (size, head, machine), named in itertools.product(cases, (False, True)):
        needs = gates.passed(size, head, told(machine), named=named)
        assert needs.indicators == tuple(
            i for i in indicators if alone(i.gate, size, head, machine, named=named)
        )


def test_the_machine_is_asked_for_only_where_a_gate_wants_to_know_it() -> None:
    asked: list[bool] = []

    def machine() -> str:
        asked.append(True)
        return "amd64"

    plain = Gates((content(0, Gate(size=3)),))
    picky = Gates((content(0, Gate(size=3, machine="amd64")),))
    plain.passed(3, b"MZ", machine, named=False)
    picky.passed(4, b"MZ", machine, named=False)
    assert asked == []
    assert picky.passed(3, b"MZ", machine, named=False).indicators
    assert asked == [True]


def test_what_a_file_is_read_for_follows_from_what_it_passed() -> None:
    hashed = FileHash(id="h", value="a" * 40, gate=Gate(size=7), **COMMON)
    pe = PeTrait(id="p", value="Run", gate=Gate(magic="4d5a"), **COMMON)
    certificate = Certificate(id="z", value="b" * 64, **COMMON)
    indicators: tuple[FileIndicator, ...] = (hashed, pe, certificate)
    gates = Gates(indicators)
    assert gates.hashes_surely

    def passed(size: int, head: bytes, *, named: bool = False) -> Needs:
        return gates.passed(size, head, lambda: None, named=named)

    assert passed(7, b"MZ").algorithms == {"sha1"}
    assert passed(7, b"MZ").sizes == {7}
    assert passed(7, b"MZ").pe
    assert not passed(7, b"..").pe
    assert passed(9, b"..").indicators == ()
    assert passed(9, b"..", named=True).algorithms == ALL
    assert passed(9, b"0\x82\x01\x00").certificates == (certificate,)
