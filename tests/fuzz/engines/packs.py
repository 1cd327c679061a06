"""Packs made by chance, of the shapes that our own packs make (``patterns_of``, the $MFT's)."""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from agent.engine.patterns import patterns_of
from agent.indicators import CommandLine, Content, Domain, FileName, Indicator, Pipe, Url
from agent.model.report import Strength
from agent.ntfs.patterns import (
    least_patterns,
    name_patterns,
    size_patterns,
    stream_patterns,
    text_pattern,
)

from .reference import Reference, reference

_WORDS = (
    "cyzfc", "ds7002", "PointFunctionCall", "pandorasong", "evil", "a", "aa", "ab", "aab", "xn--p1ai", "beacon",
    "rundll32", "powershell", "-noni", "-ep", "bypass", "$zk", "C:", "Users", "Temp", "svc", "0", "10", "192.0.2.7",
)  # fmt: skip
_ENDS = (".dat", ".lnk", ".zip", ".exe", ".com", ".example.org", "", "", "_", ".a", " (1)")
_ODD = (
    "счёт",
    "résumé",
    "請求書",
    "ß",
    "Ωμέγα",
    "\\",
    '"',
    "'",
    "/",
    "%",
    "&",
    "^",
    "`",
    ",",
    ";",
    "[",
    "(",
    "+",
)
_LETTERS = "abAB0_. -"
_REGEX_ATOMS = (
    "a", "b", "ab", "cd", "evil", "\\.", "\\\\", "\\x00", "\\xff", " ", "[ab]", "[^a]", "[a-c0-9]", "[^\\\\]", ".",
    "\\s", "\\d", "\\w", "\\W", "\\S", "[\\s\"',^`]", "(a|b)", "(ab|cd)", "(ab|a)", "(evil|bad|x)", "(a|[bc]d)", "\\x41",
)  # fmt: skip
_FIXED = ("a", "ab", "cd", "evil", "a\\.b", "10", "\\\\")
_REPEATS = ("", "", "", "", "?", "*", "+", "{2}", "{1,5}", "{0,3}", "{2,}", "{0,64}", "{1,200}")
_LAZY = ("", "", "", "", "??", "*?", "+?", "{1,4}?", "{2}", "{0,64}?")
"""The two kinds cannot stand in one expression."""


@dataclass(frozen=True)
class Pattern:
    """One pattern of one rule."""

    rule: str
    name: str
    source: str
    shape: str

    @cached_property
    def reference(self) -> Reference:
        """What it means."""
        return reference(self.source)


@dataclass(frozen=True)
class Pack:
    """Rules of patterns; ``all_of``: the numbers of rules that want all of theirs."""

    rules: tuple[tuple[Pattern, ...], ...]
    all_of: frozenset[int] = frozenset()
    together: bool = False
    """All patterns in one rule, as the agent's ``PatternScanner`` has them."""

    @property
    def patterns(self) -> list[Pattern]:
        return [pattern for rule in self.rules for pattern in rule]

    @property
    def source(self) -> str:
        """As YARA rules ``r0``, ``r1`` and so on, of patterns ``$p0``, ``$p1`` and so on."""
        return "\n".join(
            f"rule r{number} {{ strings:\n"
            + "\n".join(f"  ${p.name} = {p.source}" for p in patterns)
            + f"\n condition: {'all' if number in self.all_of else 'any'} of them }}"
            for number, patterns in enumerate(self.rules)
        )

    def without(self, refused: frozenset[Pattern]) -> Pack:
        """The other patterns."""
        rules = (tuple(p for p in rule if p not in refused) for rule in self.rules)
        kept = [[(p.shape, p.source) for p in rule] for rule in rules if rule]
        return pack_of(kept, all_of=bool(self.all_of), together=self.together)


def pack(chosen: random.Random) -> Pack:
    """One to a dozen rules, now and then a hundred (another prefilter is taken for many)."""
    count = chosen.choice((1, 2, 3, 5, 8, 12)) if chosen.randrange(32) else 100
    kind = chosen.randrange(8)
    return pack_of([rule(chosen) for _ in range(count)], all_of=kind == 0, together=kind > 4)


def pack_of(
    rules: Sequence[Sequence[tuple[str, str]]], *, all_of: bool = False, together: bool = False
) -> Pack:
    """From (shape, source) of each pattern of each rule."""
    if together:
        rules = [[pattern for patterns in rules for pattern in patterns]]
    made = tuple(
        tuple(Pattern(f"r{r}", f"p{n}", source, shape) for n, (shape, source) in enumerate(sources))
        for r, sources in enumerate(rules)
        if sources
    )
    return Pack(made, frozenset(range(0, len(made), 2)) if all_of else frozenset(), together)


def rule(chosen: random.Random) -> list[tuple[str, str]]:
    """The patterns of one indicator, or of one of the $MFT's scans."""
    shape = chosen.choice(SHAPES)
    return [(shape.__name__[1:], source) for source in shape(chosen)]


def text(chosen: random.Random) -> str:
    """A name, a domain, a word; now and then letters at random or outside ASCII."""
    kind = chosen.randrange(8)
    if kind < 4:
        return chosen.choice(_WORDS) + chosen.choice(_ENDS)
    if kind < 6:
        return "".join(chosen.choice(_LETTERS) for _ in range(chosen.randint(1, 6)))
    if kind == 6:
        return chosen.choice(_WORDS) + chosen.choice(_ODD) + chosen.choice(_ENDS)
    return chosen.choice(_WORDS) + "." + chosen.choice(_WORDS)


def quoted(data: bytes) -> str:
    """Bytes as a YARA literal."""
    return '"' + "".join(
        "\\" + chr(b) if b in b'"\\' else chr(b) if 32 <= b < 127 else f"\\x{b:02x}" for b in data
    ) + '"'  # fmt: skip


def _literal(chosen: random.Random) -> list[str]:
    value = text(chosen)
    if not value.isascii():
        return [f"{quoted(value.encode())} ascii"]
    encodings = chosen.choice(("ascii", "wide", "ascii wide"))
    nocase, fullword = chosen.choice((" nocase", "")), chosen.choice((" fullword", "", ""))
    return [quoted(value.encode()) + " " + encodings + nocase + fullword]


def _utf16(chosen: random.Random) -> list[str]:
    """UTF-16 written out, as any text outside ASCII needs."""
    return [text_pattern(text(chosen))]


FIELDS: dict[str, Any] = {
    "id": "i",
    "strength": Strength.WEAK,
    "reference": ["S1"],
    "status": "SRC",
}


def _indicator(chosen: random.Random) -> list[str]:
    """What the agent itself makes of an indicator."""
    value = text(chosen)
    kind = chosen.randrange(8)
    made: Indicator
    if kind == 0:
        made = FileName(value=value, **FIELDS)
    elif kind == 1:
        place = chosen.randint(0, len(value))
        glob = value[:place] + chosen.choice(("*", "?", "?*", "*.", "*x*")) + value[place:]
        made = FileName(value=glob, **FIELDS)
    elif kind == 2:
        made = Domain(value=value, **FIELDS)
    elif kind == 3:
        made = Url(value="http://" + value + "/" + text(chosen), **FIELDS)
    elif kind == 4:
        pieces = [" ".join(text(chosen) for _ in range(chosen.randint(1, 3))) for _ in range(2)]
        made = CommandLine(value=chosen.choice((pieces, pieces[:1])), **FIELDS)
    elif kind == 5:
        made = Pipe(value=regex(chosen), example="x", **FIELDS)
    elif kind == 6:
        made = Content(value=regex(chosen), match="regex", **FIELDS)
    else:
        made = Content(value=value, **FIELDS)
    return [form for pattern in patterns_of(made) for form in pattern.forms]


def regex(chosen: random.Random, repeats: Sequence[str] = _REPEATS) -> str:
    """A regular expression as an operator writes it."""
    parts = [
        chosen.choice(_REGEX_ATOMS) + chosen.choice(repeats) for _ in range(chosen.randint(0, 4))
    ]
    # What holds no text at all matches everywhere, and packs may not have it.
    parts.insert(chosen.randint(0, len(parts)), chosen.choice(_FIXED))
    return "".join(parts)


def _regex(chosen: random.Random) -> list[str]:
    flags = chosen.choice(("", "", "i", "s", "is"))
    encodings = chosen.choice(("ascii", "wide", "ascii wide"))
    nocase = chosen.choice((" nocase", "")) if "i" not in flags else ""
    start, end = ("^", "")[chosen.randrange(12) > 0 :][0], ("$", "")[chosen.randrange(12) > 0 :][0]
    body = regex(chosen, chosen.choice((_REPEATS, _REPEATS, _REPEATS, _LAZY)))
    return [f"/{start}{body}{end}/{flags} {encodings}{nocase}"]


def _hex(chosen: random.Random) -> list[str]:
    def byte() -> str:
        return chosen.choice(("61", "62", "00", "ff", "41", "??", "6?", "?1", "~61", "90", "0a"))

    def run() -> str:
        return " ".join(byte() for _ in range(chosen.randint(1, 3)))

    def gap() -> str:
        return chosen.choice(
            (run(), run(), "[2]", "[0-3]", "[1-8]", "[4-64]", "[36]", "[300]", "[2-]", "??",
             f"( {run()} | {run()} )", f"( 61 | {run()} | 00 {run()} )", f"( 6? ( 62 | 63 64 ) | {run()} )")
        )  # fmt: skip

    fixed = chosen.choice(("61 62", "80 00 00 00", "4d 5a", "61", "00 00", "65 00 76 00"))
    middle = " ".join(gap() for _ in range(chosen.randint(0, 4)))
    end = chosen.choice(("62", "00", "61 00 62 00", "01 ff", "63 64"))
    return [f"{{ {chosen.choice((fixed, byte() + ' ' + fixed))} {middle} {end} }}"]


def _names(chosen: random.Random) -> list[str]:
    names = [text(chosen).upper() for _ in range(chosen.randint(1, 4))]
    return name_patterns(names, [text(chosen).upper() for _ in range(chosen.randint(0, 2))])


def _sizes(chosen: random.Random) -> list[str]:
    sizes = [chosen.choice((0, 1, 97, 255, 256, 301_568, 1 << 32, 1 << 62)) for _ in range(2)]
    return size_patterns(set(sizes), 1024)


def _heads(chosen: random.Random) -> list[str]:
    least = chosen.choice((4096, 8192, 65_536, 1_000_000, 1 << 33, 255 << 40))
    return least_patterns(least) + stream_patterns()


SHAPES = (_literal, _utf16, _indicator, _indicator, _regex, _hex, _hex, _names, _sizes, _heads)
