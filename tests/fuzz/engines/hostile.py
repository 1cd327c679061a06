"""Inputs of an attacker for the built-in pack's patterns: nothing may crash, hang or eat memory.

A child makes and scans one input after the other; its number says all about it (with the run's
seed), so that none is ever stored. The parent ends a child that does not come back, notes the kind
of the input, and starts another one behind it.
"""

from __future__ import annotations

import mmap
import multiprocessing
import os
import random
import resource
import signal
import struct
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

from agent.engine.patterns import patterns_of
from agent.engine.scanner import PatternScanner
from agent.indicators import CommandLine, Content, FileName, Indicator
from agent.ntfs.patterns import least_patterns, name_patterns, size_patterns, stream_patterns
from agent.packs.built_in import built_in_packs
from tests.evidence.files import campaign_link, dll

from .counting import Counts, Limit
from .packs import FIELDS
from .reference import Reference, sample
from .scanners import yara_x_places

HANG_S = 5
"""Of processor time, for one input of at most a MiB."""
ASLEEP_S = 600
"""Without an end to any input."""
MEMORY = 1 << 30
"""Bytes that the child may take beyond what it has at the start."""
COMPARED = 1 << 15
"""Bytes up to which YARA-X is asked too."""
_STATE = struct.Struct("<QQd")
"""The number of the input at hand, its kind, and the child's own seconds of processor time when
it began with it (time that it was paused is not its own); 0.0: between two inputs."""
_LARGEST = 1 << 20
_SLOW_S = 1.0
_ASKED = 16
"""Each so-maniest input of a kind and pack is YARA-X asked about, which is slower."""


# ---- Patterns


def built_in() -> list[str]:
    """All declarations of the built-in packs, and the $MFT's for their names."""
    indicators = [i for pack in built_in_packs() for i in pack.file.indicators]
    names = [i.value.upper() for i in indicators if isinstance(i, FileName) and "*" not in i.value]
    found = [f for i in indicators for pattern in patterns_of(i) for f in pattern.forms]
    return [
        *found, *name_patterns(names, ()), *size_patterns({301_568, 8192, 97}, 1024),
        *least_patterns(1 << 20), *stream_patterns(),
    ]  # fmt: skip


def shapes() -> list[str]:
    """Our shapes at their worst: many repeats, and letters that overlap."""
    indicators: list[Indicator] = [
        FileName(value="*evil*.d?t", **FIELDS),
        FileName(value="a*a*b", **FIELDS),
        FileName(value="?????????x", **FIELDS),
        CommandLine(value="a a a b", **FIELDS),
        CommandLine(value=["aa", "ab"], **FIELDS),
        Content(value="a{1,200}b", match="regex", **FIELDS),
        Content(value="Users\\\\[^\\\\]{1,20}\\\\", match="regex", **FIELDS),
        Content(value="ab.{0,64}c", match="regex", **FIELDS),
        Content(value="счёт.exe", **FIELDS),
    ]
    return [f for i in indicators for pattern in patterns_of(i) for f in pattern.forms]


class Compiled(NamedTuple):
    """Declarations as the agent has them; and YARA-X, which tells the first place of each."""

    references: list[Reference]
    ours: PatternScanner
    theirs: Callable[[bytes], dict[int, int]]


def compiled(forms: list[str]) -> Compiled:
    """By both engines."""
    strings = "\n".join(f"$p{number} = {form}" for number, form in enumerate(forms))
    scan = yara_x_places(f"rule r {{ strings: {strings} condition: any of them }}")
    ours = PatternScanner({str(n): [form] for n, form in enumerate(forms)}, most=16)
    references = [Reference(form) for form in forms]
    return Compiled(
        references, ours, lambda data: {int(p[1:]): found[0][0] for _, p, found in scan(data)}
    )


def _differing(pack: Compiled, data: bytes, ours: dict[int, int]) -> Iterator[str]:
    """Who is wrong about the first place of each declaration, by the reference's judgement."""
    theirs = pack.theirs(data)
    for number in ours.keys() | theirs.keys():
        mine, other = ours.get(number, len(data)), theirs.get(number, len(data))
        if mine != other:
            lengths = pack.references[number].lengths(data, min(mine, other))
            if lengths and other < mine < other + max(lengths):
                yield "first place, boreal's is a later one that overlaps"
                continue
            right = "boreal" if (mine < other) is bool(lengths) else "yara-x"
            yield f"first place, {right} is right"


# ---- Inputs

_RUNS = (
    b"a",
    b"\0",
    b"ab",
    b"evil",
    b"a ",
    b"a\0",
    b"e\0v\0i\0l\0",
    b"\x80\0\0\0",
    b"cyzfc.dat",
    b"rundll32 ",
    b"aa'",
    b"\\",
    b"Users\\a\\",
    b"\xff",
)


def _mutated(seed: bytes, chosen: random.Random) -> bytes:
    """Bytes changed, pieces lost, doubled or taken from elsewhere."""
    data = bytearray(seed)
    for _ in range(chosen.choice((1, 2, 4, 16))):
        at = chosen.randrange(len(data) or 1)
        turn = chosen.randrange(6)
        piece = chosen.randbytes(chosen.choice((1, 2, 4, 8)))
        if turn < 3:
            data[at : at + len(piece)] = piece
        elif turn == 3:
            del data[at : at + chosen.choice((1, 16, 512))]
        elif turn == 4:
            data[at:at] = data[: chosen.choice((1, 64, 1024))]
        else:
            data[at : at + 4] = chosen.choice(
                (b"\xff\xff\xff\xff", b"\0\0\0\0", b"\0\0\0\x80", b"\xff\xff\xff\x7f")
            )
    return bytes(data)


class Hostile:
    """Input after input, each told by its number alone."""

    def __init__(self, seed: int, forms: list[str]) -> None:
        self._seed = seed
        chosen = random.Random(seed)
        self._portable = [
            dll(size=6144),
            dll(("a", "b"), size=8192, machine=0x14C, original_name="x.dll"),
            dll(size=20_480),
        ]
        whole = campaign_link()
        self._links = [*[whole[:3000]] * 50, whole[:900], whole]
        references = [Reference(form) for form in forms]
        self._samples = [
            s for r in references for _ in range(4) if len(s := sample(r, chosen)) < 4096
        ]
        self._samples += [bytes(b for byte in s for b in (byte, 0)) for s in self._samples]

    def samples(self) -> list[bytes]:
        """What the patterns match, in both encodings."""
        return self._samples

    def kinds(self) -> tuple[str, ...]:
        """Names of the makers."""
        return tuple(maker.__name__[1:] for maker in _MAKERS)

    def make(self, number: int) -> tuple[int, bytes]:
        """Kind and bytes."""
        chosen = random.Random(self._seed << 40 | number)
        kind = number % len(_MAKERS)
        return kind, _MAKERS[kind](self, chosen)[:_LARGEST]

    def _pe(self, chosen: random.Random) -> bytes:
        return _mutated(chosen.choice(self._portable), chosen)

    def _link(self, chosen: random.Random) -> bytes:
        return _mutated(chosen.choice(self._links), chosen)

    def _random(self, chosen: random.Random) -> bytes:
        return chosen.randbytes(chosen.choice((0, 1, 2, 100, 1000, 5000)))

    def _repeats(self, chosen: random.Random) -> bytes:
        run = chosen.choice((*_RUNS, chosen.choice(self._samples) or b"a"))
        size = chosen.choice((1, 63, 64, 65, 200, 201, 1000, 5000))
        return run * (size // len(run) + 1) + chosen.choice(
            (b"b", b"", b"x", chosen.choice(self._samples))
        )

    def _near(self, chosen: random.Random) -> bytes:
        pieces = [chosen.choice(self._samples) for _ in range(chosen.choice((1, 4, 40)))]
        return _mutated(b"".join(pieces) or b"a", chosen)

    def _huge(self, chosen: random.Random) -> bytes:
        if chosen.randrange(100):
            return self._repeats(chosen)
        run = chosen.choice((*_RUNS, chosen.choice(self._samples) or b"a"))
        return run * (_LARGEST // len(run)) + chosen.choice(self._samples)


_MAKERS = (
    Hostile._pe,
    Hostile._link,
    Hostile._random,
    Hostile._repeats,
    Hostile._near,
    Hostile._huge,
)


# ---- Child and watchdog


def _work(
    packs: Sequence[Compiled], inputs: Hostile, state: mmap.mmap, told: int, first: int, end: int
) -> None:
    """Scan inputs ``first`` to ``end``; differences and slow ones go to the pipe as kinds."""
    used = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss << 10
    resource.setrlimit(resource.RLIMIT_DATA, (used + MEMORY, used + MEMORY))
    for number in range(first, end):
        kind, data = inputs.make(number)
        pack = packs[number // len(_MAKERS) % 2]
        started = time.process_time()
        _STATE.pack_into(state, 0, number, kind, started)
        found = pack.ours.scan(data)
        taken = time.process_time() - started
        _STATE.pack_into(state, 0, number + 1, kind, 0.0)
        if taken > _SLOW_S:
            os.write(told, f"slow: {inputs.kinds()[kind]}, {taken:.0f} s\n".encode())
        if len(data) <= COMPARED and number // len(_MAKERS) // 2 % _ASKED == 0:
            _STATE.pack_into(state, 0, number + 1, kind, 0.0)
            places = {int(o.name): min(at for at, _ in o.places) for o in found}
            for what in _differing(pack, data, places):
                os.write(told, f"number {number}: {what}: {inputs.kinds()[kind]}\n".encode())
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss >> 10
    os.write(told, f"MiB: {peak}\n".encode())


def watch(counts: Counts, limit: Limit) -> None:
    """Until enough inputs are done."""
    first = 0
    packs = [compiled(built_in()), compiled(shapes())]
    inputs = Hostile(counts.seed, built_in() + shapes())
    while first < limit.cases and not limit.reached(counts):
        first = _one_child(packs, inputs, counts, limit, first)
    counts.cases = first


def _one_child(
    packs: Sequence[Compiled], inputs: Hostile, counts: Counts, limit: Limit, first: int
) -> int:
    """Where the next child begins."""
    state = mmap.mmap(-1, _STATE.size)
    _STATE.pack_into(state, 0, first, 0, 0.0)
    heard, told = os.pipe()
    os.set_blocking(heard, False)
    child = multiprocessing.get_context("fork").Process(
        target=_work, args=(packs, inputs, state, told, first, limit.cases)
    )
    child.start()
    os.close(told)
    number = first
    moved = time.monotonic()
    while True:
        child.join(0.25)
        before, (number, kind, since) = number, _STATE.unpack_from(state, 0)
        _hear(heard, counts)
        counts.cases = number
        if child.exitcode is not None:
            if child.exitcode:
                _note(counts, f"died of {_reason(child.exitcode)}: {inputs.kinds()[kind]}")
                number += 1
            break
        moved = time.monotonic() if number != before else moved
        hangs = bool(since) and _used(child.pid) - since > HANG_S
        if hangs or time.monotonic() - moved > ASLEEP_S or limit.reached(counts):
            child.kill()
            child.join()
            if hangs or time.monotonic() - moved > ASLEEP_S:
                _note(counts, f"did not return: {inputs.kinds()[kind]}")
                number += 1
            break
    _hear(heard, counts)
    os.close(heard)
    return int(number)


def _used(process: int | None) -> float:
    """Seconds of processor time (proc(5), ``stat``)."""
    fields = Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def _reason(code: int) -> str:
    return signal.Signals(-code).name if code < 0 else f"exit code {code}"


def _note(counts: Counts, kind: str) -> None:
    counts.differences[kind] += 1
    counts.mattering += 1


def _hear(heard: int, counts: Counts) -> None:
    for line in _lines(heard):
        if line.startswith("MiB: "):
            counts.other["peak MiB"] = max(counts.other["peak MiB"], int(line[5:]))
        elif line.startswith("number "):
            number, _, what = line.partition(": ")
            counts.differences[what] += 1
            if "yara-x is right" in what:
                counts.mattering += 1
                counts.other[f"{what}, {number}"] = 1
        else:
            counts.differences[line] += 1


def _lines(heard: int) -> Iterator[str]:
    try:
        yield from os.read(heard, 1 << 16).decode().splitlines()
    except BlockingIOError:
        return
