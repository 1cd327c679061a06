"""Indicators as patterns of bytes, in the rule language of YARA.

A text is looked for as a host keeps it: in ASCII or UTF-8, and in UTF-16 (little endian). ``wide``
is not UTF-16 in any engine, only each byte with a zero behind it, and ``nocase`` knows the letters
of ASCII alone. So what is outside ASCII, and what may match letters outside it (wildcards, ``.``
and negated classes), is written out byte by byte, for both encodings (``characters.py``,
``expressions.py``; the latter says what stays of ASCII). A name of ASCII counts as a word of its
own beside a letter outside ASCII, as the engine has it.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from typing import Final, NamedTuple

from msgspec import Struct

from ..indicators import (
    Address,
    CommandLine,
    Content,
    Domain,
    FileName,
    Indicator,
    Pipe,
    Url,
)
from ..spelling import cases_of, command_regex, command_words, domain_forms, fold, is_glob
from .characters import ENCODINGS, MOST_BYTES, Characters, Encoding
from .expressions import written
from .hex_string import read_hex_string

Check = Callable[[bytes, int, int], bool]

_ALONE: Final = " fullword"
_STAR: Final = 64
"""Characters that a star stands for at most."""
_TO_QUOTE: Final = re.compile(r'["\\]|[^ -~]')
"""Of a text of ASCII."""
_IN_NAMES: Final = Characters.all_but_ascii(frozenset(b'\\/:*?"<>|\r\n\0'))


class BytePattern(NamedTuple):
    """One thing that must occur in bytes."""

    forms: tuple[str, ...]
    """Declarations of strings without a name, any of which is an occurrence."""
    longest: int | None
    """Bytes of the longest occurrence; None: there is no bound."""
    text: str | None = None
    """If it is nothing but this text of ASCII, in any case ..."""
    whole_word: bool = False
    """... that stands alone: between what is no letter and no digit."""
    check: Check | None = None
    """Whether a candidate of the engine, by data, offset and length, is an occurrence; None: each
    is."""
    tame: bool = True
    """Whether no bytes make it slow (``expressions.py``)."""
    holds: str = ""
    """A text of ASCII that is in each occurrence, in any case, in ASCII or in UTF-16; "" if none is
    known."""


def patterns_of(indicator: Indicator) -> list[BytePattern]:
    """All of which must occur; empty when bytes cannot tell."""
    if isinstance(indicator, FileName):
        return [name_pattern(indicator.value)]
    if isinstance(indicator, Domain):
        return [_domain(indicator.value)]
    if isinstance(indicator, Url):
        return [_text(indicator.value)]
    if isinstance(indicator, Address):
        return [] if "/" in indicator.value else [_text(indicator.value, whole_word=True)]
    if isinstance(indicator, CommandLine):
        pieces = [indicator.value] if isinstance(indicator.value, str) else indicator.value
        return [_command(piece) for piece in pieces]
    if isinstance(indicator, Content):
        return [_content(indicator)]
    if isinstance(indicator, Pipe):
        return [_regex(_slashed(indicator.value), any_case=False)]
    return []


# Exact texts.


def name_pattern(name: str) -> BytePattern:
    """Of a file's name; ``*`` and ``?`` are wildcards."""
    return _glob(name) if is_glob(name) else _text(name, whole_word=True)


def text_pattern(text: str, *, whole_word: bool = False) -> BytePattern:
    """Of one text, in any case."""
    return _text(text, whole_word=whole_word)


def beside_anything(pattern: BytePattern) -> BytePattern:
    """The same, whatever stands beside it: where one value begins when the last one ends."""
    alone = isinstance(pattern.check, StandsAlone)
    return pattern._replace(
        forms=tuple(form.removesuffix(_ALONE) for form in pattern.forms),
        whole_word=False,
        check=None if alone else pattern.check,
    )


def _text(text: str, *, whole_word: bool = False) -> BytePattern:
    if text.isascii():
        word = _ALONE if whole_word else ""
        form = f"{_quoted(text)} nocase ascii wide{word}"
        exact = text if "\0" not in text else None
        return BytePattern((form,), 2 * len(text), exact, whole_word, holds=exact or "")
    forms = tuple(f"{{ {any_case(text, encoding)} }}" for encoding in ENCODINGS)
    check = StandsAlone(frozenset({fold(text)})) if whole_word else None
    return BytePattern(forms, MOST_BYTES * len(text), check=check)


def _domain(name: str) -> BytePattern:
    """As it is written, and as it is asked for: with the labels that DNS knows."""
    written_name = _text(name, whole_word=True)
    asked_for = [form for form in domain_forms(name) if form.isascii()]
    if written_name.text is not None or not asked_for:
        return written_name
    asked = [_text(form, whole_word=True) for form in asked_for]
    return BytePattern(
        written_name.forms + tuple(form for one in asked for form in one.forms),
        max(one.longest or 0 for one in (written_name, *asked)),
        check=StandsAlone(frozenset(map(fold, (name, *asked_for)))),
    )


def _quoted(text: str) -> str:
    """A text of ASCII as a literal."""
    return '"' + _TO_QUOTE.sub(_quoted_character, text) + '"'


def _quoted_character(found: re.Match[str]) -> str:
    character = found[0]
    return "\\" + character if character in '"\\' else f"\\x{ord(character):02x}"


def any_case(text: str, encoding: Encoding) -> str:
    """A text in an encoding, each character in every case that folds as it does, as the inner part
    of a hexadecimal string."""
    return " ".join(_any_case(character, encoding) for character in text)


def _any_case(character: str, encoding: Encoding) -> str:
    encoded = {form.encode(encoding, "surrogatepass") for form in cases_of(character)}
    forms = sorted(one.hex(" ") for one in encoded)
    return forms[0] if len(forms) == 1 else "( " + " | ".join(forms) + " )"


class StandsAlone(Struct, frozen=True):
    """Whether the characters beside an occurrence are neither letters nor digits, of any script,
    in the encoding of the occurrence."""

    texts: frozenset[str]
    """What occurs, folded."""

    def __call__(self, data: bytes, offset: int, length: int) -> bool:
        """Of the occurrence at this offset, of so many bytes."""
        end = offset + length
        encoding = "utf-8" if self._is_utf_8(data[offset:end]) else "utf-16-le"
        before = data[max(0, offset - MOST_BYTES) : offset]
        if encoding == "utf-16-le" and len(before) % 2:
            before = before[1:]
        after = data[end : end + MOST_BYTES]
        return not (
            before.decode(encoding, "replace")[-1:].isalnum()
            or after.decode(encoding, "replace")[:1].isalnum()
        )

    def _is_utf_8(self, occurrence: bytes) -> bool:
        try:
            return fold(occurrence.decode()) in self.texts
        except UnicodeDecodeError:
            return False


# Wildcards and expressions.


def _command(piece: str) -> BytePattern:
    """Its words stand there as they are, but for case; of them the one that is least a word."""
    words = command_words(piece) if piece.isascii() else []
    return _regex(command_regex(piece))._replace(holds=max(words, key=_is_special, default=""))


def _is_special(word: str) -> int:
    return len(word) if word.isalpha() else 2 * len(word)


def _glob(value: str) -> BytePattern:
    """A star stays within one name; one at an end may stand for nothing, and is not looked for."""
    parts = re.split(r"([*?])", value.strip("*"))
    forms = tuple(_glob_form(parts, encoding) for encoding in ENCODINGS)
    stars = parts.count("*")
    longest = len("".join(parts)) - stars + _STAR * stars
    return BytePattern(forms, MOST_BYTES * longest)


def _glob_form(parts: Sequence[str], encoding: Encoding) -> str:
    by_engine = all(part.isascii() for part in parts)
    one = _IN_NAMES.spelled(encoding)
    wild = {"*": f"{one}{{0,{_STAR}}}", "?": one}
    body = "".join(
        wild.get(part) or "".join(_letter(c, encoding, any_case=not by_engine) for c in part)
        for part in parts
    )
    return f"/{body}/{' nocase' if by_engine else ''}"


def _letter(character: str, encoding: Encoding, *, any_case: bool) -> str:
    code = ord(character)
    return Characters.of([(code, code)], any_case=any_case).spelled(encoding)


def _content(indicator: Content) -> BytePattern:
    if indicator.match == "hex":
        longest = read_hex_string(indicator.value).longest
        return BytePattern((f"{{ {indicator.value} }}",), longest)
    if indicator.match == "text":
        return _text(indicator.value)
    return _regex(_slashed(indicator.value))


def _slashed(value: str) -> str:
    return value.replace("\\/", "/").replace("/", "\\/")


def _regex(value: str, *, any_case: bool = True) -> BytePattern:
    forms, longest, tame = written(value, any_case=any_case)
    return BytePattern(forms, None if longest is None else MOST_BYTES * longest, tame=tame)
