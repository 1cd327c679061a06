"""Indicators as patterns of bytes, in the rule language of YARA.

A text is looked for as a host keeps it: in ASCII or UTF-8, and in UTF-16 (little endian). ``wide``
is not UTF-16 in any engine, only each byte with a zero behind it, and ``nocase`` knows the letters
of ASCII alone. So what is outside ASCII, and what may match letters outside it (wildcards, ``.``
and negated classes), is written out here, byte by byte, for both encodings. What stays of ASCII are
``\\w``, ``\\d`` and ``\\s``; expressions with anchors or word boundaries keep the engine's own
``ascii wide``.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from re import _constants as sre  # type: ignore[attr-defined]
from re import _parser  # type: ignore[attr-defined]
from typing import Any, Final, Literal, NamedTuple

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
from ..patterns import command_regex, fold, fold_domain, is_glob, same_folded

Encoding = Literal["utf-8", "utf-16-le"]
Check = Callable[[bytes, int, int], bool]

_MOST_BYTES: Final = 4
"""Of a character in UTF-8 or UTF-16."""
_STAR: Final = 64
"""Characters that a star stands for at most."""
_MOST_MEMBERS: Final = 1 << 10
"""Characters of a class outside ASCII; one of more stays the engine's own."""
_NO_BOUND: Final = 1 << 14
"""Characters; what may be longer has no bound."""
_NOT_IN_NAMES: Final = frozenset('\\/:*?"<>|\r\n\0')
_OUTSIDE: Final = r"[\xc2-\xf4][\x80-\xbf]{1,3}|[\x80-\xff]"
"""A character outside ASCII in UTF-8, or in a code page of one byte."""


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


def patterns_of(indicator: Indicator) -> list[BytePattern]:
    """All of which must occur; empty when bytes cannot tell."""
    if isinstance(indicator, FileName):
        if is_glob(indicator.value):
            return [_glob(indicator.value)]
        return [_text(indicator.value, whole_word=True)]
    if isinstance(indicator, Domain):
        return [_domain(indicator.value)]
    if isinstance(indicator, Url):
        return [_text(indicator.value)]
    if isinstance(indicator, Address):
        return [] if "/" in indicator.value else [_text(indicator.value, whole_word=True)]
    if isinstance(indicator, CommandLine):
        pieces = [indicator.value] if isinstance(indicator.value, str) else indicator.value
        return [_regex(command_regex(piece)) for piece in pieces]
    if isinstance(indicator, Content):
        return [_content(indicator)]
    if isinstance(indicator, Pipe):
        return [_regex(_slashed(indicator.value), case="")]
    return []


# Exact texts.


def _text(text: str, *, whole_word: bool = False) -> BytePattern:
    if text.isascii():
        word = " fullword" if whole_word else ""
        form = f"{_quoted(text)} nocase ascii wide{word}"
        return BytePattern((form,), 2 * len(text), text, whole_word)
    forms = tuple(f"{{ {any_case(text, encoding)} }}" for encoding in ("utf-8", "utf-16-le"))
    check = _stands_alone if whole_word else None
    return BytePattern(forms, _MOST_BYTES * len(text), check=check)


def _domain(name: str) -> BytePattern:
    """As it is written, and as it is asked for: with the labels that DNS knows."""
    written = _text(name, whole_word=True)
    asked = fold_domain(name)
    if written.text is not None or not asked.isascii():
        return written
    other = _text(asked, whole_word=True)
    longest = max(written.longest or 0, other.longest or 0)
    return BytePattern(written.forms + other.forms, longest, check=written.check)


def _quoted(text: str) -> str:
    """A text of ASCII as a literal."""
    return '"' + "".join(map(_quoted_character, text)) + '"'


def _quoted_character(character: str) -> str:
    if character in '"\\':
        return "\\" + character
    return character if " " <= character <= "~" else f"\\x{ord(character):02x}"


def any_case(text: str, encoding: Encoding) -> str:
    """A text in an encoding, each character in every case that folds as it does, as the inner part
    of a hexadecimal string."""
    return " ".join(_any_case(character, encoding) for character in text)


def _any_case(character: str, encoding: Encoding) -> str:
    forms = sorted({_encoded(form, encoding).hex(" ") for form in cases_of(character)})
    return forms[0] if len(forms) == 1 else "( " + " | ".join(forms) + " )"


def cases_of(character: str) -> frozenset[str]:
    """All characters that fold as this one does, and its lower case."""
    folded = fold(character)
    lower = character.lower()
    forms = {character, folded, *same_folded().get(folded, ())}
    if len(lower) == 1 and (character.isascii() or not lower.isascii()):
        forms.add(lower)
    return frozenset(forms)


def _encoded(text: str, encoding: Encoding) -> bytes:
    return text.encode(encoding, "surrogatepass")


def _stands_alone(data: bytes, offset: int, length: int) -> bool:
    """Whether the characters beside an occurrence are neither letters nor digits."""
    end = offset + length
    if _is_utf_8(data[offset:end]):
        before = data[max(0, offset - 4) : offset].decode("utf-8", "replace")[-1:]
        after = data[end : end + 4].decode("utf-8", "replace")[:1]
    else:
        before = data[max(0, offset - 2) : offset].decode("utf-16-le", "replace")
        after = data[end : end + 2].decode("utf-16-le", "replace")
    return not (before.isalnum() or after.isalnum())


def _is_utf_8(occurrence: bytes) -> bool:
    """Of a text that is not all ASCII, in one of the two encodings."""
    try:
        text = occurrence.decode()
    except UnicodeDecodeError:
        return False
    return text.isprintable()


# Wildcards and expressions.


def _glob(value: str) -> BytePattern:
    """A star stays within one name."""
    parts = re.split(r"([*?])", value)
    stars = parts.count("*")
    letters = sum(len(part) for part in parts if part != "*")
    nocase = _no_case(value)
    forms = []
    for encoding in _ENCODINGS:
        inner = _none_of(_NOT_IN_NAMES, encoding)
        forms.append(
            "".join(
                f"{inner}{{0,{_STAR}}}"
                if part == "*"
                else inner
                if part == "?"
                else "".join(_letter(c, encoding, nocase=bool(nocase)) for c in part)
                for part in parts
            )
        )
    longest = _MOST_BYTES * (letters + _STAR * stars)
    return BytePattern(tuple(f"/{form}/{nocase}" for form in forms), longest)


_ENCODINGS: Final[tuple[Encoding, ...]] = ("utf-8", "utf-16-le")


def _content(indicator: Content) -> BytePattern:
    if indicator.match == "hex":
        return BytePattern((f"{{ {indicator.value} }}",), len(indicator.value) // 2)
    if indicator.match == "text":
        return _text(indicator.value)
    return _regex(_slashed(indicator.value))


def _slashed(value: str) -> str:
    return value.replace("\\/", "/").replace("/", "\\/")


def _regex(value: str, case: str = " nocase") -> BytePattern:
    """An expression of a pack's; written out where it may match letters outside ASCII."""
    try:
        tree = _parser.parse(value)
    except (re.error, OverflowError, RecursionError):
        return BytePattern((f"/{value}/{case} ascii wide",), None)
    _, most = tree.getwidth()
    longest = None if most >= _NO_BOUND else _MOST_BYTES * most
    own = BytePattern((f"/{value}/{case} ascii wide",), longest)
    if not _crosses_scripts(tree):
        return own
    nocase = case if value.isascii() else ""
    writer = _Writer(nocase=bool(nocase), any_case=bool(case))
    try:
        forms = [writer.written(tree, encoding) for encoding in _ENCODINGS]
    except _NotWritten:
        return own
    return BytePattern(tuple(f"/{form}/{nocase}" for form in forms), longest)


def _crosses_scripts(tree: Any) -> bool:
    """Whether any part of it may match a letter outside ASCII."""
    for kind, value in tree:
        if kind in (sre.ANY, sre.NOT_LITERAL):
            return True
        if kind is sre.LITERAL and value > 127:
            return True
        if kind is sre.IN and any(_is_outside(*member) for member in value):
            return True
        if any(_crosses_scripts(part) for part in _parts(kind, value)):
            return True
    return False


def _is_outside(kind: Any, value: Any) -> bool:
    if kind is sre.NEGATE:
        return True
    if kind is sre.CATEGORY:
        return value in _NEGATED
    return bool((value[1] if kind is sre.RANGE else value) > 127)


def _parts(kind: Any, value: Any) -> Iterable[Any]:
    """The expressions within a part of one."""
    if kind in _REPEATS:
        return [value[2]]
    if kind is sre.SUBPATTERN:
        return [value[3]]
    return value[1] if kind is sre.BRANCH else []


_REPEATS: Final = (sre.MAX_REPEAT, sre.MIN_REPEAT)
_CATEGORIES: Final = {
    sre.CATEGORY_DIGIT: r"\d",
    sre.CATEGORY_SPACE: r"\s",
    sre.CATEGORY_WORD: r"\w",
}
_NEGATED: Final = {
    sre.CATEGORY_NOT_DIGIT: r"\d",
    sre.CATEGORY_NOT_SPACE: r"\s",
    sre.CATEGORY_NOT_WORD: r"\w",
}


class _NotWritten(Exception):
    """An expression that cannot be written out: anchors, boundaries, large classes."""


class _Writer(NamedTuple):
    """Writes an expression over characters as one over bytes."""

    nocase: bool
    """Whether the engine is told to take any case of ASCII."""
    any_case: bool
    """Whether any case is meant."""

    def written(self, tree: Any, encoding: Encoding) -> str:
        """Raises _NotWritten."""
        return "".join(self._part(kind, value, encoding) for kind, value in tree)

    def _part(self, kind: Any, value: Any, encoding: Encoding) -> str:
        if kind is sre.LITERAL:
            return self._letter(chr(value), encoding)
        if kind is sre.ANY:
            return _none_of("\n", encoding)
        if kind is sre.NOT_LITERAL:
            return _none_of(self._cases(chr(value)), encoding)
        if kind is sre.IN:
            return self._class(value, encoding)
        if kind is sre.SUBPATTERN:
            return f"({self.written(value[3], encoding)})"
        if kind is sre.BRANCH:
            return "(" + "|".join(self.written(branch, encoding) for branch in value[1]) + ")"
        if kind in _REPEATS:
            least, most, inner = value
            bound = "" if most is sre.MAXREPEAT else str(most)
            lazy = "?" if kind is sre.MIN_REPEAT else ""
            return f"({self.written(inner, encoding)}){{{least},{bound}}}{lazy}"
        raise _NotWritten

    def _letter(self, character: str, encoding: Encoding) -> str:
        return _letter(character, encoding, nocase=self.nocase or not self.any_case)

    def _cases(self, character: str) -> Iterable[str]:
        return cases_of(character) if self.any_case else (character,)

    def _class(self, members: Sequence[tuple[Any, Any]], encoding: Encoding) -> str:
        negated = members[0][0] is sre.NEGATE
        classes, single = [], set[str]()
        for kind, value in members[1:] if negated else members:
            if kind is sre.CATEGORY and value in _CATEGORIES:
                classes.append(_CATEGORIES[value])
            elif kind is sre.LITERAL:
                single.update(self._cases(chr(value)))
            elif kind is sre.RANGE and value[1] - value[0] < _MOST_MEMBERS:
                for code in range(value[0], value[1] + 1):
                    single.update(self._cases(chr(code)))
            else:
                raise _NotWritten
        if negated:
            return _none_of(single, encoding, classes)
        return _one_of(single, encoding, classes)


def _no_case(value: str) -> str:
    """The engine's word for any case, where that is of ASCII alone."""
    return " nocase" if value.isascii() else ""


def _letter(character: str, encoding: Encoding, *, nocase: bool) -> str:
    """One character; in any case that folds alike unless the engine sees to that."""
    forms = {character} if nocase else cases_of(character)
    spelled = sorted({_bytes(_encoded(form, encoding)) for form in forms})
    return spelled[0] if len(spelled) == 1 else "(" + "|".join(spelled) + ")"


def _bytes(data: bytes) -> str:
    return "".join(
        chr(byte) if chr(byte).isalnum() and byte < 128 else f"\\x{byte:02x}" for byte in data
    )


def _none_of(characters: Iterable[str], encoding: Encoding, classes: Sequence[str] = ()) -> str:
    """Any character but these; those outside ASCII are let through."""
    excluded = "".join(sorted(_bytes(c.encode()) for c in characters if c.isascii()))
    excluded += "".join(classes)
    if encoding == "utf-8":
        return f"([^{excluded}\\x80-\\xff]|{_OUTSIDE})"
    narrow = f"[^{excluded}\\x80-\\xff]" if excluded else "[\\x00-\\x7f]"
    return f"({narrow}\\x00|[\\x80-\\xff]\\x00|[\\x00-\\xff][^\\x00])"


def _one_of(characters: set[str], encoding: Encoding, classes: Sequence[str]) -> str:
    """One of these characters, or of these classes of ASCII."""
    narrow = "".join(sorted(_bytes(c.encode()) for c in characters if c.isascii()))
    narrow += "".join(classes)
    zero = "" if encoding == "utf-8" else "\\x00"
    choices = [f"[{narrow}]{zero}"] if narrow else []
    choices += sorted(_bytes(_encoded(c, encoding)) for c in characters if not c.isascii())
    return "(" + "|".join(choices) + ")"
