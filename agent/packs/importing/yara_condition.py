"""What a rule of YARA asks of its strings, and of the file that they are in.

``filesize``, and bytes at the beginning of a file, are the gate of what else is asked: files are
opened by it. A content is found in any file that is opened all the same, so that it is weak; a
layout is not, which bytes at another place are. ``hash.md5(0, filesize)`` is a hash. What is asked
besides is told, and what is left is weak: ``--rules`` asks all of it.
"""

from __future__ import annotations

import fnmatch
import re
from itertools import combinations
from math import comb
from typing import Any

from msgspec import structs

from ...model.report import Strength
from .and_or import OverWords
from .expressions import Unfit
from .offer import Wanted
from .terms import MOST, Choices, Term, both, either, none_of
from .values import made
from .yara_strings import Words

_NUMBER = re.compile(r"(?P<number>0x[0-9A-Fa-f]+|0o[0-7]+|[0-9]+)(?P<unit>KB|MB)?")
_UNITS = {"": 1, "KB": 1 << 10, "MB": 1 << 20}
_INTEGER = re.compile(r"u?int(8|16|32)(be)?")
_MIRRORED = {"<": ">", ">": "<", "<=": ">=", ">=": "<=", "==": "=="}
_MOST_MAGIC = 16
"""Bytes of a file's beginning that a sweep looks at before it opens it."""
_LEAST_LAYOUT = 8
"""Bytes at a place that say something by themselves."""
_LENGTHS = {"md5": 32, "sha1": 40, "sha256": 64}
_OPENED = (
    "files are opened by it; what is opened anyway, memory and texts are not asked for it, --rules"
    " asks it: wider, weak"
)
Gate = dict[str, Any]


class Condition(OverWords):
    """``$a and 2 of ($b*) and filesize < 1MB``."""

    def __init__(
        self, words: Words, strings: dict[str, Choices], exact: dict[str, bytes], strength: Strength
    ) -> None:
        """``exact``: the bytes of those strings that are nothing else."""
        super().__init__(_signs(words))
        self._strings, self._exact, self._strength = strings, exact, strength

    def read(self) -> Choices:
        """Raises Unfit."""
        found = self.any_of()
        if self.at < len(self.words):
            raise Unfit(self.unclosed())
        return [one for choice in found for one in gated(choice)]

    def unclosed(self) -> str:
        return f"the condition at {self.word()!r}"

    def negated(self, depth: int) -> Choices:
        start = self.at - 1
        self.one(depth)
        return _not_asked(" ".join(self.words[start : self.at]))

    def leaf(self, _depth: int) -> Choices:
        start = self.at
        found = self._known()
        if found is not None and self.word() in ("", "and", "or", ")"):
            return found
        self.at = start
        self._skip()
        if self.at == start:
            raise Unfit(self.unclosed())
        return _not_asked(" ".join(self.words[start : self.at]))

    def _skip(self) -> None:
        """To what ends a condition."""
        depth = 0
        while self.word() and (depth or self.word() not in ("and", "or", ")")):
            depth += (self.word() in ("(", "{", "[")) - (self.word() in (")", "}", "]"))
            self.at += 1

    def _known(self) -> Choices | None:
        word = self.word()
        if self.word(1) == "of" and (word in ("any", "all") or word.isdigit()):
            self.at += 2
            return self._of(word)
        if word in self._strings:
            self.at += 1
            return self._at_place(word) if self.takes("at") else self._strings[word]
        if word[:1] == "#" and f"${word[1:]}" in self._strings:
            return self._counted(f"${word[1:]}")
        if word == "hash":
            return self._hash()
        return self._compared()

    def _of(self, word: str) -> Choices:
        """``any of them``, ``2 of ($a*, $b)``."""
        patterns, self.at = [self.word()], self.at + 1
        if patterns == ["them"]:
            patterns = ["$*"]
        elif patterns == ["("]:
            end = self.words.index(")", self.at) if ")" in self.words[self.at :] else -1
            patterns = "".join(self.words[self.at : max(end, self.at)]).split(",")
            self.at = end + 1 if end >= 0 else len(self.words)
        found = [
            choices
            for name, choices in self._strings.items()
            if any(fnmatch.fnmatchcase(name, pattern) for pattern in patterns)
        ]
        count = {"any": 1, "all": len(found)}.get(word) or int(word if word.isdigit() else 0)
        if not 0 < count <= len(found) or comb(len(found), count) > MOST:
            raise Unfit(f"{word} of {len(found)} strings")
        return either(both(some) for some in combinations(found, count))

    def _counted(self, name: str) -> Choices | None:
        """``#a > 3``: that it is there, once or more."""
        self.at += 1
        sign, number = self.word(), _number(self.word(1))
        least = {">": 1, ">=": 0, "==": 0}.get(sign)
        if least is None or number is None or number + least < 1:
            return None
        self.at += 2
        if number + least == 1 and sign != "==":
            return self._strings[name]
        what = f"#{name[1:]} {sign} {number}"
        return both([self._strings[name], _not_asked(what)])

    def _at_place(self, name: str) -> Choices | None:
        """``$a at 0``: its bytes there, where it is nothing but bytes."""
        data, offset = self._exact.get(name), _number(self.word())
        if not data or offset is None:
            return None
        self.at += 1
        return self._bytes_at(f"{name} at {offset}", data, offset)

    def _bytes_at(self, what: str, data: bytes, offset: int) -> Choices:
        if offset == 0 and len(data) <= _MOST_MAGIC:
            return _gate(what, {"magic": data.hex()})
        if len(data) < _LEAST_LAYOUT:
            return _not_asked(what)
        wanted = Wanted(
            type="layout",
            value=what,
            strength=self._strength,
            fields={"parts": {str(offset): data.hex()}},
        )
        return [(Term(what, wanted),)]

    def _hash(self) -> Choices | None:
        """``hash.md5(0, filesize) == "…"``."""
        text = "".join(self.words[self.at : self.at + 10])
        found = re.match(r'hash\.(md5|sha1|sha256)\(0,filesize\)=="([0-9A-Fa-f]+)"', text)
        if found is None or len(found[2]) != _LENGTHS[found[1]]:
            return None
        self.at += 10
        wanted = made("hash", found[2])
        return None if isinstance(wanted, str) else [(Term(f"hash.{found[1]}", wanted),)]

    def _compared(self) -> Choices | None:
        """``filesize < 1MB``, ``uint16(0) == 0x5A4D``, or the other way round."""
        start = self.at
        first = _number(self.word())
        if first is not None:
            sign = _MIRRORED.get(self.word(1), "")
            self.at += 2
            what = self._measured()
            number: int | None = first
        else:
            what, sign = self._measured(), self.word()
            number = _number(self.word(1))
            self.at += 2
        shown = " ".join(self.words[start : self.at])
        if what is None or number is None or sign not in _MIRRORED:
            return None
        if what == "filesize":
            limits = {
                "<": {"max_size": number - 1}, "<=": {"max_size": number}, "==": {"size": number},
                ">": {"min_size": number + 1}, ">=": {"min_size": number},
            }  # fmt: skip
            return _gate(shown, limits[sign])
        size, big, offset = what
        if sign != "==" or number >= 1 << (8 * size):
            return None
        return self._bytes_at(shown, number.to_bytes(size, "big" if big else "little"), offset)

    def _measured(self) -> Any:
        """``filesize``, or of ``uint16be(4)`` bytes, order and offset; None: something else."""
        if self.takes("filesize"):
            return "filesize"
        found = _INTEGER.fullmatch(self.word())
        if found is None or self.word(1) != "(" or self.word(3) != ")":
            return None
        offset = _number(self.word(2))
        self.at += 4
        return None if offset is None else (int(found[1]) // 8, bool(found[2]), offset)


def _signs(words: Words) -> list[str]:
    """Their texts; signs of two characters in one."""
    found: list[str] = []
    for kind, word in words:
        if kind == "other" and word == "=" and found[-1:] in (["<"], [">"], ["="], ["!"]):
            found[-1] += word
        else:
            found.append(word)
    return found


def _number(text: str) -> int | None:
    found = _NUMBER.fullmatch(text)
    if found is None or len(found["number"]) > 20:
        return None
    number = found["number"]
    value = int(number, 10) if number.isdigit() else int(number, 0)
    return value * _UNITS[found["unit"] or ""]


def _not_asked(what: str) -> Choices:
    return none_of(what, f"{what} is not asked, --rules asks it: wider, weak")


def _gate(what: str, gate: Gate) -> Choices:
    return [(Term(what, None, "", is_implied=True, gate=gate),)]


def gated(choice: tuple[Term, ...]) -> Choices:
    """A choice whose gates stand at what else it asks."""
    gates = [term for term in choice if term.gate is not None]
    if not gates:
        return [choice]
    others = [term for term in choice if term.gate is None]
    shown = " and ".join(term.what for term in gates)
    gate = _one_gate([term.gate for term in gates if term.gate is not None])
    if gate is None:
        return none_of(shown, f"no file is so: {shown}")
    if all(term.wanted is None for term in others):
        return [(*others, Term(shown, None, "the size or the beginning of a file alone"))]
    asked = [_behind(term, gate) for term in others]
    if any(term.wanted is not None and term.wanted.type == "content" for term in others):
        asked.append(Term(shown, None, f"{shown}: {_OPENED}"))
    return [tuple(asked)]


def _one_gate(gates: list[Gate]) -> Gate | None:
    """All that they ask; None: nothing can be all of it."""
    size = {gate["size"] for gate in gates if "size" in gate}
    least = max((gate["min_size"] for gate in gates if "min_size" in gate), default=0)
    most = min((gate["max_size"] for gate in gates if "max_size" in gate), default=None)
    magics = sorted((gate["magic"] for gate in gates if "magic" in gate), key=len)
    if len(size) > 1 or any(not magics[-1].startswith(one) for one in magics):
        return None
    if most is not None and (most < 1 or least > most):
        return None
    if any(not least <= one <= (one if most is None else most) or one < 1 for one in size):
        return None
    found: Gate = {"size": size.pop()} if size else {}
    if not found and least > 1:
        found["min_size"] = least
    if "size" not in found and most is not None:
        found["max_size"] = most
    if magics:
        found["magic"] = magics[-1]
    return found


def _behind(term: Term, gate: Gate) -> Term:
    wanted = term.wanted
    if wanted is None or wanted.type not in ("content", "layout"):
        return term
    least = gate.get("min_size")
    told = [] if least is None else [f"each file of at least {least:,} bytes is read for it"]
    return structs.replace(
        term,
        wanted=structs.replace(
            wanted, fields={**wanted.fields, "gate": gate}, told=(*wanted.told, *told)
        ),
    )
