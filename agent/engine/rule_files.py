"""The operator's YARA rules: files and folders in, sources that compile and what was left out.

A file given by name, or found below a folder, is one namespace, with all that it includes, as
YARA has it: rules see the rules before them, and global rules limit those of their namespace.
One rule that does not run does not stop the others; it is named, with place and reason.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path, PurePath
from typing import Final

import boreal
from msgspec import Struct

from ..model.report import Strength
from .errors import RulesError
from .rule_check import Checked, Fault, checked
from .rule_strength import meta_value, strength_of
from .rule_text import Import, Include, Item, Place, Rule, Stray, TextError, decoded, rules_in

MAX_FILE_BYTES: Final = 64 << 20
MAX_TOTAL_BYTES: Final = 256 << 20
"""Of all that is read, an included file once for each that includes it."""
MAX_FILES: Final = 20_000
"""Files below the folders given, and files that one of them includes."""
MAX_DEPTH: Final = 16
"""Of includes within includes, as YARA has it."""
SUFFIXES: Final = frozenset({".yar", ".yara"})

_LONGEST_DESCRIPTION: Final = 512
Vouched = Callable[[Path, bytes], None]
"""Raises CannotRun for a file whose bytes, as they were read, nobody vouches for."""


class UserRule(Struct, frozen=True):
    """One of the operator's own rules."""

    id: str
    """``rules/FILE:RULE``: the namespace, a colon, the rule's name."""
    strength: Strength
    description: str


class UnfitRule(Struct, frozen=True):
    """A rule that does not run; where nothing smaller can be told apart, a file."""

    rule: str
    """The id that the rule would have, ``rules/FILE`` for a file, the path for a folder."""
    path: str
    line: int
    """From 1, as the operator wrote the file; 0 where no line can be named."""
    column: int
    why: str

    @property
    def message(self) -> str:
        """``FILE:LINE:COLUMN: rule NAME: why``; the name only where it is a rule."""
        place = f"{self.path}:{self.line}:{self.column}" if self.line else self.path
        return f"{place}: {self._what}"

    @property
    def within(self) -> str:
        """The same without the file's name: ``line LINE: rule NAME: why``."""
        return f"line {self.line}: {self._what}" if self.line else self._what

    @property
    def _what(self) -> str:
        _, colon, name = self.rule.rpartition(":")
        return f"rule {name}: {self.why}" if colon and "/" not in name else self.why


class OperatorRules(Struct, frozen=True):
    """What of the operator's rules runs, and what does not."""

    sources: dict[str, str]
    """By namespace, a text that compiles whole, with ``externals.EXTERNALS`` defined. Lines are
    those of the file, up to its first include; comments and unfit rules are blank."""
    rules: dict[str, UserRule]
    """The public ones, by id."""
    unfit: tuple[UnfitRule, ...]
    modules: frozenset[str]
    """Modules that rules that run ask for; the others' imports are left out of the sources."""
    fingerprint: str
    """SHA-256 over all that runs: names, and texts with what they include."""


NO_RULES: Final = OperatorRules({}, {}, (), frozenset(), "")


def load_rules(
    paths: Sequence[Path], *, strict: bool = False, vouched: Vouched | None = None
) -> OperatorRules:
    """The rules of files and of all ``*.yar`` and ``*.yara`` below folders, in sorted order.

    A file that another file of the same folder includes is not taken a second time by itself,
    unless a global rule there limits it. Raises RulesError for a named file that cannot be read
    or has no rule in it, for a folder without rule files, and with ``strict`` for any unfit rule.
    ``vouched``: asked of each file, also of those in folders and of those that are included.
    """
    reader = _Reader(vouched)
    roots = [root for path in paths for root in reader.roots(path)]
    named = _named(_without_repeats(roots))
    units = [_Unit(namespace, root, reader) for namespace, root in named]
    unfit = [*reader.unfit]
    sources: dict[str, str] = {}
    rules: dict[str, UserRule] = {}
    modules: set[str] = set()
    for unit in _without_parts(units):
        result = unit.checked()
        unfit += unit.unfit(result)
        text, used = unit.source(result)
        if text:
            sources[unit.namespace] = text
        rules.update((rule.id, rule) for rule in _public(unit.namespace, result.compiled))
        modules |= used
    if not sources and not unfit:
        raise RulesError(f"{', '.join(map(str, paths))}: no rules in it")
    if strict and unfit:
        more = f" (and {len(unfit) - 1} more)" if len(unfit) > 1 else ""
        what = "correct it, or run without --strict-rules"
        raise RulesError(f"{unfit[0].message}{more}; {what}")
    return OperatorRules(sources, rules, tuple(unfit), frozenset(modules), _fingerprint(sources))


def _without_parts(units: Sequence[_Unit]) -> list[_Unit]:
    """Those that the operator named, and of the others those that none that is kept includes."""
    kept = {id(unit): unit for unit in units}
    including = [unit for unit in units if unit.includes_any]
    for unit in units:
        if not unit.root.named and any(
            other is not unit and id(other) in kept and other.includes(unit) for other in including
        ):
            del kept[id(unit)]
    return list(kept.values())


def _fingerprint(sources: dict[str, str]) -> str:
    digest = hashlib.sha256()
    for namespace, text in sorted(sources.items()):
        for piece in (namespace.encode(), text.encode()):
            digest.update(b"%d:" % len(piece) + piece)
    return digest.hexdigest()


# files and their names


class _Root(Struct, frozen=True):
    """A file that makes a namespace."""

    path: Path
    real: Path
    named: bool
    """Given by the operator, not found in a folder."""


def _without_repeats(roots: Iterable[_Root]) -> list[_Root]:
    kept: dict[Path, _Root] = {}
    for root in roots:
        if root.real not in kept or root.named:
            kept[root.real] = root
    return list(kept.values())


def _named(roots: Sequence[_Root]) -> list[tuple[str, _Root]]:
    """A namespace for each: ``rules/FILE``, with as many folders before it as tell them apart."""
    same: dict[str, list[_Root]] = {}
    for root in roots:
        same.setdefault(root.path.name, []).append(root)
    names: dict[Path, str] = {}
    for group in same.values():
        whole = {root.real: root.path.absolute().parts for root in group}
        length = 1
        while len({parts[-length:] for parts in whole.values()}) < len(group):
            length += 1
        names.update(
            (real, _shown(PurePath(*parts[-length:]).as_posix())) for real, parts in whole.items()
        )
    if len(set(names.values())) < len(names):
        raise RulesError(f"two rule files are shown by one name: {', '.join(names.values())}")
    return [(f"rules/{names[root.real]}", root) for root in roots]


def _shown(name: str) -> str:
    """A name of a file for people: what is no Unicode as an escape."""
    return name.encode("utf-8", "backslashreplace").decode()


class _File(Struct, frozen=True):
    """One file, read and taken apart."""

    path: Path
    real: Path
    size: int
    items: list[Item]


class _Reader:
    """Reads each file once, within the bounds."""

    def __init__(self, vouched: Vouched | None) -> None:
        self._vouched = vouched
        self.unfit: list[UnfitRule] = []
        """Folders and files below folders that could not be read."""
        self._files: dict[Path, _File | str] = {}
        self._left = MAX_TOTAL_BYTES

    def roots(self, path: Path) -> Iterator[_Root]:
        """The files of an operator's argument. Raises RulesError."""
        try:
            is_folder = path.is_dir()
        except OSError as error:
            raise RulesError(f"{path}: {_reason(error)}") from error
        if not is_folder:
            file = self.file(path)
            if isinstance(file, str):
                raise RulesError(f"{path}: {file}")
            _refuse_what_has_no_rule(file)
            yield _Root(path, file.real, named=True)
            return
        found = self._below(path)
        if not found:
            raise RulesError(f"{path}: no *.yar or *.yara file in this folder")
        for entry in found:
            file = self.file(entry)
            if isinstance(file, str):
                self.unfit.append(
                    UnfitRule(_shown(f"rules/{entry.name}"), _shown(str(entry)), 0, 0, file)
                )
            else:
                yield _Root(entry, file.real, named=False)

    def _below(self, folder: Path) -> list[Path]:
        def gap(error: OSError) -> None:
            where = _shown(str(error.filename or folder))
            self.unfit.append(UnfitRule(where, where, 0, 0, _reason(error)))

        found: list[Path] = []
        for place, folders, names in os.walk(folder, onerror=gap):
            folders.sort()
            found += [Path(place, name) for name in names if _is_rule_file(name)]
            if len(found) > MAX_FILES:
                raise RulesError(f"{folder}: more than {MAX_FILES} rule files")
        return sorted(found)

    def file(self, path: Path) -> _File | str:
        """A file's items, or why there are none."""
        try:
            real = path.resolve()
        except (OSError, RuntimeError, ValueError) as error:
            return _reason(error)
        if real not in self._files:
            self._files[real] = self._read(path, real)
        return self._files[real]

    def _read(self, path: Path, real: Path) -> _File | str:
        try:
            if not real.is_file():
                return "no such file" if not real.exists() else "is not a file"
            with real.open("rb") as opened:
                data = opened.read(MAX_FILE_BYTES + 1)
        except (OSError, ValueError) as error:
            return _reason(error)
        if len(data) > MAX_FILE_BYTES:
            return f"larger than {MAX_FILE_BYTES >> 20} MiB"
        if self._vouched is not None:
            self._vouched(path, data)
        if not self.takes(len(data)):
            return _TOO_MUCH
        try:
            return _File(path, real, len(data), rules_in(decoded(data)))
        except TextError as error:
            return str(error)

    def takes(self, size: int) -> bool:
        """Whether so many bytes more are within the bound of the whole; they are counted."""
        if size > self._left:
            return False
        self._left -= size
        return True


_TOO_MUCH: Final = f"is one too many: {MAX_TOTAL_BYTES >> 20} MiB of rules were read before it"


def _refuse_what_has_no_rule(file: _File) -> None:
    strays = [item for item in file.items if isinstance(item, Stray)]
    if strays and len(strays) == len(file.items):
        place = strays[0].place
        why = f"no YARA rule in this file; the text here {strays[0].why}; a pack goes to --pack"
        raise RulesError(f"{file.path}:{place.line}:{place.column}: {why}")


def _is_rule_file(name: str) -> bool:
    return os.path.splitext(name)[1].lower() in SUFFIXES


def _reason(error: Exception) -> str:
    return (error.strerror if isinstance(error, OSError) else None) or str(error)


# a namespace


class _Unit:
    """A file with all that it includes: rules in order, and what is missing between them."""

    def __init__(self, namespace: str, root: _Root, reader: _Reader) -> None:
        self.namespace = namespace
        self.root, self._reader = root, reader
        self._rules: list[tuple[_File, Rule]] = []
        self._imported: set[str] = set()
        self._gaps: list[UnfitRule] = []
        self._lost_global: UnfitRule | None = None
        self._layout: list[tuple[int, int]] = []
        """Of each rule: how many includes were begun or left before it, and its line."""
        self._breaks = 0
        self._done: set[Path] = set()
        file = reader.file(root.path)
        assert isinstance(file, _File)  # roots() gave only such
        self._take(file, ())

    def includes(self, other: _Unit) -> bool:
        """Whether all of the other is in this one too, and means the same there."""
        limited = self._lost_global or any(rule.is_global for _, rule in self._rules)
        return other.root.real in self._done and not limited

    @property
    def includes_any(self) -> bool:
        """Whether it is more than its own file."""
        return len(self._done) > 1

    def _take(self, file: _File, above: tuple[Path, ...]) -> None:
        above = (*above, file.real)
        self._done.add(file.real)
        for item in file.items:
            if isinstance(item, Rule):
                self._rules.append((file, item))
                self._layout.append((self._breaks, item.place.line))
            elif isinstance(item, Import):
                self._imported.add(item.module)
            elif isinstance(item, Include):
                self._include(file, item, above)
            else:
                self._stray(file, item)

    def _stray(self, file: _File, item: Stray) -> None:
        gap = self._gap(file, item.place, item.why)
        if item.may_be_global and self._lost_global is None:
            self._lost_global = gap

    def _gap(self, file: _File, place: Place, why: str) -> UnfitRule:
        gap = UnfitRule(self.namespace, _shown(str(file.path)), place.line, place.column, why)
        self._gaps.append(gap)
        return gap

    def _include(self, file: _File, item: Include, above: tuple[Path, ...]) -> None:
        included = self._included(file, item.path, above)
        if isinstance(included, str):
            self._gap(file, item.place, f'include "{_shown(item.path)}": {included}')
        elif included.real not in self._done:
            self._breaks += 1
            self._take(included, above)
            self._breaks += 1

    def _included(self, file: _File, path: str, above: tuple[Path, ...]) -> _File | str:
        """What an include names, or why it is not followed."""
        if path[:2] in {"//", "\\\\", "/\\", "\\/"}:
            return "a path to another host is not followed"
        if len(above) >= MAX_DEPTH:
            return f"deeper than {MAX_DEPTH} files within each other"
        if len(self._done) >= MAX_FILES:
            return f"more than {MAX_FILES} files"
        found = self._reader.file(file.path.parent / path)
        if isinstance(found, str) and "\\" in path:
            slashes = path.replace("\\\\", "/").replace("\\", "/")
            found = self._reader.file(file.path.parent / slashes)
        if isinstance(found, str):
            return f"{found}; what is in it is left out"
        if found.real in above:
            return "circular: this file is being included already"
        if found.real not in self._done and not self._reader.takes(found.size):
            return _TOO_MUCH
        return found

    def checked(self) -> Checked:
        """Which of its rules run."""
        rules = [rule for _, rule in self._rules]
        if self._lost_global is None:
            return checked(rules, self._imported)
        place = f"{self._lost_global.path}:{self._lost_global.line}"
        why = f"text that may be a global rule, which limits it, was left out ({place})"
        return Checked({n: Fault(rule.place, why) for n, rule in enumerate(rules)}, [])

    def unfit(self, result: Checked) -> list[UnfitRule]:
        """All that was left out, in the order of files and lines."""
        faults = [
            UnfitRule(
                f"{self.namespace}:{self._rules[index][1].name}",
                _shown(str(self._rules[index][0].path)),
                fault.place.line,
                fault.place.column,
                fault.why,
            )
            for index, fault in result.faults.items()
        ]
        return sorted(self._gaps + faults, key=lambda each: (each.path, each.line, each.column))

    def source(self, result: Checked) -> tuple[str, frozenset[str]]:
        """The text that runs, empty where nothing does, and the modules that it asks for."""
        running = [
            (rule, *layout)
            for index, ((_, rule), layout) in enumerate(zip(self._rules, self._layout, strict=True))
            if index not in result.faults
        ]
        roots = frozenset[str]().union(*(rule.roots for rule, _, _ in running))
        modules = roots & self._imported & frozenset(boreal.modules)
        pieces = [f'import "{name}" ' for name in sorted(modules)]
        line, breaks = 1, 0
        for rule, breaks_before, rule_line in running:
            if breaks_before != breaks:
                line, breaks = rule_line, breaks_before
                pieces.append("\n")
            pieces += ["\n" * (rule_line - line), " ", rule.text]
            line = rule_line + rule.text.count("\n")
        return ("".join([*pieces, "\n"]) if running else ""), modules


# what a rule says of itself


def _public(namespace: str, rules: Iterable[boreal.Rule]) -> Iterator[UserRule]:
    for rule in rules:
        if not rule.is_private:
            meta = {key.lower(): meta_value(value) for key, value in rule.meta.items()}
            description = str(meta.get("description") or meta.get("desc") or rule.identifier)
            yield UserRule(
                f"{namespace}:{rule.identifier}",
                strength_of(meta),
                description[:_LONGEST_DESCRIPTION],
            )
