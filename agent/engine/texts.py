"""Many exact texts at once: what large packs have of names, hashes, domains and addresses.

The engine's speed falls with each text that it looks for, an Aho-Corasick automaton's hardly does.
Measured over 143 MB of event logs, as files and as pieces of 11 kB, and over 64 bytes, one thread,
texts mixed of names, hashes, domains and addresses:

======  ======================================  ======================================
texts   engine: MB/s, 11 kB, 64 bytes           this: MB/s, 11 kB, 64 bytes
======  ======================================  ======================================
16      3,190     4.8 µs    0.9 µs              1,440     8.8 µs    1.4 µs
250     2,050     8.9 µs    2.8 µs              1,390     8.9 µs    1.4 µs
500     1,420    13.1 µs    4.7 µs              1,390     9.1 µs    1.4 µs
1,000   1,130    19.3 µs    8.5 µs              1,250     9.9 µs    1.4 µs
4,000     522    54.2 µs   32.3 µs              1,140    10.8 µs    1.5 µs
10,000    282     119 µs   78.8 µs              1,040    11.7 µs    1.4 µs
75,000     40     956 µs    586 µs                898    13.2 µs    1.4 µs
======  ======================================  ======================================

Files made against it (nothing but texts of a pack of
75,000, or nothing but what is one in all but its last letter) are searched at 6 to 11 MB/s; the
engine takes 0.6 to 29 for them.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple

from daachorse import DoubleArrayAhoCorasick

LOOKED_UP_FROM = 1_000
"""Exact texts from which on they are searched here: the engine is slower then with every file; with
500 it still is the faster one for large ones."""
PIECE = 256 << 10
"""Bytes looked through at once: what a file full of matches needs in memory is bounded by it. The
interpreter is handed back and asked for once a piece, so it is not smaller."""
_CLOSE = 16 << 10
"""Bytes looked at closely at once, where a piece holds what may be an occurrence."""
_CUT = 16
"""Characters of a text that the automaton knows if no other text begins with them: hashes in full
would make it twice as large."""
_LOWER = bytes(range(256)).lower()
_ALNUM = frozenset(b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz")
_GOES_ON = re.compile(rb"\.*[0-9A-Za-z_~$\-\x80-\xff]")
"""Behind a path, what makes it a longer name. Dots alone do not: Windows drops them, so that
``rundll32 C:\\x\\evil.dat.,Go`` loads the file."""


class ExactText(NamedTuple):
    """A text of ASCII, looked for in any case."""

    key: int
    """Whose it is."""
    text: str
    whole_word: bool
    """Whether it counts only between what is no letter and no digit of ASCII."""


class TextSearcher:
    """Finds exact texts in ASCII and in UTF-16 (little endian). By any thread, several at once.

    Bytes are first looked through without their zeros, where both encodings are the same text: no
    occurrence is lost by it, some come into being. Only pieces that hold one are looked at closely.
    """

    def __init__(self, texts: Sequence[ExactText]) -> None:
        """Raises ValueError for a text that is empty, not all ASCII, or holds a zero."""
        owners: dict[bytes, list[tuple[int, bool]]] = {}
        for one in texts:
            if not one.text or not one.text.isascii() or "\0" in one.text:
                raise ValueError(f"not a text of ASCII: {one.text!r}")
            folded = one.text.lower().encode("ascii")
            owners.setdefault(folded, []).append((one.key, one.whole_word))
        begins = Counter(text[:_CUT] for text in owners)
        self._texts = list(owners.items())
        """Folded, with the keys that ask for it and whether as a whole word."""
        self._automaton = (
            DoubleArrayAhoCorasick(
                [text if begins[text[:_CUT]] > 1 else text[:_CUT] for text in owners]
            )
            if owners
            else None
        )
        self.longest = 2 * max(map(len, owners), default=0)
        """Bytes of the longest occurrence."""

    def scan(self, data: bytes, begin: int = 0) -> dict[int, tuple[int, int]]:
        """By key the first place, offset and length in bytes, that begins at ``begin`` or later."""
        found: dict[int, tuple[int, int]] = {}
        for first, last in _cut(begin, len(data), PIECE):
            if self._may_hold(data, first, last, found):
                for closer in _cut(first, last, max(_CLOSE, 2 * self.longest)):
                    if self._may_hold(data, *closer, found):
                        self._look_closely(data, *closer, found)
        return found

    def _may_hold(
        self, data: bytes, first: int, last: int, found: dict[int, tuple[int, int]]
    ) -> bool:
        """Whether a text that is not yet found may begin between these offsets."""
        if self._automaton is None:
            return False
        joined = data[first : last + self.longest].translate(_LOWER, b"\0")
        numbers = {number for _, _, number in self._automaton.find_overlapping(joined)}
        return any(key not in found for number in numbers for key, _ in self._texts[number][1])

    def _look_closely(
        self, data: bytes, first: int, last: int, found: dict[int, tuple[int, int]]
    ) -> None:
        for number, start, wide in self._occurrences(data, first, last):
            text, owners = self._texts[number]
            length = 2 * len(text) if wide else len(text)
            for key, whole_word in owners:
                if key in found and found[key][0] <= start:
                    continue
                if not whole_word or _stands_alone(data, start, start + length, wide=wide):
                    found[key] = (start, length)

    def _occurrences(self, data: bytes, first: int, last: int) -> Iterator[tuple[int, int, bool]]:
        """Number of each text that begins between these offsets, where, and whether in UTF-16."""
        assert self._automaton is not None
        lower = data[first : last + self.longest].lower()
        for phase in (0, 1):
            # UTF-16, of which every second byte is a zero.
            every_second = lower[phase::2]
            zeros = lower[phase + 1 :: 2]
            for at, _, number in self._automaton.find_overlapping(every_second):
                text = self._texts[number][0]
                start = first + phase + 2 * at
                if (
                    start < last
                    and zeros.startswith(bytes(len(text)), at)
                    and every_second.startswith(text, at)
                ):
                    yield number, start, True
        for at, _, number in self._automaton.find_overlapping(lower):
            text = self._texts[number][0]
            if first + at < last and lower.startswith(text, at):
                yield number, first + at, False


class Within:
    """Whether any of some texts stands in another one."""

    def __init__(self, texts: Iterable[str]) -> None:
        kept = sorted({_bytes(text) for text in texts if text})
        self._automaton = DoubleArrayAhoCorasick(kept) if kept else None

    def __call__(self, text: str) -> bool:
        return self._automaton is not None and bool(self._automaton.find(_bytes(text)))


def shortest(texts: Iterable[str]) -> list[str]:
    """Those that hold none of the others, shorter ones first: where one of all occurs, one of them
    does."""
    by_length = sorted({text for text in texts if text}, key=lambda text: (len(text), text))
    if not by_length:
        return []
    automaton = DoubleArrayAhoCorasick([_bytes(text) for text in by_length])
    return [
        text
        for number, text in enumerate(by_length)
        if all(found == number for *_, found in automaton.find_overlapping(_bytes(text)))
    ]


class PathsWithin:
    """Which of many paths stand in a text, each in full: what goes on as a longer name is another.

    A text is looked through once, however many paths there are.
    """

    def __init__(self, paths: Iterable[str]) -> None:
        """``paths``: not empty, folded as the texts are."""
        self._paths = list(dict.fromkeys(paths))
        encoded = [_bytes(path) for path in self._paths]
        self._automaton = DoubleArrayAhoCorasick(encoded) if encoded else None

    def of(self, text: str) -> list[str]:
        """Those in a text, each once, in the order in which they end."""
        if self._automaton is None:
            return []
        data = _bytes(text)
        found = self._automaton.find_overlapping(data)
        return list(
            dict.fromkeys(
                self._paths[number] for _, end, number in found if not _GOES_ON.match(data, end)
            )
        )


def _bytes(text: str) -> bytes:
    return text.encode("utf-8", "surrogatepass")


def _cut(first: int, last: int, size: int) -> Iterator[tuple[int, int]]:
    for at in range(first, last, size):
        yield at, min(at + size, last)


def _stands_alone(data: bytes, start: int, end: int, *, wide: bool) -> bool:
    """As ``fullword`` of YARA: beside it is no letter and no digit, each with a zero in UTF-16."""
    if not wide:
        before, after = data[start - 1 : start] if start else b"", data[end : end + 1]
        return not (_is_alnum(before) or _is_alnum(after))
    before = data[start - 2 : start] if start > 1 else b""
    after = data[end : end + 2]
    return not (
        (before[1:] == b"\0" and _is_alnum(before)) or (after[1:] == b"\0" and _is_alnum(after))
    )


def _is_alnum(character: bytes) -> bool:
    return bool(character) and character[0] in _ALNUM
