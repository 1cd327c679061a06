"""Which rules of one namespace run, and why the others do not.

A rule that does not compile is left out, and with it every rule that needs it; a global rule that
is left out takes all with it, since each of them was written to be limited by it. The whole is
compiled at once where it can be. Where it cannot, pieces of ``_PIECE`` rules are, with the rules
that they refer to from outside as stubs, and a piece that fails is halved, so that one rule costs
the engine about as many rules as a piece has, however many there are in all.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Final

import boreal
from msgspec import Struct

from .externals import EXTERNALS, FOREIGN
from .rule_text import Place, Rule
from .rule_tokens import loses_occurrences

_PIECE: Final = 32
_WHY_LENGTH: Final = 300


class Fault(Struct, frozen=True):
    """Why a rule is left out, and the place in its file."""

    place: Place
    why: str


class Checked(Struct, frozen=True):
    """What became of the rules of a namespace, which are told apart by their index."""

    faults: dict[int, Fault]
    compiled: list[boreal.Rule]
    """Those that run, as the engine sees them."""


class CompileError(Exception):
    """The engine refused a text."""

    def __init__(self, message: str) -> None:
        match = _MESSAGE.match(message)
        self.line, self.column, self.why = 0, 0, message.removeprefix("error: ")
        if match is not None:
            self.line, self.column, self.why = int(match[1]), int(match[2]), match[3]
        super().__init__(self.why)


_MESSAGE: Final = re.compile(r"[^:\n]*:(\d+):(\d+): error: (.*)", re.DOTALL)


def compiled(text: str) -> list[boreal.Rule]:
    """The rules of a text, which may not include others. Raises CompileError."""
    try:
        return list(boreal.compile(source=text, externals=dict(EXTERNALS), includes=False))
    except boreal.Error as error:
        raise CompileError(str(error)) from error


def checked(rules: Sequence[Rule], imported: Iterable[str]) -> Checked:
    """Tries the rules of one namespace, in their order; ``imported``: the modules they name."""
    return _Check(rules, imported).result()


class _Check:
    def __init__(self, rules: Sequence[Rule], imported: Iterable[str]) -> None:
        self._rules = rules
        known = frozenset(boreal.modules)
        modules = frozenset(imported)
        self._imports = "".join(f'import "{name}"\n' for name in sorted(modules & known))
        self._missing = modules - known
        self._faults: dict[int, Fault] = {}
        self._first: dict[str, int] = {}
        self._compiled: list[boreal.Rule] = []

    def result(self) -> Checked:
        self._look()
        if not self._global_fault():
            self._try_all()
        if (culprit := self._global_fault()) is not None:
            self._leave_all(culprit)
        return Checked(self._faults, self._compiled)

    # what can be told without the engine

    def _look(self) -> None:
        used_sets: dict[str, str] = {}
        for index, rule in enumerate(self._rules):
            why = self._why_not(rule, used_sets)
            if why is not None:
                self._faults[index] = why
            else:
                self._need(index)
            self._first.setdefault(rule.name, index)
            used_sets.update((prefix, rule.name) for prefix in sorted(rule.rule_sets))

    def _why_not(self, rule: Rule, used_sets: Mapping[str, str]) -> Fault | None:
        if rule.fault is not None:
            return Fault(*rule.fault)
        if rule.name in self._first:
            first = self._rules[self._first[rule.name]].place
            return Fault(rule.place, f"is declared twice (first in line {first.line})")
        for module in sorted(self._missing & rule.roots):
            return Fault(rule.place, f'needs the module "{module}", which the engine does not have')
        if loses_occurrences(rule.text):
            return Fault(
                rule.place,
                "has a hex string with wildcards on both sides of an edge of its alternatives, of"
                " which the engine loses occurrences",
            )
        if rule.is_global and (asked := self._ordinary(rule)):
            return Fault(
                rule.place, f"is global and asks rule {asked}, which the engine looks at later"
            )
        for prefix in _prefixes(rule.name):
            if prefix in used_sets:
                return Fault(
                    rule.place,
                    f"its name falls under {prefix}*, a set that rule {used_sets[prefix]}"
                    " before it has already counted",
                )
        return None

    def _ordinary(self, rule: Rule) -> str:
        """The first rule that it refers to and that is not global; empty if none."""
        for name in self._needed(rule):
            if name not in rule.variables and not self._rules[self._first[name]].is_global:
                return name
        return ""

    def _need(self, index: int) -> bool:
        """Leaves a rule out that needs one that was; true when it did."""
        rule = self._rules[index]
        for name in self._needed(rule):
            first = self._first[name]
            if first < index and first in self._faults and name not in rule.variables:
                why = f"needs rule {name}, which was left out"
                self._faults[index] = Fault(rule.place, why)
                return True
        return False

    def _needed(self, rule: Rule) -> list[str]:
        """Names of the namespace's rules so far that a rule refers to."""
        names = {name for name in rule.names if name in self._first}
        if rule.rule_sets:
            names |= {
                name
                for name in self._first
                if any(prefix in rule.rule_sets for prefix in _prefixes(name))
            }
        return sorted(names)

    def _global_fault(self) -> Rule | None:
        return next(
            (self._rules[index] for index in sorted(self._faults) if self._rules[index].is_global),
            None,
        )

    def _leave_all(self, culprit: Rule) -> None:
        why = f"global rule {culprit.name}, which limits it, was left out"
        for index, rule in enumerate(self._rules):
            self._faults.setdefault(index, Fault(rule.place, why))
        self._compiled = []

    # what the engine says

    def _try_all(self) -> None:
        try:
            self._compiled = compiled(self._text(self._running()))
        except CompileError:
            self._try_pieces()

    def _try_pieces(self) -> None:
        running = self._running()
        for start in range(0, len(running), _PIECE):
            self._try_piece(running[start : start + _PIECE])
        try:
            self._compiled = compiled(self._text(self._running()))
        except CompileError as error:
            why = f"compiles by itself, not with the others: {error.why[:_WHY_LENGTH]}"
            for index in self._running():
                self._faults[index] = Fault(self._rules[index].place, why)

    def _try_piece(self, piece: Sequence[int]) -> None:
        piece = [index for index in piece if not self._need(index)]
        if not piece:
            return
        stubs = self._stubs(piece)
        try:
            compiled(stubs + self._text(piece))
        except CompileError as error:
            if len(piece) > 1:
                self._try_piece(piece[: len(piece) // 2])
                self._try_piece(piece[len(piece) // 2 :])
                return
            self._faults[piece[0]] = self._fault(self._rules[piece[0]], stubs, error)

    def _running(self) -> list[int]:
        return [index for index in range(len(self._rules)) if index not in self._faults]

    def _text(self, indices: Iterable[int]) -> str:
        return self._imports + "\n".join(self._rules[index].text for index in indices)

    def _stubs(self, piece: Sequence[int]) -> str:
        """Declares the rules before a piece that it refers to, each on a line."""
        names = {name for index in piece for name in self._needed(self._rules[index])}
        before = sorted(self._first[name] for name in names)
        return "".join(
            f"rule {self._rules[index].name} {{ condition: true }}\n"
            for index in before
            if index < piece[0] and index not in self._faults
        )

    def _fault(self, rule: Rule, stubs: str, error: CompileError) -> Fault:
        line = error.line - self._imports.count("\n") - stubs.count("\n")
        if line < 1:
            return Fault(rule.place, _plain(error.why, rule, ""))
        lines = rule.text.split("\n")
        here = lines[line - 1][error.column - 1 :] if line <= len(lines) else ""
        return Fault(rule.written(line, error.column), _plain(error.why, rule, here))


def _prefixes(name: str) -> Iterable[str]:
    return (name[:length] for length in range(len(name) + 1))


_PLAIN: Final = (
    ("too many imbricated expressions", "its brackets are nested too deeply for the engine"),
    ("condition is too complex", "its condition is nested too deeply for the engine"),
    ("too many imbricated groups", "its groups are nested too deeply for the engine"),
    ("Compiled regex exceeds size limit", "is too large for the engine: shorten its repetitions"),
    ("cache capacity", "is too large for the engine: shorten its repetitions"),
    ("expressions have invalid types", "compares values of different types"),
)
_UNKNOWN: Final = re.compile(r'unknown identifier "([^"]*)"')
_UNKNOWN_FIELD: Final = re.compile(r'unknown field "([^"]*)"')
_VARIABLE: Final = re.compile(r"variable (\$\w*) cannot be compiled")


def _plain(why: str, rule: Rule, here: str) -> str:
    """The engine's words as an operator would say them; ``here``: the rest of the line."""
    if (match := _UNKNOWN.match(why)) is not None:
        return _unknown(match[1])
    if (match := _UNKNOWN_FIELD.match(why)) is not None:
        return f'uses "{match[1]}", which the module of this engine does not have'
    for words, plain in _PLAIN:
        if words in why:
            variable = _VARIABLE.match(why)
            return f"{variable[1]} {plain}" if variable is not None else plain
    if why == "syntax error":
        return _syntax(rule, here)
    return why.partition("\n")[0][:_WHY_LENGTH]


def _unknown(name: str) -> str:
    if name in FOREIGN:
        return f'uses the external variable "{name}", which this program does not fill'
    if name in boreal.modules:
        return f'uses the module "{name}" without import'
    if name.endswith("*"):
        return f"counts the rules {name}, and none before it is called so"
    return f'unknown identifier "{name}": no rule before it, module or variable has this name'


def _syntax(rule: Rule, here: str) -> str:
    if "with" in rule.names:
        return 'syntax error: the engine does not know "with"'
    if here.startswith(("(?", "?")):
        return "syntax error: the engine knows no (?…) groups in regular expressions"
    near = here.strip()[:24]
    return f"syntax error at {near!r}" if near else "syntax error"
