"""YARA's rules as far as a pack goes: texts and bytes that any, or all, are to be there, and the
size and beginning of the file that they are in.

What a rule asks besides (modules, counts, places that are computed) is named: ``--rules`` takes any
rule as it is. Strength as of rules of one's own (``engine/rule_strength.py``).
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from ...engine.rule_strength import strength_of
from ...engine.rule_text import Rule, rules_in
from ...engine.rule_tokens import Tokens
from ...model.report import Strength
from .expressions import Unfit
from .offer import Offer, left_out
from .terms import both, none_of, offered_choices
from .yara_condition import Condition
from .yara_strings import AS_IT_IS, Words, exact_bytes, strings_of

_KIND = "YARA rule"
_SECTIONS = ("meta", "strings", "condition")


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
        strings = strings_of(sections["strings"], strength)
        exact = exact_bytes(sections["strings"])
        asked = [none_of(one, f"the global rule {one} is not asked: wider, weak") for one in limits]
        condition = Condition(sections["condition"], strings, exact, strength)
        choices = both([condition.read(), *asked])
    except Unfit as error:
        yield left_out(where, _KIND, rule.name, f"{error}; {AS_IT_IS}")
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


def _sections(text: str) -> dict[str, Words]:
    """Of a rule's text, without its head and its last brace."""
    found: dict[str, Words] = {name: [] for name in _SECTIONS}
    tokens, words = Tokens(text[text.index("{") + 1 : text.rindex("}")]), Words()
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


def _meta(words: Words) -> dict[str, str | int]:
    found: dict[str, str | int] = {}
    for place in range(len(words) - 2):
        (_, name), (_, sign), (kind, value) = words[place : place + 3]
        if sign == "=" and kind == "string":
            found[name] = value[1:-1]
        elif sign == "=" and value.isdigit():
            found[name] = int(value)
    return found
