"""What the engine tells of bytes is what another one tells (YARA-X), and its bounds are told."""

from __future__ import annotations

import random
import threading
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
import yara_x

from agent.engine.scanner import PatternError, PatternScanner, ScanFailed
from agent.ntfs.patterns import least_patterns, name_patterns, size_patterns, stream_patterns

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


def as_another_engine(
    patterns: Mapping[str, Sequence[str]], data: bytes
) -> set[tuple[str, int, int]]:
    strings = [
        (name, f"$p{n}_{k} = {form}")
        for n, (name, forms) in enumerate(patterns.items())
        for k, form in enumerate(forms)
    ]
    found = set()
    for name, declared in strings:
        rules = yara_x.compile(f"rule r {{ strings: {declared} condition: any of them }}")
        for rule in rules.scan(data).matching_rules:
            found |= {(name, m.offset, m.length) for p in rule.patterns for m in p.matches}
    return found


def told(scanner: PatternScanner, data: bytes) -> set[tuple[str, int, int]]:
    return {(one.name, *place) for one in scanner.scan(data) for place in one.places}


@pytest.mark.parametrize(
    "patterns",
    [NAMES, SIZES, {**NAMES, **SIZES}, HEADS, MANY, {**NAMES, **SIZES, **HEADS}],
    ids=["names", "sizes", "names and sizes", "heads", "many", "all"],
)
def test_another_engine_finds_the_same(patterns: Mapping[str, Sequence[str]]) -> None:
    scanner = PatternScanner(patterns)
    for data in buffers(6):
        expected = as_another_engine(patterns, data)
        assert expected
        assert told(scanner, data) == expected


def test_one_scanner_serves_several_threads_at_once() -> None:
    scanner = PatternScanner({**NAMES, **SIZES})
    made = buffers(8)
    expected = [told(scanner, data) for data in made]
    together = threading.Barrier(4)

    def look() -> list[set[tuple[str, int, int]]]:
        together.wait()
        return [told(scanner, data) for data in made for _ in range(5)][::5]

    with ThreadPoolExecutor(4) as pool:
        answers = [future.result() for future in [pool.submit(look) for _ in range(4)]]
    assert answers == [expected] * 4


def test_nothing_to_look_for_finds_nothing() -> None:
    scanner = PatternScanner({"names": []})
    assert not scanner
    assert scanner.scan(b"cyzfc.dat") == []


def test_that_there_are_more_places_than_asked_for_is_told() -> None:
    scanner = PatternScanner({"word": ['"word"']}, most=3)
    (three,), (four,) = scanner.scan(b"word" * 3), scanner.scan(b"word" * 4)
    assert (three.places, three.more) == ([(0, 4), (4, 4), (8, 4)], False)
    assert (four.places, four.more) == (three.places, True)


def test_a_pattern_that_does_not_compile_is_named_with_the_engines_words() -> None:
    with pytest.raises(PatternError, match="broken: ") as caught:
        PatternScanner({"fine": ['"a word"'], "broken": ["/(unclosed/"]})
    assert caught.value.name == "broken"
    assert "syntax error" in caught.value.why


def test_bytes_that_the_engine_gives_up_on_are_a_failed_scan() -> None:
    scanner = PatternScanner({"word": ['"word"']})

    class GivesUp:
        def match(self, **_: object) -> None:
            import boreal

            raise boreal.TimeoutError("timed out")

    scanner._scanner = GivesUp()  # type: ignore[assignment]
    with pytest.raises(ScanFailed, match="timed out"):
        scanner.scan(b"word")


def test_only_the_engines_package_knows_which_engine_it_is() -> None:
    root = Path(__file__).parents[3] / "agent"
    knowing = {
        path.relative_to(root).parts[0]
        for path in root.rglob("*.py")
        if "import boreal" in path.read_text(encoding="utf-8")
    }
    assert knowing == {"engine"}
