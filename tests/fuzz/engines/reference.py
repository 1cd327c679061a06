"""What a YARA pattern means, by a matcher of our own on the syntax tree of Python's ``re``:
the judge where two engines disagree.

Only what our patterns use: literals, regular expressions and hex patterns with ``ascii``, ``wide``,
``nocase`` and ``fullword``. Slow; asked about single places.
"""

from __future__ import annotations

import random
import re
from collections.abc import Iterator
from functools import lru_cache
from re import _constants as kind  # type: ignore[attr-defined, unused-ignore]
from re import _parser as parser  # type: ignore[attr-defined, unused-ignore]
from typing import Any

_PATTERN = re.compile(
    r'("(?:[^"\\]|\\.)*"|/(?:[^/\\]|\\.)*/|\{[^}]*\}(?![0-9a-z]))([ a-z]*)', re.DOTALL
)
_HEX = re.compile(r"\[\s*(\d*)\s*(-?)\s*(\d*)\s*\]|~?[0-9a-fA-F?]{2}|[()|]")
_ESCAPES = {"n": b"\n", "t": b"\t", "r": b"\r", '"': b'"', "\\": b"\\"}
_CAPITALS = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
MANY = 6
"""A sample repeats ``*`` and ``{n,}`` this often at most."""


class Reference:
    """One pattern as it stands behind ``$p =``.

    All matches at an offset are found at once, as the set of their ends: nothing is tried twice,
    so no expression takes long.
    """

    def __init__(self, source: str) -> None:
        body, modifiers = _split(source)
        words = modifiers.split()
        flags = re.DOTALL if body[0] != "/" or words[:1] in (["s"], ["is"]) else 0
        if "nocase" in words or words[:1] in (["i"], ["is"]):
            flags |= re.IGNORECASE
        self.nocase = bool(flags & re.IGNORECASE)
        self.tree = parser.parse(_expression(body), flags)
        self._steps = _compiled(self.tree, flags)
        self.fullword = "fullword" in words
        self.wide = "wide" in words
        self.ascii = "ascii" in words or not self.wide

    def matches(self, data: bytes, offset: int, length: int) -> bool:
        """Whether the pattern has a match at this offset of exactly this length."""
        return length in self.lengths(data, offset)

    def occurs(self, data: bytes, offset: int) -> bool:
        """Whether a match of some length above zero starts at this offset."""
        return bool(self.lengths(data, offset))

    def lengths(self, data: bytes, offset: int) -> set[int]:
        """Of all matches at this offset, those of no byte left out."""
        widths = [width for width, asked in ((1, self.ascii), (2, self.wide)) if asked]
        return {length for width in widths for length in self.lengths_of(data, offset, width)}

    def lengths_of(self, data: bytes, offset: int, width: int) -> set[int]:
        """``width``: 1 for the ASCII form, 2 for the UTF-16 form."""
        ends = _ends(self._steps, data, {offset}, width) - {offset}
        if self.fullword:
            if _is_word(data, offset - width, width):
                return set()
            ends = {end for end in ends if not _is_word(data, end, width)}
        return {end - offset for end in ends}


def _is_word(data: bytes, at: int, width: int) -> bool:
    """Whether a letter or digit stands here, in the encoding of the match."""
    if at < 0 or at + width > len(data):
        return False
    return data[at : at + 1].isalnum() and not any(data[at + 1 : at + width])


def _compiled(tree: Any, flags: int) -> list[Any]:
    """A byte's step is a table of the 256 bytes that may stand there."""
    return [step for node in tree for step in _step(node, flags)]


def _step(node: Any, flags: int) -> list[Any]:
    operation, value = node
    if operation in (kind.MAX_REPEAT, kind.MIN_REPEAT):
        low, high, inner = value
        return [("repeat", low, high, _compiled(inner, flags))]
    if operation is kind.SUBPATTERN:
        return _compiled(value[3], flags)
    if operation is kind.BRANCH:
        return [("branch", [_compiled(branch, flags) for branch in value[1]])]
    if operation is kind.AT:
        return [("at", value)]
    return [_table(operation, value, flags)]


def _table(operation: Any, value: Any, flags: int) -> bytes:
    if operation is kind.ANY:
        return bytes(bool(flags & re.DOTALL) or byte != 10 for byte in range(256))
    items = [(operation, value)] if operation is not kind.IN else value
    negated = items[0][0] is kind.NEGATE
    if operation is kind.NOT_LITERAL:
        items, negated = [(kind.LITERAL, value)], True
    items = items[items[0][0] is kind.NEGATE :]

    def holds(byte: int) -> bool:
        both = (
            {byte, byte ^ 0x20}
            if flags & re.IGNORECASE and chr(byte & ~0x20) in _CAPITALS
            else {byte}
        )
        return any(_holds(item, one) for item in items for one in both)

    return bytes(holds(byte) is not negated for byte in range(256))


def _ends(steps: list[Any], data: bytes, at: set[int], width: int) -> set[int]:
    for step in steps:
        if isinstance(step, bytes):
            last = len(data) - width
            at = {
                place + width
                for place in at
                if place <= last and step[data[place]] and (width == 1 or not data[place + 1])
            }
        elif step[0] == "at":
            at = {place for place in at if _is_at(step[1], data, place, width)}
        elif step[0] == "branch":
            at = set().union(*(_ends(branch, data, at, width) for branch in step[1]))
        else:
            at = _repeated(step, data, at, width)
        if not at:
            return at
    return at


def _repeated(step: Any, data: bytes, at: set[int], width: int) -> set[int]:
    _, low, high, inner = step
    for _ in range(low):
        at = _ends(inner, data, at, width)
    seen, new, count = set(at), at, low
    while new and count < high:
        new = _ends(inner, data, new, width) - seen
        seen |= new
        count += 1
    return seen


def _is_at(where: Any, data: bytes, place: int, width: int) -> bool:
    if where is kind.AT_BEGINNING_STRING:
        return place == 0
    if where is kind.AT_END_STRING:
        return place == len(data)
    before, after = (_is_letter(data, at, width) for at in (place - width, place))
    return (before != after) is (where is kind.AT_BOUNDARY)


def _is_letter(data: bytes, at: int, width: int) -> bool:
    """As ``_is_word``, an underscore too."""
    return _is_word(data, at, width) or (at >= 0 and data[at : at + width] == b"_\0"[:width])


def _split(source: str) -> tuple[str, str]:
    whole = _PATTERN.fullmatch(source.strip())
    if whole is None:
        raise ValueError(f"not a pattern of ours: {source}")
    return whole.group(1), whole.group(2)


def _expression(body: str) -> bytes:
    if body[0] == '"':
        return re.escape(_literal(body[1:-1]))
    if body[0] == "/":
        return _anchors(body[1:-1].replace("\\/", "/")).encode()
    return _hex(body[1:-1])


def _literal(text: str) -> bytes:
    made, at = b"", 0
    while at < len(text):
        if text[at] != "\\":
            made, at = made + text[at].encode(), at + 1
        elif text[at + 1] == "x":
            made, at = made + bytes([int(text[at + 2 : at + 4], 16)]), at + 4
        else:
            made, at = made + _ESCAPES[text[at + 1]], at + 2
    return made


def _anchors(body: str) -> str:
    """``^`` and ``$`` are the ends of the data alone."""
    made, in_class, at = [], False, 0
    while at < len(body):
        step = body[at : at + 2] if body[at] == "\\" else body[at]
        if step == "[" and not in_class:
            in_class = True
            if body[at + 1 : at + 2] == "^":
                step = "[^"
        elif step == "]":
            in_class = False
        elif step in "^$" and not in_class:
            step = {"^": "\\A", "$": "\\Z"}[step]
            at += 1
            made.append(step)
            continue
        made.append(step)
        at += len(step)
    return "".join(made)


def _hex(body: str) -> bytes:
    made = []
    for token in _HEX.finditer(body):
        text = token.group(0)
        if text[0] == "[":
            low, dash, high = token.groups()
            upper = (high if dash else low) or ""
            made.append(f"(?:.{{{low or 0},{upper}}}?)")
        elif text in "()|":
            made.append(text.replace("(", "(?:"))
        else:
            made.append(_byte(text))
    return "".join(made).encode()


def _byte(text: str) -> str:
    negative, digits = text[0] == "~", text[-2:].lower()
    values = [n for n in range(256) if all(d in ("?", f"{n:02x}"[i]) for i, d in enumerate(digits))]
    return "[" + "^" * negative + "".join(f"\\x{n:02x}" for n in values) + "]"


@lru_cache(maxsize=1 << 14)
def reference(source: str) -> Reference:
    """Made once for each pattern."""
    return Reference(source)


def sample(pattern: Reference, chosen: random.Random) -> bytes:
    """Bytes that fit the expression, in its ASCII form; anchors are not looked at."""
    return bytes(_sampled(pattern.tree, chosen))


def _sampled(tree: Any, chosen: random.Random) -> Iterator[int]:
    for operation, value in tree:
        if operation is kind.LITERAL:
            yield value
        elif operation is kind.NOT_LITERAL:
            yield next(n for n in (120, 121) if n != value)
        elif operation is kind.ANY:
            yield chosen.choice(b"x. \0\xff")
        elif operation is kind.IN:
            yield _member(value, chosen)
        elif operation in (kind.MAX_REPEAT, kind.MIN_REPEAT):
            low, high, inner = value
            high = min(int(high), low + chosen.choice((0, 1, 2, MANY, 300)))
            for _ in range(chosen.choice((low, high, chosen.randint(low, high)))):
                yield from _sampled(inner, chosen)
        elif operation is kind.SUBPATTERN:
            yield from _sampled(value[3], chosen)
        elif operation is kind.BRANCH:
            yield from _sampled(chosen.choice(value[1]), chosen)
        elif operation is not kind.AT:
            raise ValueError(f"{operation} is in no pattern of ours")


_EVERY = bytes(range(256))
_SPACE, _DIGIT = b" \t\n\r\f\v", b"0123456789"
_WORD = bytes(byte for byte in range(128) if chr(byte).isalnum()) + b"_"
_CATEGORIES = {
    kind.CATEGORY_SPACE: _SPACE,
    kind.CATEGORY_DIGIT: _DIGIT,
    kind.CATEGORY_WORD: _WORD,
    kind.CATEGORY_NOT_SPACE: _EVERY.translate(None, _SPACE),
    kind.CATEGORY_NOT_DIGIT: _EVERY.translate(None, _DIGIT),
    kind.CATEGORY_NOT_WORD: _EVERY.translate(None, _WORD),
}


def _member(items: Any, chosen: random.Random) -> int:
    """One of a class; of a negated one mostly a common byte."""
    if items[0][0] is kind.NEGATE:
        excluded = items[1:]
        for byte in chosen.sample(b"axAZ09 ._-\\\0\n\xd0\xff", 15):
            if not any(_holds(item, byte) for item in excluded):
                return byte
        return next(n for n in range(256) if not any(_holds(i, n) for i in excluded))
    operation, value = chosen.choice(items)
    if operation is kind.LITERAL:
        return int(value)
    if operation is kind.RANGE:
        return int(chosen.choice((value[0], value[1], chosen.randint(*value))))
    return int(chosen.choice(_CATEGORIES[value]))


def _holds(item: Any, byte: int) -> bool:
    operation, value = item
    if operation is kind.LITERAL:
        return bool(byte == value)
    if operation is kind.RANGE:
        return bool(value[0] <= byte <= value[1])
    return byte in _CATEGORIES[value]
