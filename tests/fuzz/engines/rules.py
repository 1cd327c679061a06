"""Rules as operators write them, made by chance: which of them match, by three engines.

YARA is the reference of the language. boreal and YARA-X are compared with it rule by rule.
"""

from __future__ import annotations

import hashlib
import random
import re
import zlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import islice
from pathlib import Path

from .comparison import shortest
from .counting import Counts, keep
from .inputs import Inputs
from .packs import Pack, pack_of, quoted
from .scanners import Externals, Refused, Verdicts, boreal_verdicts, yara_verdicts, yara_x_verdicts

EXTERNALS: Externals = {"filename": "cyzfc.dat", "extension": ".dat", "depth": 3, "elevated": True}
_MAKERS: dict[str, Callable[[str, Externals], Verdicts]] = {
    "boreal": boreal_verdicts,
    "yara": yara_verdicts,
    "yara-x": yara_x_verdicts,
}
_TRIES = 100
"""Of fewer rules and simpler conditions; each is compiled three times."""
_LONGEST = 2000
"""Bytes; a loop in a condition takes its time for each."""


@dataclass(frozen=True)
class Expression:
    """``kind``: ``bool``, ``int`` or ``float``; ``template`` has a place for each part."""

    kind: str
    template: str
    parts: tuple[Expression, ...] = ()

    def __str__(self) -> str:
        return self.template.format(*self.parts)

    def simpler(self) -> Iterator[Expression]:
        """The same with one part left out or made constant."""
        for part in self._inner():
            if part.kind == self.kind:
                yield part
        if self.kind == "bool" and self.template not in ("true", "false"):
            yield from (Expression("bool", "true"), Expression("bool", "false"))
        if self.kind == "int" and not self.template.isdigit():
            yield from (Expression("int", "0"), Expression("int", "1"))
        for at, part in enumerate(self.parts):
            for other in part.simpler():
                yield replace(self, parts=(*self.parts[:at], other, *self.parts[at + 1 :]))

    def _inner(self) -> Iterator[Expression]:
        for part in self.parts:
            yield part
            yield from part._inner()


@dataclass(frozen=True)
class Rule:
    """One rule; only the strings that the condition uses are declared."""

    name: str
    words: str
    strings: tuple[tuple[str, str], ...]
    condition: Expression

    def __str__(self) -> str:
        text = str(self.condition)
        used = [(name, source) for name, source in self.strings if _uses(text, name)]
        strings = "".join(f"  ${name} = {source}\n" for name, source in used)
        declared = f" strings:\n{strings}" if used else ""
        return f"{self.words}rule {self.name} {{\n{declared} condition: {text} }}"


def _uses(condition: str, name: str) -> bool:
    if re.search(r"\bthem\b", condition) or (name[0] == "s" and "$s*" in condition):
        return True
    return re.search(rf"[$#@!]{name}(?![\w*])", condition) is not None


def file_of(rules: Sequence[Rule]) -> str:
    """As a rule file."""
    return "\n".join(('import "hash"', 'import "math"', *map(str, rules)))


# ---- Conditions by chance


class Conditions:
    """Of strings with these names."""

    def __init__(self, chosen: random.Random, names: Sequence[str], earlier: Sequence[str]) -> None:
        self._chosen = chosen
        self._names = names
        self._earlier = earlier

    def _name(self) -> str:
        return self._chosen.choice(self._names)

    def _whole(self, text: str, *parts: Expression) -> Expression:
        return Expression("int", text, parts)

    def _true(self, text: str, *parts: Expression) -> Expression:
        return Expression("bool", text, parts)

    def _range(self) -> str:
        """Of constant bounds the lower one has to be below the upper one."""
        return self._chosen.choice(
            ("({}..filesize)", "(0..{})", "(1..{})", "(0..filesize)", "(1..8)", "({}..{} + 5)")
        )

    def integer(self, depth: int) -> Expression:
        """Counts, places, lengths, bytes of the file, sums of them."""
        chosen = self._chosen
        if depth == 0 or chosen.randrange(3) == 0:
            return self._whole(
                chosen.choice(
                    ("0", "1", "2", "3", "5", "16", "20", "100", "255", "0x5A4D", "1KB", "filesize",
                     "filesize", f"#{self._name()}", f"#{self._name()}", f"@{self._name()}",
                     f"@{self._name()}[1]", f"@{self._name()}[2]", f"!{self._name()}", f"!{self._name()}[2]", "depth")
                )
            )  # fmt: skip
        turn = chosen.randrange(8)
        one, two = self.integer(depth - 1), self.integer(depth - 1)
        if turn < 2:
            return self._whole("({} " + chosen.choice("+-*") + " {})", one, two)
        if turn == 2:
            return self._whole(
                "({} " + chosen.choice(("\\", "%", "&", "|", "^")) + " {})", one, two
            )
        if turn == 3:
            return self._whole(chosen.choice(("({} << 3)", "({} >> 1)", "(-{})", "(~{})")), one)
        if turn == 4:
            return self._whole(f"#{self._name()} in {self._range()}", one, two)
        if turn == 5:
            return self._whole(chosen.choice("@!") + self._name() + "[{}]", one)
        if turn == 6:
            function = chosen.choice(
                (
                    "uint8",
                    "uint16",
                    "uint32",
                    "int8",
                    "int16",
                    "int32",
                    "uint8be",
                    "uint16be",
                    "uint32be",
                    "int16be",
                    "int32be",
                )
            )
            return self._whole(function + "({})", one)
        return self._module_integer(one, two)

    def _module_integer(self, one: Expression, two: Expression) -> Expression:
        text = self._chosen.choice(
            ("math.count(0x61, {}, {})", "math.mode({}, {})", "math.min({}, {})", "math.max({}, {})",
             "hash.checksum32({}, {})", "hash.crc32({}, {})", "math.mode()", "math.count(0x61)", "math.abs({} - {})")
        )  # fmt: skip
        return self._whole(text, *(one, two)[: text.count("{}")])

    def boolean(self, depth: int) -> Expression:
        """Any condition."""
        chosen = self._chosen
        if depth > 0 and chosen.randrange(2):
            if chosen.randrange(4) == 0:
                return self._true(
                    chosen.choice(("not ({})", "not ({})", "defined ({})")), self.boolean(depth - 1)
                )
            parts = self.boolean(depth - 1), self.boolean(depth - 1)
            return self._true("(({}) " + chosen.choice(("and", "or")) + " ({}))", *parts)
        kinds = (
            self._string,
            self._string,
            self._number,
            self._number,
            self._of,
            self._for_of,
            self._for_in,
            self._rest,
        )
        return chosen.choice(kinds)()

    def _string(self) -> Expression:
        text = self._chosen.choice(
            (
                "${}",
                "${}",
                "${} at {{}}",
                "${} at filesize - {{}}",
                "${} in ",
                "${} in (filesize-{{}}..filesize)",
            )
        )
        text = text.format(self._name())
        text += self._range() * text.endswith(" in ")
        return self._true(text, *(self.integer(1) for _ in range(text.count("{}"))))

    def _number(self) -> Expression:
        sign = self._chosen.choice(("==", "!=", "<", "<=", ">", ">="))
        if self._chosen.randrange(6) == 0:
            return self._true("{} " + sign + " {}", self._real(), self.integer(1))
        return self._true("{} " + sign + " {}", self.integer(2), self.integer(1))

    def _real(self) -> Expression:
        text = self._chosen.choice(
            ("math.entropy({}, {})", "math.entropy(0, filesize)", "math.mean({}, {})", "math.deviation({}, {}, 64.0)",
             "math.percentage(0x61)", "math.percentage(0x61, {}, {})", "math.serial_correlation({}, {})",
             "math.monte_carlo_pi({}, {})", 'math.entropy("aab")', 'math.mean("abc")', "1.5 * {}", "filesize * 0.25")
        )  # fmt: skip
        return Expression("float", text, tuple(self.integer(1) for _ in range(text.count("{}"))))

    def _set(self) -> str:
        names = self._chosen.sample(self._names, self._chosen.randint(1, len(self._names)))
        options = ["them", "them", "(" + ", ".join("$" + name for name in names) + ")"]
        if any(name[0] == "s" for name in self._names):
            options.append("($s*)")
        return self._chosen.choice(options)

    def _how_many(self) -> str:
        return self._chosen.choice(("any", "all", "none", "1", "2", "3", "50%", "34%"))

    def _quantity(self) -> str:
        return self._chosen.choice(("any", "all", "none", "1", "2"))

    def _of(self) -> Expression:
        text = f"{self._how_many()} of {self._set()}"
        turn = self._chosen.randrange(4)
        if turn == 0:
            text += " in " + self._range()
            return self._true(text, *(self.integer(1) for _ in range(text.count("{}"))))
        if turn == 1 and not text.startswith("none"):
            return self._true(text + " at {}", self.integer(1))
        return self._true(text)

    def _for_of(self) -> Expression:
        body = self._chosen.choice(
            ("$", "# > {}", "# == {}", "@ < {}", "@ > @" + self._name(), "! >= {}", "$ at {}", "$ in (0..{})",
             "@[1] == {}", "@[2] > {}", "# in (0..{}) > 1", "not $", "for any i in (1..#) : (@[i] == {})",
             "for all i in (1..#) : (@[i] + ![i] <= filesize - {})")
        )  # fmt: skip
        parts = (self.integer(1) for _ in range(body.count("{}")))
        return self._true(f"for {self._quantity()} of {self._set()} : ({body})", *parts)

    def _for_in(self) -> Expression:
        name = self._name()
        over = self._chosen.choice(
            (f"(1..#{name})", "(0..{})", "(0, 1, 2, 3)", "(1..{} + 2)", "({}, {})")
        )
        body = self._chosen.choice(
            (f"@{name}[i] % 2 == 0", f"@{name}[i] < {{}}", f"!{name}[i] > {{}}", "uint8(i) == 0x61", f"uint8(@{name}[i] - 1) == 0",
             f"${name} at i", f"${name} in (i..i + 4)", f"@{name}[i] + !{name}[i] == filesize", "i == {}", f"#{name} > i",
             f"@{name}[i + 1] - @{name}[i] < {{}}")
        )  # fmt: skip
        parts = (self.integer(0) for _ in range((over + body).count("{}")))
        return self._true(f"for {self._quantity()} i in {over} : ({body})", *parts)

    def _rest(self) -> Expression:
        begun = self._chosen.choice((b"", b"a", b"MZ", b"ab", b"\0"))
        size = len(begun)
        options = [
            "filesize < {}", "filesize > {}", "uint16(0) == 0x5A4D", "uint8({}) == 0x61", "uint16(uint8(0)) > 0", "elevated",
            "depth == {}", 'filename == "cyzfc.dat"', 'filename contains "zfc"', 'filename icontains "ZFC"',
            'filename startswith "cy"', 'filename endswith ".dat"', 'filename iequals "CYZFC.DAT"',
            "filename matches /^cy.{{1,5}}\\.dat$/", "extension matches /\\.DAT/i", 'extension == ".exe"', "true", "false",
            f'hash.md5(0, {size}) == "{hashlib.md5(begun).hexdigest()}"',
            f'hash.sha1(0, {size}) == "{hashlib.sha1(begun).hexdigest()}"',
            f'hash.sha256(0, {size}) == "{hashlib.sha256(begun).hexdigest()}"',
            f'hash.sha256(0, filesize) == "{hashlib.sha256(begun).hexdigest()}"',
            f"hash.crc32(0, {size}) == {zlib.crc32(begun)}",
            f'hash.md5({{}}, {{}}) == "{hashlib.md5(begun).hexdigest()}"',
            f'hash.md5("ab") == "{hashlib.md5(b"ab").hexdigest()}"',
            "math.in_range(math.entropy(0, filesize), 1.0, 3.0)", "math.in_range(math.mean({}, {}), 50.0, 100.0)",
            "math.to_number(uint8(0) == 0x61) == {}", "defined uint32({})", "defined @" + self._name() + "[{}]",
            "defined hash.md5({}, {})",
        ]  # fmt: skip
        text = self._chosen.choice(options + [name for name in self._earlier for _ in range(4)])
        return self._true(text, *(self.integer(1) for _ in range(text.count("{}"))))


# ---- Strings and rule files by chance

_TEXTS = (b"a", b"ab", b"aa", b"aba", b"cyzfc", b"MZ", b"evil", b"b\0", b"xa")
_REGEXES = (
    "a+",
    "a{2,4}",
    "ab?c",
    "[ab]{2}",
    "(ab|ba)a",
    "a.b",
    "ev[i1]l",
    "\\d{1,3}",
    "^a",
    "b$",
    "\\bab\\b",
    "a.*b",
)
_HEXES = (
    "61 ?? 61",
    "61 [0-2] 62",
    "( 61 | 62 62 ) 61",
    "4d 5a",
    "00 00",
    "6? 62",
    "61 ~62",
    "61 [2-] 63",
)


def _declared(chosen: random.Random) -> str:
    turn = chosen.randrange(8)
    if turn < 4:
        words = " ".join(
            word
            for word in ("ascii", "wide", "nocase", "fullword", "private")
            if chosen.randrange(3) == 0
        )
        return quoted(chosen.choice(_TEXTS)) + " " + words
    if turn == 4:
        return (
            quoted(chosen.choice((b"evil", b"cyzfc", b"aba")))
            + " "
            + chosen.choice(("xor", "xor(1-16)", "base64", "base64wide"))
        )
    if turn == 5:
        return "{ " + chosen.choice(_HEXES) + " }"
    return f"/{chosen.choice(_REGEXES)}/ " + chosen.choice(
        ("", "", "nocase", "wide", "ascii wide", "fullword")
    )


def rule_file(chosen: random.Random) -> list[Rule]:
    """Up to six rules; later ones may ask for earlier ones."""
    rules: list[Rule] = []
    for number in range(chosen.randint(2, 6)):
        names = ("a", "b", "s1", "s2")[: chosen.randint(1, 4)]
        strings = tuple((name, _declared(chosen)) for name in names)
        condition = Conditions(chosen, names, [r.name for r in rules]).boolean(3)
        words = chosen.choice(("",) * 8 + ("private ", "global ", "global private "))
        rules.append(Rule(f"r{number}", words, strings, condition))
    return rules


_PLAIN = re.compile(r"\b(?:xor(?:\([^)]*\))?|base64(?:wide)?|private)")


def _for_inputs(rules: Sequence[Rule]) -> Pack:
    """What the strings of these rules match; hidden ones in the clear."""
    return pack_of(
        [[("rule", _PLAIN.sub("", s).strip()) for _, s in rule.strings] for rule in rules]
    )


# ---- Comparing


def compare_rules(counts: Counts, chosen: random.Random, folder: Path, cases: int) -> None:
    """Make a rule file, compile it three times, compare all inputs."""
    rules = _accepted(rule_file(chosen), counts, folder)
    if not rules:
        return
    verdicts = _compiled(rules)
    counts.packs += 1
    counts.patterns += len(rules)
    told: dict[str, str] = {}
    for data in islice(_inputs(rules, chosen), cases):
        found = [set(verdict(data)) for verdict in verdicts]
        counts.cases += 1
        counts.bytes += len(data)
        counts.matches += len(found[1])
        if found[0] != found[1] or found[1] != found[2]:
            _tell(counts, folder, rules, data, found, told)


def _inputs(rules: Sequence[Rule], chosen: random.Random) -> Iterator[bytes]:
    for made in Inputs(_for_inputs(rules), chosen):
        turn, data = chosen.randrange(8), made[:_LONGEST]
        yield b"MZ" + data if turn == 0 else b"a" + data if turn == 1 else data


def _compiled(rules: Sequence[Rule]) -> list[Verdicts]:
    source = file_of(rules)
    return [make(source, EXTERNALS) for make in _MAKERS.values()]


def _accepted(rules: list[Rule], counts: Counts, folder: Path) -> list[Rule]:
    """Those that all engines compile; the others are counted by the engines that do not."""
    if not _refusals(rules):
        return rules
    kept: list[Rule] = []
    for rule in rules:
        asked = set(re.findall(r"\br\d\b", str(rule.condition)))
        if not asked <= {r.name for r in kept}:
            continue
        refusals = _refusals([*kept, rule])
        if not refusals:
            kept.append(rule)
            continue
        kind = "refused by " + " and ".join(refusals)
        counts.other[kind] += 1
        keep(folder, kind, counts, {"rule": str(rule), "errors": refusals})
    return kept


def _refusals(rules: Sequence[Rule]) -> dict[str, str]:
    errors, source = {}, file_of(rules)
    for name, make in _MAKERS.items():
        try:
            make(source, EXTERNALS)
        except Refused as error:
            errors[name] = str(error)[:400]
    return errors


def _kind(name: str, found: Sequence[set[str]]) -> str:
    """Who is alone with its answer about one rule."""
    answers = [name in one for one in found]
    alone = next((i for i in range(3) if answers.count(answers[i]) == 1), None)
    if alone is None:
        return ""
    return f"{list(_MAKERS)[alone]} alone {'matches' if answers[alone] else 'does not match'}"


_BELOW = re.compile(r" in \((?!\d+\.\.|i\.\.).*\.\.")
_KNOWN = {
    "boreal": (
        # YARA and YARA-X take a lower bound below zero for zero; boreal is never true then. It
        # matters: `$a in (filesize-500..filesize)` is common, and files may be smaller.
        ("a range that begins below zero", _BELOW),
        # `/a.*b/ fullword` on " ab ba": boreal takes "ab", YARA only looks at "ab b".
        ("another end of a fullword expression", re.compile(r"/[^/\n]*[*+{][^/\n]*/ fullword")),
        # What is undefined ends the loop in boreal, and is left out by the others.
        ("a loop with an undefined value", re.compile(r"\bfor \w+ (?:i in|of) ")),
        # `"a" ascii wide` on 61 00: two bytes in boreal, one in the others.
        ("the length of one of two forms", re.compile(r"ascii wide(?s:.*)!\w")),
        # Global rules are looked at first, when the ordinary ones have no answer yet.
        ("a global rule that asks an ordinary one", re.compile(r"global .*\br\d \}", re.DOTALL)),
    ),
    "yara": (
        ("of ... at or in with an undefined value", re.compile(r"\bof .* (?:at|in) ")),
        ("a loop with an undefined value", re.compile(r"\bfor \w+ (?:i in|of) ")),
        ("a range that begins below zero", _BELOW),
    ),
    "yara-x": (
        ("^, $ or a word boundary in wide", re.compile(r"/(?:\^a|b\$|\\bab\\b)/ (?:ascii )?wide")),
        ("a module's function beyond the data", re.compile(r"\b(?:hash|math)\.\w+\(")),
        ("an expression with fullword", re.compile(r"/[^/\n]+/ fullword")),
    ),
}
"""Whose answer differs, and what the minimised rule holds then."""
HARMLESS = frozenset(
    {
        "boreal alone: another end of a fullword expression",
        "boreal alone: the length of one of two forms",
    }
)


def cause(kind: str, minimised_rules: str) -> str:
    """A known difference by its name, or the kind itself."""
    engine = kind.partition(" ")[0]
    for name, expression in _KNOWN[engine]:
        if expression.search(minimised_rules):
            return f"{engine} alone: {name}"
    return kind


def _tell(
    counts: Counts,
    folder: Path,
    rules: list[Rule],
    data: bytes,
    found: list[set[str]],
    told: dict[str, str],
) -> None:
    """Count by causes; of each rule and kind the first difference tells its cause."""
    # A global rule takes all others with it: only rules that differ by themselves are told of.
    kinds = {kind: rule for rule in rules if (kind := _kind(rule.name, found))}
    for kind, rule in kinds.items():
        key = kind + rule.name
        if key not in told:
            least, least_data = minimised(rules, rule, data, kind)
            told[key] = cause(kind, file_of(least))
            keep(
                folder, told[key], counts,
                {"alone": kind, "rules": file_of(least), "data": least_data.hex(), "text": repr(least_data)},
            )  # fmt: skip
        counts.differences[told[key]] += 1
        counts.mattering += kind.startswith("boreal") and told[key] not in HARMLESS


def minimised(rules: list[Rule], rule: Rule, data: bytes, kind: str) -> tuple[list[Rule], bytes]:
    """As few rules, parts of the condition and bytes as easily found."""

    tries = iter(range(_TRIES))

    def holds(some: Sequence[Rule], some_data: bytes) -> bool:
        if next(tries, None) is None:
            return False
        try:
            found = [set(verdict(some_data)) for verdict in _compiled(some)]
        except Refused:
            return False
        return _kind(rule.name, found) == kind

    for other in rules:
        fewer = [r for r in rules if r is not other]
        if other is not rule and holds(fewer, data):
            rules = fewer
    progress = True
    while progress:
        progress = False
        for at, one in enumerate(rules):
            for simpler in one.condition.simpler():
                some = [*rules[:at], replace(one, condition=simpler), *rules[at + 1 :]]
                if len(str(simpler)) < len(str(one.condition)) and holds(some, data):
                    rules, progress = some, True
                    break
    verdicts = _compiled(rules)
    fits = lambda some: _kind(rule.name, [set(v(some)) for v in verdicts]) == kind  # noqa: E731
    return rules, shortest(data, fits)
