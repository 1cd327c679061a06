"""Whether anything is in a hive that is worth a closer look, by one look at its bytes.

The file and its logs are scanned as they lie there, and beside them what lies together only when
the logs are laid over the hive, or when the pieces of a long value are joined
(``formats/hive_edges.py``). Nothing is parsed. Text that hides something (a caret in a word, base64
of a command) is read as the command line that it may be: if none of that is looked for either, the
hive holds nothing.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import TYPE_CHECKING
from urllib.parse import unquote

from ...formats import FormatError
from ...formats.hive import Hive
from ...formats.hive_cells import PAGE, Bins, wide
from ...formats.hive_edges import MOST_REACH, Extract, PageEdges, ValueEdges, laid_at
from ...formats.hive_logs import BASE_BLOCK, replayed
from ...matching.hidden_commands import HIDES_TEXT, decoded_pieces, readings
from ...matching.record_rules import marker

if TYPE_CHECKING:
    from ...formats.paged import Bytes
    from ...matching.byte_rules import Marks
    from ...matching.record_rules import RecordRules

WINDOW = 512 << 10
"""Bytes that are scanned at once; whole pages."""
_BETWEEN = bytes(8)
NAME_OF_A_KEY = 80
"""Bytes before it in its cell, the four of the cell's size among them."""
MOST_OF_EDGES = 16 << 20
"""Bytes that are held of what lies beside edges of pages: of 30 MB of a log, each page alone."""
MAX_LINE = 64 << 10
"""Bytes of a command line, on either side of what shows that it hides something."""
MAX_LINES = 1000
"""Of a hive; one with more is looked at more closely."""

TRUSTED_DOCUMENTS = marker("/TrustRecords/", 12)
"""The key in which Office keeps names with their blanks written as in a URL."""
ENCODED_IN_A_TASK = marker(
    r"/(p\x00o\x00w\x00e\x00r\x00s\x00h\x00e\x00l\x00l\x00|p\x00w\x00s\x00h\x00)"
    r"(\x2e\x00e\x00x\x00e\x00)?(\x22\x00)?[\x00-\xff]{2}\x00\x00[\x2d\x2f]\x00e\x00/ nocase",
    40,
)
"""Of a task whose arguments begin with ``-e``: between it and the program stands their length."""
LONG_VALUE = marker(r"/[\x00\xff]db/", 3)
"""The record of a value in pieces, and the last byte of its cell's size."""
MARKERS = (LONG_VALUE, TRUSTED_DOCUMENTS, *HIDES_TEXT, ENCODED_IN_A_TASK)
_LONG_VALUE, _TRUSTED_DOCUMENTS = 0, 1


class Glance:
    """At one hive."""

    def __init__(self, hive: Bytes, logs: Sequence[Bytes], rules: RecordRules) -> None:
        """``rules``: those of :data:`MARKERS`."""
        self._file, self._logs, self._rules = hive, logs, rules
        self._reach = min(rules.overlap or MOST_REACH, MOST_REACH)
        self._edges = PageEdges(self._reach, MOST_OF_EDGES)
        self.replay = replayed(hive, logs, quick=True, told=self._edges.note)
        """Which of its entries are whole is known as far as that matters to a look at its bytes."""
        self._bins = Bins(self.replay.hive)
        self._lines: dict[int, tuple[Bytes, range]] = {}
        """The last that was read at an even and at an odd position: where it lies."""
        self._read = 0

    def anything(self) -> bool:
        """Whether anything is there, or may be.

        Raises ScanFailed.
        """
        overlap = self._rules.overlap
        if overlap is None or overlap > MOST_REACH or self._edges.too_many:
            return True
        before: list[int] = []
        after: list[int] = []
        trusted: list[int] = []
        for whole in (self._file, *self._logs):
            for at, window in self._windows(whole):
                marks = self._rules.marked(window)
                if marks is None or self._hides(marks, [Extract(window, whole, at)]):
                    return True
                heads = [at + place + 1 for place, _ in marks.get(_LONG_VALUE, ())]
                names = [at + place for place, _ in marks.get(_TRUSTED_DOCUMENTS, ())]
                if whole is self._file:
                    before += heads
                    trusted += names
                else:
                    after += laid_at(self.replay.laid, whole, heads)
                    trusted += laid_at(self.replay.laid, whole, names)
        return self._trusts(trusted) or self._over_edges(before, after)

    def missing(self) -> str:
        """As :func:`~agent.formats.hive_cells.missing_in`, once all was looked at."""
        laid = {page.offset: (log, page) for log, pages in self.replay.laid for page in pages}
        for log, page in laid.values():
            into = -page.offset % PAGE
            start = BASE_BLOCK + page.offset + into
            self._bins.show(log[page.at + into : page.at + page.size], start)
        return self._bins.missing()

    def _windows(self, whole: Bytes) -> Iterator[tuple[int, bytes]]:
        """Each with where it begins. Nothing need stand before it: no whole words are asked for."""
        if isinstance(whole, bytes):
            if whole is self._file:
                self._bins.show(whole, 0)
            yield 0, whole
            return
        for at in range(0, len(whole), WINDOW):
            window = whole[at : at + WINDOW + self._reach]
            if whole is self._file:
                self._bins.show(window, at)
            yield at, window

    def _over_edges(self, before: list[int], after: list[int]) -> bool:
        hive = self.replay.hive
        if any(map(self._occurs, _batches(Extract(b, hive, at) for at, b in self._edges.found))):
            return True
        states = [(self._file, before)]
        if hive is not self._file:
            states.append((hive, [*before, *after]))
        for state, heads in states:
            edges = ValueEdges(state, self._reach)
            if any(map(self._occurs, _batches(edges.of(heads)))) or edges.too_many:
                return True
        return False

    def _occurs(self, extracts: Sequence[Extract]) -> bool:
        marks = self._rules.marked(_BETWEEN.join(one.data for one in extracts))
        return marks is None or self._hides(marks, extracts)

    # ---- what is hidden

    def _hides(self, marks: Marks, extracts: Sequence[Extract]) -> bool:
        """Whether text that hides something hides what is looked for; the marks are in these, one
        behind the other."""
        places = sorted(
            at + length - 2
            for number, found in marks.items()
            if number > _TRUSTED_DOCUMENTS
            for at, length in found
        )
        start, which = 0, 0
        for place in places:
            while place >= start + len(extracts[which].data) + len(_BETWEEN):
                start += len(extracts[which].data) + len(_BETWEEN)
                which += 1
            _, where, at = extracts[which]
            if self._hides_in_line(where, at + place - start):
                return True
        return False

    def _hides_in_line(self, where: Bytes, at: int) -> bool:
        same, line = self._lines.get(at & 1, (None, range(0)))
        if same is where and at in line:
            return False
        self._read += 1
        if self._read > MAX_LINES:
            return True
        start, data = _line_around(where, at)
        self._lines[at & 1] = where, range(start, start + len(data))
        try:
            return any(self._rules.marked(hidden) is None for hidden in _hidden_in(wide(data)))
        except FormatError:
            return True  # more than is decoded of a command line

    def _trusts(self, names: Sequence[int]) -> bool:
        """Whether Office trusts a document that is looked for; ``names``: where those of keys may
        stand."""
        if not names:
            return False
        try:
            hive = Hive(self.replay.hive)
        except FormatError:
            return False
        return any(
            self._rules.marked(unquote(name).encode("utf-16-le", "surrogatepass")) is None
            for at in set(names)
            for name in _names_of_values(hive, at - NAME_OF_A_KEY - BASE_BLOCK)
        )


def _names_of_values(hive: Hive, offset: int) -> Iterator[str]:
    """Of the key at an offset; none if there is no such key."""
    try:
        key = hive.cells.key(offset)
    except FormatError:
        return
    for value in hive.value_offsets(offset, key):
        found = hive.read_value(value)
        if found is not None:
            yield found.name


def _batches(extracts: Iterable[Extract]) -> Iterator[list[Extract]]:
    """Together no longer than a window, or one."""
    batch: list[Extract] = []
    size = 0
    for one in extracts:
        if batch and size + len(one.data) > WINDOW:
            yield batch
            batch, size = [], 0
        batch.append(one)
        size += len(one.data) + len(_BETWEEN)
    if batch:
        yield batch


def _line_around(where: Bytes, at: int) -> tuple[int, bytes]:
    """The text in UTF-16 around a position up to the nearest NULs, and where it begins."""
    first = max(at & 1, at - MAX_LINE)
    data = where[first : at + MAX_LINE]
    start = end = at - first
    while (start := data.rfind(b"\0\0", 0, start + 1)) >= 0 and (start ^ at - first) & 1:
        pass
    while (end := data.find(b"\0\0", end)) >= 0 and (end ^ at - first) & 1:
        end += 1
    start = start + 2 if start >= 0 else 0
    return first + start, data[start : end if end >= 0 else len(data)]


def _hidden_in(line: str) -> Iterator[bytes]:
    """Raises FormatError."""
    for reading in readings(line)[1:]:
        yield reading.text.encode("utf-16-le", "surrogatepass")
    yield from decoded_pieces(line)
