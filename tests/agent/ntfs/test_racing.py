"""Whichever way of scanning wins, the matches are the same."""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence

import pytest

from agent.ntfs import racing
from agent.ntfs.patterns import least_patterns, name_patterns, size_patterns, stream_patterns
from agent.ntfs.racing import RacingScanner

NAMES = {"names": name_patterns(["CYZFC.DAT", "X.Y", "DS7002.LNK"], ["PIECE"])}
SIZES = {"sizes": size_patterns([294_400, 87_782, 12], 1024)}
HEADS = {"least": least_patterns(1 << 20), "streams": stream_patterns()}
MANY = {"names": name_patterns([f"{n:03}NAME.EXE" for n in range(100)], [])}


def buffers(count: int) -> list[bytes]:
    chance = random.Random(7)
    made = []
    for _ in range(count):
        data = bytearray(64 << 10)
        for text in ("cyzfc.dat", "CYZFC (1).dat", "x.y", "a piece", "007name.exe", "077NAME.exe"):
            at = chance.randrange(0, len(data) - 100, 2)
            data[at : at + 2 * len(text)] = text.encode("utf-16-le")
        at = chance.randrange(0, len(data) - 100, 8)
        data[at : at + 12] = b"\x80\0\0\0\x48\0\0\0\0\1\x18\0"
        at = chance.randrange(0, len(data) - 100, 8)
        data[at : at + 20] = b"\x80\0\0\0\x48\0\0\0\0\0\x18\0\0\0\0\0\x0c\0\0\0"
        made.append(bytes(data))
    return made


@pytest.mark.parametrize("rules", [NAMES, SIZES, {**NAMES, **SIZES}, HEADS, MANY])
def test_every_way_finds_the_same(
    rules: Mapping[str, Sequence[str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(racing, "_FAST", float("inf"))
    scanner = RacingScanner(rules)
    for data in buffers(6):
        expected = sorted(RacingScanner(rules).scan(data))
        assert expected
        assert sorted(scanner.scan(data)) == expected
        for way in scanner._ways:
            assert sorted(racing._matches(way, data)) == expected
    assert len(scanner._ways) == (2 if rules is MANY else 3)


def test_a_first_way_that_is_fast_needs_no_other(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(racing, "_FAST", 0.0)
    scanner = RacingScanner({**NAMES, **SIZES})
    for data in buffers(20):
        assert scanner.scan(data)
    assert len(scanner._ways) == 1


def test_no_pattern_matches_nothing() -> None:
    assert RacingScanner({"names": []}).scan(b"cyzfc.dat") == []
