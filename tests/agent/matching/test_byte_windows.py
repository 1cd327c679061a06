"""A file that is looked at in windows says what it says in one piece, wherever they are cut."""

from __future__ import annotations

import hashlib
import io
import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.indicators import CommandLine, Content, FileHash, FileName, Indicator
from agent.matching.byte_rules import ByteRules, WindowedScan
from agent.matching.matcher import Matcher
from agent.reading.opening import windows
from agent.sources.files import facts as file_facts
from agent.sources.files.facts import FileReader, Limits
from tests.evidence.packs import stated

COMMON = stated()
INDICATORS: list[Indicator] = [
    FileName(id="name", value="cyzfc.dat", **COMMON),
    FileName(id="glob", value="ds70*.zip", **COMMON),
    CommandLine(id="line", value=["rundll32 cyzfc.dat", "PointFunctionCall"], **COMMON),
    Content(id="text", value="$stage0", **COMMON),
    Content(id="hex", value="deadbeef00c0ffee", match="hex", **COMMON),
]
RULES = ByteRules(INDICATORS)
PIECES = [
    b'rundll32 "cyzfc.dat",PointFunctionCall',
    "cyzfc.dat".encode("utf-16-le"),
    b"DS7002.zip",
    b"$STAGE0",
    bytes.fromhex("deadbeef00c0ffee"),
    b" ",
    b"x",
    b"\0",
    bytes(40),
]


@given(st.lists(st.sampled_from(PIECES), max_size=30), st.integers(1, 300))
def test_windows_find_what_the_whole_holds(pieces: list[bytes], step: int) -> None:
    data = b"".join(pieces)
    assert RULES.overlap is not None
    scan, at = WindowedScan(RULES), 0
    for window, new in windows(io.BytesIO(data), data[:step], len(data), step, RULES.overlap):
        scan.window(window, at - new)
        at += len(window) - new
    assert at == len(data)
    assert [(h.indicator, h.offset) for h in scan.hits()] == [
        (h.indicator, h.offset) for h in RULES.scan(data)
    ]


class InDrops(io.BytesIO):
    """Gives less than it is asked for, as a network may."""

    def read(self, size: int | None = -1) -> bytes:
        return super().read(7 if size is None or size < 0 else min(7, size))


@pytest.mark.parametrize("kind", [io.BytesIO, InDrops])
@pytest.mark.parametrize("claimed", [0, 50, 100, 1000])
@pytest.mark.parametrize("overlap", [0, 3, 40])
def test_the_windows_of_a_file_are_its_bytes_whatever_its_size_is_said_to_be(
    kind: type[io.BytesIO], claimed: int, overlap: int
) -> None:
    data = random.Random(3).randbytes(100)
    whole, seen = b"", 0
    for window, new in windows(kind(data), data[:20], claimed, 20, overlap):
        assert len(window) <= 20 + overlap
        assert data[seen - new : seen - new + len(window)] == window
        whole += window[new:]
        seen += len(window) - new
    if claimed == 50 and kind is io.BytesIO:
        assert whole == data[:50], "just so many came: the end is believed"
    else:
        assert whole == data


class Watched(io.BytesIO):
    """Knows how much each read gave."""

    def __init__(self, data: bytes) -> None:
        super().__init__(data)
        self.reads: list[int] = []

    def read(self, size: int | None = -1) -> bytes:
        found = super().read(size)
        self.reads.append(len(found))
        return found


def test_a_large_file_is_read_in_windows_and_nothing_is_lost_at_a_cut(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(file_facts, "WINDOW", 1000)
    for place in range(980, 1003):
        data = bytearray(random.Random(place).randbytes(5000))
        data[place : place + 11] = b" cyzfc.dat "
        sha1 = hashlib.sha1(data, usedforsecurity=False).hexdigest()
        known = FileHash(id="h", value=sha1, **COMMON)
        matcher = Matcher([*INDICATORS, known], thorough=True)
        file = Watched(bytes(data))
        reader = FileReader(matcher, Limits(6000))
        opened = matcher.selector.file_indicators("x.bin", len(data), named=False)
        facts = reader.look(file, len(data), opened, named=False)
        assert [(h.indicator, h.offset) for h in facts.contents] == [("name", place + 1)]
        assert facts.hash is not None
        assert facts.hash.sha1 == sha1
        assert facts.data == bytes(data), "what hit is there to be told from the agent's own"
        assert max(file.reads[:-1]) <= 1000 + (matcher.overlap or 0)
        assert facts.bytes_read == len(data)
