"""Where the parts of a JSON text stand: asked only when something is wrong with one of them."""

from __future__ import annotations

import json
import re
from typing import Any

Place = tuple[str | int, ...]
"""The keys and numbers that lead to a part."""
_TOKEN = re.compile(r'"(?:[^"\\]|\\.)*"|[\[\]{},:]|[^\s\[\]{},:"]+', re.DOTALL)


class KeyTwice(ValueError):
    """An object has the same key twice; JSON itself does not mind."""


def read_json(text: str) -> Any:
    """The value of a JSON text, strictly.

    Raises:
        KeyTwice: of an object.
        json.JSONDecodeError: no JSON.
        ValueError: a number that is none, or half of a character.
        RecursionError: nested too deeply.
    """
    value = json.loads(text, object_pairs_hook=_unique, parse_constant=_refused)
    if r"\ud" in text or r"\uD" in text:
        json.dumps(value, ensure_ascii=False).encode()  # UnicodeEncodeError is a ValueError.
    return value


def check_json(text: str) -> None:
    """As :func:`read_json`, without the value, which may take many times the room of its text."""
    if r"\ud" in text or r"\uD" in text:
        read_json(text)
    else:
        json.loads(text, object_pairs_hook=_forgotten, parse_constant=_refused)


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        raise KeyTwice
    return found


def _forgotten(pairs: list[tuple[str, Any]]) -> None:
    if len({key for key, _ in pairs}) < len(pairs):
        raise KeyTwice


def _refused(constant: str) -> None:
    raise ValueError(f"{constant} is no number")


def lines_of(text: str) -> tuple[dict[Place, int], Place | None]:
    """The line of each part of a JSON text, and the place of the first key that stands twice."""
    lines: dict[Place, int] = {(): 1}
    twice: Place | None = None
    line, at = 1, 0
    place: list[str | int] = []
    """Of what is read: its last part is the key or the number of the next one."""
    is_key = False
    for token in _TOKEN.finditer(text):
        line += text.count("\n", at, token.start())
        at, word = token.start(), token[0]
        if is_key and word != "}":
            place[-1] = json.loads(word)
            here = tuple(place)
            twice = twice or (here if here in lines else None)
            lines[here], is_key = line, False
            if twice:
                return lines, twice
        elif word == ",":
            last = place[-1]
            if isinstance(last, int):
                place[-1] = last + 1
            else:
                is_key = True
        elif word in "]}":
            place.pop()
            is_key = False
        elif word != ":":
            lines.setdefault(tuple(place), line)
            if word in "[{":
                place.append(0 if word == "[" else "")
                is_key = word == "{"
    return lines, twice
