"""A rule of YARA's strings as contents of a pack.

A text is looked for in ASCII and in UTF-16, in any case; that is told where the rule wants less.
``base64`` is each of the three spellings that a text has in it; ``xor`` is each key's bytes, where
there are few keys. Source: YARA 4.5, documentation, "Strings".
"""

from __future__ import annotations

import base64
import re
from collections.abc import Iterator

from ...engine.hex_string import is_plain, read_hex_string
from ...model.report import Strength
from .offer import Wanted
from .terms import Choices, Term, either, none_of

Words = list[tuple[str, str]]
"""Kind and text of tokens."""
AS_IT_IS = "--rules takes the rule as it is"
_ESCAPE = re.compile(rb'\\(?:x([0-9A-Fa-f]{2})|([ntr"\\]))')
_ESCAPED = {b"n": b"\n", b"t": b"\t", b"r": b"\r", b'"': b'"', b"\\": b"\\"}
_ANY_FORM = "in any case, in ASCII and UTF-16"
_THIS_CASE = "in no other case"
_MOST_KEYS = 32
"""Of ``xor``: each is an indicator."""
_ALIGNED = ((0, 0), (1, 2), (2, 3))
"""Of BASE64: bytes before a text, and characters that depend on them."""


def _declared(words: Words) -> Iterator[tuple[str, str, str, list[str]]]:
    """Name with its sign, kind, text, and modifiers."""
    starts = [
        place
        for place, (_, word) in enumerate(words)
        if word.startswith("$") and place + 2 < len(words) and words[place + 1][1] == "="
    ]
    for number, (start, end) in enumerate(zip(starts, [*starts, len(words)][1:], strict=True)):
        name, (kind, value) = words[start][1], words[start + 2]
        # One without a name is told by its number.
        yield (
            f"$<{number}>" if name == "$" else name,
            kind,
            value,
            [word for _, word in words[start + 3 : end]],
        )


def strings_of(words: Words, strength: Strength) -> dict[str, Choices]:
    """By the name with its sign."""
    return {
        name: _string(f"{name} = {value}", kind, value, modifiers, strength)
        for name, kind, value, modifiers in _declared(words)
    }


def _string(what: str, kind: str, value: str, modifiers: list[str], strength: Strength) -> Choices:
    if kind == "hex":
        return _hex_string(what, value[1:-1], strength)
    if kind == "regex":
        told = [_ANY_FORM] if "i" not in value.rpartition("/")[2] else []
        body = value[1:].rpartition("/")[0].replace("\\/", "/")
        return _content(what, body, "regex", strength, told)
    data = _bytes(value[1:-1])
    if "xor" in modifiers or {"base64", "base64wide"} & set(modifiers):
        return _encoded(what, data, modifiers, strength)
    if not data.isascii() or b"\0" in data:
        told = [_THIS_CASE] if "nocase" in modifiers else []
        return _each(what, _forms(data, modifiers), strength, told)
    told = [] if {"nocase", "wide", "ascii"} <= set(modifiers) else [_ANY_FORM]
    told += ["not as a whole word alone"] if "fullword" in modifiers else []
    return _content(what, data.decode("ascii"), "text", strength, told)


def _hex_string(what: str, text: str, strength: Strength) -> Choices:
    plain = re.sub(r"\s", "", text) if is_plain(text) else " ".join(text.split())
    try:
        read_hex_string(plain)
    except ValueError as error:
        return none_of(what, f"bytes: {error}: {AS_IT_IS}")
    return _content(what, plain.lower(), "hex", strength, [])


def _encoded(what: str, data: bytes, modifiers: list[str], strength: Strength) -> Choices:
    """``xor(1-255)``, ``base64``, ``base64wide``."""
    name = next(one for one in modifiers if one in ("xor", "base64", "base64wide"))
    if name == "xor":
        first, last = _keys(modifiers)
        if last - first >= _MOST_KEYS:
            return none_of(what, f"modifier xor of more than {_MOST_KEYS} keys: {AS_IT_IS}")
        forms = [
            bytes(one ^ key for one in form)
            for form in _forms(data, modifiers)
            for key in range(first, last + 1)
        ]
    elif "(" in modifiers:
        return none_of(what, f"modifier {name} with an alphabet of its own: {AS_IT_IS}")
    else:
        texts = [text for form in _forms(data, modifiers) for text in _in_base64(form)]
        forms = texts if "base64" in modifiers else []
        forms += [_wide(one) for one in texts] if "base64wide" in modifiers else []
    told = ["not as a whole word alone"] if "fullword" in modifiers else []
    return _each(what, [one for one in dict.fromkeys(forms) if one], strength, told)


def _keys(modifiers: list[str]) -> tuple[int, int]:
    """The first and the last."""
    place = modifiers.index("xor")
    text = "".join(modifiers[place + 1 :])
    found = re.match(r"\((0x[0-9A-Fa-f]+|\d+)(?:-(0x[0-9A-Fa-f]+|\d+))?\)", text)
    if found is None:
        return 0, 255
    first = int(found[1], 0)
    return first, int(found[2], 0) if found[2] else first


def _in_base64(data: bytes) -> list[bytes]:
    """What of its encoding is the same whatever stands before and behind it."""
    found = []
    for before, lost in _ALIGNED:
        text = base64.b64encode(bytes(before) + data)
        end = {0: 0, 1: 3, 2: 2}[(before + len(data)) % 3]
        found.append(text[lost : len(text) - end])
    return found


def _forms(data: bytes, modifiers: list[str]) -> list[bytes]:
    """As the rule wants it: ASCII, or with zeros between."""
    forms = [_wide(data)] if "wide" in modifiers else []
    return [*forms, data] if "ascii" in modifiers or not forms else forms


def _each(what: str, forms: list[bytes], strength: Strength, told: list[str]) -> Choices:
    return either(_content(what, form.hex(), "hex", strength, told) for form in forms)


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


def exact_bytes(words: Words) -> dict[str, bytes]:
    """Of the strings that are one run of bytes and nothing else, by the name with its sign."""
    found: dict[str, bytes] = {}
    for name, kind, value, modifiers in _declared(words):
        if kind == "hex" and is_plain(value[1:-1]):
            found[name] = bytes.fromhex(re.sub(r"\s", "", value[1:-1]))
        elif kind == "string" and set(modifiers) <= {"ascii", "private"}:
            found[name] = _bytes(value[1:-1])
    return found
