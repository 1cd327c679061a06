"""Inputs for one pack: what its patterns match, nearly match, cut, repeated and in a row."""

from __future__ import annotations

import random
from collections.abc import Iterator

from .packs import Pack
from .reference import Reference, sample

_BESIDE = (
    b"",
    b"a",
    b"Z",
    b"_",
    b"0",
    b" ",
    b"\0",
    b"\0\0",
    b"a\0",
    b"_\0",
    b".\0",
    b"\x16\x04",
    b"\n",
    b"\xff",
    b"\xc3\xa9",
)
_NOISE = (
    b"",
    b"ab",
    b"\0" * 7,
    b"a" * 40,
    b"ab" * 20,
    b"a\0b\0",
    b"\x80\0\0\0",
    b"The quick brown fox ",
    bytes(range(256)),
)
_POOL = 160
LONG = 1500
"""Bytes; some expressions take an engine quadratic time."""


class Inputs:
    """A pool of pieces made once for a pack, and inputs put together of them, fast."""

    def __init__(self, pack: Pack, chosen: random.Random, *, size: int = _POOL) -> None:
        """``size``: of the pool."""
        self._chosen = chosen
        references = [pattern.reference for pattern in pack.patterns]
        pool = [*_BESIDE, *_NOISE]
        for _ in range(size):
            pool += _pieces(chosen.choice(references), chosen)
        self._pool = [piece for piece in pool if len(piece) <= LONG]

    def __iter__(self) -> Iterator[bytes]:
        """Without end. Now and then every cut of one input, one after the other."""
        chosen, pool = self._chosen, self._pool
        yield b""
        while True:
            data = b"".join(chosen.choices(pool, k=chosen.randint(1, 6)))
            turn = chosen.randrange(64)
            if turn == 0 and len(data) <= 200:
                yield from _cuts(data)
            elif turn == 1:
                filler = chosen.choice(
                    (b"\0", b"a", b"x ", b"a\0", b"\xff", chosen.choice(pool) or b"-")
                )
                room = chosen.randrange(LONG)
                data = data + (filler * (room // len(filler) + 1))[:room] + data
            elif turn == 2:
                data = data * chosen.randint(2, 30)
            yield data[: 2 * LONG]


def _cuts(data: bytes) -> Iterator[bytes]:
    """Windows that begin or end at each byte."""
    for at in range(len(data)):
        yield data[at:]
        yield data[:at]


def _pieces(reference: Reference, chosen: random.Random) -> Iterator[bytes]:
    plain = sample(reference, chosen)[: LONG // 4]
    if reference.nocase:
        plain = chosen.choice((plain, plain.upper(), plain.lower(), plain.swapcase()))
    forms = [plain] if reference.ascii else []
    if reference.wide:
        forms.append(b"".join(bytes([byte, 0]) for byte in plain))
    one = chosen.choice(forms)
    yield one
    yield _damaged(one, chosen)
    at = chosen.randint(0, len(one))
    yield chosen.choice((one[:at], one[at:], one[:at] + one, one + one[at:], one[at:] + one[:at]))
    yield chosen.choice(_BESIDE) + one + chosen.choice(_BESIDE)


def _damaged(data: bytes, chosen: random.Random) -> bytes:
    """One byte lost, doubled or another."""
    if not data:
        return b"\0"
    at = chosen.randrange(len(data))
    middle = (b"", data[at : at + 1] * 2, bytes([chosen.randrange(256)]), bytes([data[at] ^ 0x20]))
    return data[:at] + chosen.choice(middle) + data[at + 1 :]
