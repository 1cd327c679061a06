"""What cannot match, cheaply: names by the folder, files by name and size, still closed."""

from __future__ import annotations

import sys
from bisect import bisect_right
from collections.abc import Iterable, Iterator, Sequence

from ..indicators import (
    Certificate,
    Content,
    FileHash,
    FileIndicator,
    FileName,
    FilePath,
    Gate,
    Indicator,
    Layout,
    LnkTrait,
    PeTrait,
)
from ..reading.openings import MAX_HEAD, Opening
from ..spelling import (
    COPY_SIGNS,
    base_name,
    extension_of,
    fold,
    glob_regex,
    is_glob,
    originals_of_copy,
)
from .gates import Grouped, magic_of
from .look_ups import Paths

_CERTIFICATE_GATE = Gate(max_size=65536, extensions=[".cer", ".crt", ".der", ".pem"])


def gate_of(indicator: FileIndicator) -> Gate:
    """What a file must be to be opened for this indicator."""
    return _CERTIFICATE_GATE if isinstance(indicator, Certificate) else indicator.gate


class Selector:
    """Tells what is worth a closer look, for a set of indicators."""

    def __init__(self, indicators: Sequence[Indicator], *, everything: bool = False) -> None:
        """``everything``: every file is opened for every indicator."""
        self._everything = everything
        self._index_names(indicators)
        self._file_indicators = tuple(_openers(indicators))
        gates = [gate_of(indicator) for indicator in self._file_indicators]
        self.asks_for_files = bool(gates or self._wanted_exact or self._wanted_globs)
        """Whether any indicator is about a file: then one that stays closed is a gap."""
        self._openers = Grouped(zip(gates, self._file_indicators, strict=True))
        self.programs = tuple(
            i for i in self._file_indicators if isinstance(i, PeTrait) and i.any_size
        )
        """What a program is opened for where users can write, whatever its name and size."""
        self._opened: dict[tuple[int, ...], tuple[FileIndicator, ...]] = {}
        """By the gates that a name and a size pass."""
        self._extensions = frozenset(e for g in gates for e in g.extensions)
        self._steps = sorted({size for gate in gates for size in _steps(gate)})
        self._passed: dict[tuple[str | None, int], tuple[int, ...]] = {}
        """By extension, None for one that no gate asks for, and how many of the steps a size has
        reached, -1 for one that is not known: the gates that are passed."""
        self.exact_sizes = frozenset(g.size for g in gates if g.size is not None)
        self.smallest_min_size = min(
            (g.min_size for g in gates if g.min_size is not None and not g.extensions),
            default=sys.maxsize,
        )
        self.extensions = frozenset(e for g in gates for e in g.extensions if g.size is None)

    @property
    def openings(self) -> tuple[Opening, ...]:
        """What the gates ask of a file's size, extension and first bytes; all that it says opens it
        for :meth:`file_indicators` too."""
        return tuple(dict.fromkeys(map(opening_of, filter(_is_open, self._openers.gates))))

    @property
    def gates(self) -> list[tuple[Gate, tuple[FileIndicator, ...]]]:
        """Each gate, with the indicators behind it, of hashes one for all that are alike."""
        return [(gate, self._openers.behind((n,))) for n, gate in enumerate(self._openers.gates)]

    def gates_passed(self, name: str, size: int | None) -> tuple[int, ...]:
        """Numbers of the gates that a file of this name and size passes, still closed; ``size``:
        as :meth:`file_indicators`."""
        extension = extension_of(name)
        key = (
            extension if extension in self._extensions else None,
            -1 if size is None else bisect_right(self._steps, size),
        )
        passed = self._passed.get(key)
        if passed is None:
            passed = self._passed[key] = tuple(
                number
                for number, gate in enumerate(self._openers.gates)
                if _opens(gate, extension, size)
            )
        return passed

    def _index_names(self, indicators: Sequence[Indicator]) -> None:
        names = [i for i in indicators if isinstance(i, FileName)]
        paths = [i for i in indicators if isinstance(i, FilePath)]
        self.exact: dict[str, list[FileName]] = {}
        """Names without wildcards, folded."""
        for name in names:
            if not is_glob(name.value):
                self.exact.setdefault(fold(name.value), []).append(name)
        self.globs = [(i, glob_regex(i.value)) for i in names if is_glob(i.value)]
        self.paths = Paths(paths)
        ends = [fold(base_name(i.value)) for i in paths]
        self._wanted_exact = frozenset(self.exact) | {e for e in ends if not is_glob(e)}
        globs = [i.value for i, _ in self.globs] + [e for e in ends if is_glob(e)]
        self._wanted_globs = [glob_regex(glob) for glob in globs]
        self._glob_letters = [max(fold(g).replace("?", "*").split("*"), key=len) for g in globs]

    def matching_names(self, names: Sequence[str]) -> list[str]:
        """Those of a folder's names that a name or path indicator is about. Fast: called per
        folder.
        """
        joined = "\n".join(names)
        folded = (joined.upper() if joined.isascii() else fold(joined)).split("\n")
        if len(folded) != len(names):
            folded = [fold(name) for name in names]  # a line feed in a name (POSIX allows it)
        candidates = not self._wanted_exact.isdisjoint(folded)
        whole = "" if candidates else "\n".join(folded)
        if not candidates and any(sign in whole for sign in COPY_SIGNS):
            candidates = any(map(self._is_copy, folded))
        if not candidates and self._wanted_globs:
            candidates = any(letters in whole for letters in self._glob_letters)
        if not candidates:
            return []
        return [name for name, own in zip(names, folded, strict=True) if self._is_wanted(own)]

    @property
    def exact_names(self) -> frozenset[str]:
        """All names without wildcards that ``matching_names`` knows, folded."""
        return self._wanted_exact

    @property
    def literal_parts(self) -> tuple[str, ...]:
        """For each wildcard that ``matching_names`` knows, a text that its names hold, folded."""
        return tuple(self._glob_letters)

    def _is_copy(self, folded: str) -> bool:
        return any(sign in folded for sign in COPY_SIGNS) and not self._wanted_exact.isdisjoint(
            originals_of_copy(folded)
        )

    def _is_wanted(self, folded: str) -> bool:
        if folded in self._wanted_exact or self._is_copy(folded):
            return True
        return any(g.match(folded) for g in self._wanted_globs)

    def file_indicators(
        self, name: str, size: int | None, *, named: bool
    ) -> tuple[FileIndicator, ...]:
        """What to open a file of this name and size for, of hashes one for all that are alike;
        empty: leave it closed.

        ``size``: None if it is not known, or not to be believed.
        ``named``: its name was wanted, so every content indicator applies whatever its gate's size.
        The magic and machine of a gate are for the caller to check on the open file.
        """
        if named or self._everything:
            return self._file_indicators
        passed = self.gates_passed(name, size)
        known = self._opened.get(passed)
        if known is None:
            known = self._opened[passed] = self._openers.behind(passed)
        return known


def _openers(indicators: Iterable[Indicator]) -> Iterator[FileIndicator]:
    """What files are opened for: of the hashes of one algorithm behind one gate the first stands
    for all, as their values are looked up."""
    known: set[tuple[int, str]] = set()
    for indicator in indicators:
        if isinstance(indicator, FileHash):
            kind = (len(indicator.value), repr(indicator.gate))
            if kind not in known:
                known.add(kind)
                yield indicator
        elif isinstance(indicator, (PeTrait, LnkTrait, Layout, Content, Certificate)):
            yield indicator


def _is_open(gate: Gate) -> bool:
    """Whether files of other names are opened for it at all."""
    return gate.size is not None or gate.min_size is not None or bool(gate.extensions)


def opening_of(gate: Gate) -> Opening:
    """What a gate asks of a file that is still closed: of all files, if it asks for nothing."""
    head = magic_of(gate)[:MAX_HEAD]
    if gate.size is not None:
        return Opening(max(1, gate.size), gate.size, head=head)
    most = sys.maxsize if gate.max_size is None else gate.max_size
    return Opening(max(1, gate.min_size or 0), most, frozenset(gate.extensions), head)


def _steps(gate: Gate) -> Iterator[int]:
    """Sizes from which on a gate may be open or closed where it was not below."""
    if gate.size is not None:
        yield from (gate.size, gate.size + 1)
    if gate.min_size is not None:
        yield gate.min_size
    if gate.max_size is not None:
        yield gate.max_size + 1


def _opens(gate: Gate, extension: str, size: int | None) -> bool:
    """A size that is not known may be any."""
    if gate.size is not None:
        return size is None or size == gate.size
    if size is not None and gate.min_size is not None and size < gate.min_size:
        return False
    if size is not None and gate.max_size is not None and size > gate.max_size:
        return False
    if gate.extensions:
        return extension in gate.extensions
    return gate.min_size is not None
