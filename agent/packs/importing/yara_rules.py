"""YARA's rules as far as a pack goes: texts and bytes that any, or all, are to be there.

What a rule asks besides (sizes, offsets, modules, counts) is named: ``--rules`` takes any rule as
it is. A pack's texts are looked for in ASCII and in UTF-16, in any case; that is told where the
rule wants less. Strength as of rules of one's own (``engine/rule_strength.py``).
"""

from __future__ import annotations

import fnmatch
import re
from collections.abc import Iterator, Sequence
from itertools import combinations
from math import comb

from ...engine.rule_strength import strength_of
from ...engine.rule_text import Rule, rules_in
from ...engine.rule_tokens import Tokens
from ...model.report import Strength
from .and_or import OverWords
from .expressions import Unfit
from .offer import Offer, Wanted, left_out
from .terms import MOST, Choices, Term, both, either, none_of, offered_choices

_KIND = "YARA rule"
_ESCAPE = re.compile(rb'\\(?:x([0-9A-Fa-f]{2})|([ntr"\\]))')
_ESCAPED = {b"n": b"\n", b"t": b"\t", b"r": b"\r", b'"': b'"', b"\\": b"\\"}
_REFUSED = ("xor", "base64", "base64wide")
_ANY_FORM = "in any case, in ASCII and UTF-16"
_THIS_CASE = "in no other case"
_SECTIONS = ("meta", "strings", "condition")
_Words = list[tuple[str, str]]
"""Kind and text of tokens."""


def is_yara(text: str) -> bool:
    """Whether a rule begins in it."""
    return bool(re.search(r"^\s*(?:(?:private|global)\s+)*rule\s+\w+", text, re.MULTILINE))


def read_yara(text: str) -> Iterator[Offer]:
    """All rules of a file."""
    rules = [item for item in rules_in(text) if isinstance(item, Rule)]
    limits = [rule.name for rule in rules if rule.is_global]
    for rule in rules:
        yield from _rule(rule, limits)


def _rule(rule: Rule, limits: Sequence[str]) -> Iterator[Offer]:
    """``limits``: the global rules of its file, all of which are to be true as well."""
    where = f"rule {rule.name}"
    if rule.fault is not None:
        yield left_out(where, _KIND, "", rule.fault[1])
        return
    if rule.is_private or rule.is_global:
        kind = "private" if rule.is_private else "global"
        yield left_out(where, _KIND, rule.name, f"a {kind} rule: proves nothing by itself")
        return
    sections = _sections(rule.text)
    meta = _meta(sections["meta"])
    strength = strength_of(dict(meta))
    try:
        strings = _strings(sections["strings"], strength)
        asked = [none_of(one, f"the global rule {one} is not asked: wider, weak") for one in limits]
        choices = both([_Condition(sections["condition"], strings).read(), *asked])
    except Unfit as error:
        yield left_out(where, _KIND, rule.name, f"{error}; --rules takes the rule as it is")
        return
    yield from offered_choices(
        choices,
        where,
        _KIND,
        note=str(meta.get("description", "")),
        source=str(meta.get("reference", "")),
        same_file=True,
        is_weak="its rule is weak" if strength is Strength.WEAK else "",
    )


def _sections(text: str) -> dict[str, _Words]:
    """Of a rule's text, without its head and its last brace."""
    found: dict[str, _Words] = {name: [] for name in _SECTIONS}
    tokens, words = Tokens(text[text.index("{") + 1 : text.rindex("}")]), _Words()
    while (token := tokens.next()) is not None:
        words.append((str(token.lastgroup), token[0]))
    section = ""
    for place, (kind, word) in enumerate(words):
        behind = words[place + 1][1] if place + 1 < len(words) else ""
        if kind == "word" and word in _SECTIONS and behind == ":":
            section = word
        elif section and not (word == ":" and not found[section]):
            found[section].append((kind, word))
    return found


def _meta(words: _Words) -> dict[str, str | int]:
    found: dict[str, str | int] = {}
    for place in range(len(words) - 2):
        (_, name), (_, sign), (kind, value) = words[place : place + 3]
        if sign == "=" and kind == "string":
            found[name] = value[1:-1]
        elif sign == "=" and value.isdigit():
            found[name] = int(value)
    return found


def _strings(words: _Words, strength: Strength) -> dict[str, Choices]:
    """By the name with its sign."""
    starts = [
        place
        for place, (_, word) in enumerate(words)
        if word.startswith("$") and place + 2 < len(words) and words[place + 1][1] == "="
    ]
    found: dict[str, Choices] = {}
    for start, end in zip(starts, [*starts[1:], len(words)], strict=True):
        name, (kind, value) = words[start][1], words[start + 2]
        modifiers = [word for _, word in words[start + 3 : end]]
        # One without a name is told by its number.
        key = f"{name}{len(found)}" if name == "$" else name
        found[key] = _string(f"{key} = {value}", kind, value, modifiers, strength)
    return found


def _string(what: str, kind: str, value: str, modifiers: list[str], strength: Strength) -> Choices:
    if refused := [one for one in modifiers if one in _REFUSED]:
        return none_of(what, f"modifier {refused[0]}: --rules takes the rule as it is")
    if kind == "hex":
        digits = re.sub(r"\s", "", value[1:-1])
        if not re.fullmatch(r"(?:[0-9A-Fa-f]{2})+", digits):
            return none_of(what, "bytes with wildcards: --rules takes the rule as it is")
        return _content(what, digits.lower(), "hex", strength, [])
    if kind == "regex":
        told = [_ANY_FORM] if "i" not in value.rpartition("/")[2] else []
        body = value[1:].rpartition("/")[0].replace("\\/", "/")
        return _content(what, body, "regex", strength, told)
    data = _bytes(value[1:-1])
    if not data.isascii() or b"\0" in data:
        told = [_THIS_CASE] if "nocase" in modifiers else []
        forms = [_wide(data)] if "wide" in modifiers else []
        forms += [data] if "ascii" in modifiers or not forms else []
        return either(_content(what, form.hex(), "hex", strength, told) for form in forms)
    told = [] if {"nocase", "wide", "ascii"} <= set(modifiers) else [_ANY_FORM]
    told += ["not as a whole word alone"] if "fullword" in modifiers else []
    return _content(what, data.decode("ascii"), "text", strength, told)


def _content(what: str, value: str, match: str, strength: Strength, told: list[str]) -> Choices:
    fields = {} if match == "text" else {"match": match}
    wanted = Wanted(type="content", value=value, strength=strength, fields=fields, told=tuple(told))
    return [(Term(what, wanted),)]


def _bytes(text: str) -> bytes:
    def plain(found: re.Match[bytes]) -> bytes:
        return bytes.fromhex(found[1].decode()) if found[1] else _ESCAPED[found[2]]

    return _ESCAPE.sub(plain, text.encode("utf-8", "surrogateescape"))


def _wide(data: bytes) -> bytes:
    """Each byte with a zero behind it, as YARA has it also of what is no ASCII."""
    return b"".join(bytes((one, 0)) for one in data)


class _Condition(OverWords):
    """``$a and 2 of ($b*)``."""

    def __init__(self, words: _Words, strings: dict[str, Choices]) -> None:
        super().__init__([word for _, word in words])
        self._strings = strings

    def read(self) -> Choices:
        """Raises Unfit."""
        found = self.any_of()
        if self.at < len(self.words):
            raise Unfit(self.unclosed())
        return found

    def unclosed(self) -> str:
        return f"the condition at {self.word()!r}"

    def negated(self, _depth: int) -> Choices:
        raise Unfit("the condition at 'not'")

    def leaf(self, _depth: int) -> Choices:
        word = self.word()
        if self.word(1) == "of" and (word in ("any", "all") or word.isdigit()):
            self.at += 2
            return self._of(word)
        if word in self._strings and self.word(1) in ("", "and", "or", ")"):
            self.at += 1
            return self._strings[word]
        raise Unfit(f"the condition at {word!r}")

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
