r"""What a command line or script hides, in base64 or in broken words, and how bytes show that.

``powershell -EncodedCommand`` takes base64 of UTF-16LE text; the parameter may be cut anywhere
(``-e``, ``-enc``), is also ``-ec``, and begins with a hyphen, a slash or one of three dashes, in
any case (about_PowerShell_exe; PowerShell, CommandLineParameterParser.cs, ``MatchSwitch``), or with
two. cmd takes carets out before PowerShell sees the line, and whatever makes arguments of it quotes
(``-e"nc"``).
"""

from __future__ import annotations

import base64
import binascii
import re
import string
from collections.abc import Iterator, Sequence
from functools import cached_property
from typing import NamedTuple

from msgspec import structs

from ..formats import FormatError
from ..model.observation import ByteHit
from ..spelling import unbroken
from .byte_rules import ByteRules
from .record_rules import marker

MAX_DECODED = 1 << 20
"""Bytes that are decoded of one text, all layers together: what a record holds is less."""
MAX_COMMAND = 32_767
"""Characters of decoded commands that are told, as of the longest command line."""
DECODED = "decoded from -EncodedCommand"
UNBROKEN = "without what breaks its words"
IN_BASE64 = "in text that stands there as base64"
_SHORTEST = 16
"""Characters of base64: 12 bytes, six characters of a command."""
_COMMAND = re.compile(r"[ -~\t\r\n]{4}")
"""What is in every command, and in noise that is taken for UTF-16 hardly ever; the rest may be in
any script."""

_NAME = "encodedcommand"
_SPELLINGS = "|".join([*(_NAME[:length] for length in range(len(_NAME), 0, -1)), "ec"])
_PARAMETER = re.compile(
    # What may not stand before the dash is asked behind it: so only dashes are looked at.
    rf"(?i)[-/\u2013\u2014\u2015](?<![^\s\"'&|;(>=].)[-\u2013\u2014\u2015]?(?:{_SPELLINGS})[\s:\"']+"
    rf"([A-Za-z0-9+/]{{{_SHORTEST},}}={{0,2}})"
)
_RUN = 24
"""Characters of base64 in a row that are looked at."""
_BEHIND_A_RUN = re.compile(r"(?:\r?\n[ \t]*[A-Za-z0-9+/]{4,})*={0,2}")
_ALPHABET = (string.ascii_letters + string.digits + "+/").encode()
_CLASSES = bytes(ord("A") if code in _ALPHABET else ord(" ") for code in range(256))
_A_RUN = b"A" * _RUN
_BLANK = re.compile(r"\s+")


class Reading(NamedTuple):
    """One of the texts that a command line or script can be read as."""

    how: str
    """Empty: as it stands."""
    text: str


def readings(line: str) -> list[Reading]:
    """A command line or script as it stands and, where they differ, in unbroken words, and what
    it carries in base64, which may be broken too."""
    found = [Reading("", line)]
    if (plain := unbroken(line)) != line:
        found.append(Reading(UNBROKEN, plain))
    if hidden := decoded_command(line):
        found.append(Reading(DECODED, hidden))
        if (plain := unbroken(hidden)) != hidden:
            found.append(Reading(DECODED, plain))
    return found


def decoded_command(line: str) -> str:
    """The commands behind ``-EncodedCommand`` and its abbreviations, one a line; "" if none.

    A command that starts another in this way is decoded as well, and so on: each is shorter than
    what it was in. What is beyond :data:`MAX_DECODED` is left out.
    """
    found: list[str] = []
    layer = [line]
    left = MAX_DECODED
    while layer:
        inner: list[str] = []
        for text in layer:
            for encoded in _encoded_in(text.replace("^", "")):
                data = _decoded(encoded, left)
                left -= len(data)
                command = data[: len(data) & ~1].decode("utf-16-le", "surrogatepass")
                if _is_command(command):
                    inner.append(command)
        found += inner
        layer = inner
    return "\n".join(found)


def _encoded_in(line: str) -> Sequence[str]:
    """What stands behind the parameter, with the line's quotes and without them."""
    found = _PARAMETER.findall(line)
    if '"' in line:
        found += _PARAMETER.findall(line.replace('"', ""))
    return list(dict.fromkeys(found))


def base64_in(text: str) -> list[str]:
    """What in a text may be base64, of some length, in one line or more."""
    # To look for a run of one letter costs a tenth of looking for an expression.
    classes = _bytes_of(text).translate(_CLASSES) + b" "
    found: list[str] = []
    at = classes.find(_A_RUN)
    while at >= 0:
        behind = _BEHIND_A_RUN.match(text, classes.index(b" ", at))
        assert behind is not None
        found.append(text[at : behind.end()])
        at = classes.find(_A_RUN, behind.end())
    return found


def base64_around(text: str) -> tuple[int, int]:
    """Where the base64 that a text begins with ends, and where that which it ends with begins; its
    length and 0 if there is nothing else in it."""
    characters = _bytes_of(text)
    other = characters.translate(None, _ALPHABET + b"=")
    if not other:
        return len(text), 0
    return characters.find(other[:1]), characters.rfind(other[-1:]) + 1


def _bytes_of(text: str) -> bytes:
    """One of each character, and no base64 for what is none."""
    return text.encode("latin-1", "replace")


def decoded_pieces(text: str) -> Iterator[bytes]:
    """What the base64 in a script stands for, in whatever encoding, and what stands in base64 in
    that, and so on.

    Raises FormatError: more than :data:`MAX_DECODED` bytes, when so many were given.
    """
    left = MAX_DECODED
    waiting = [text]
    while waiting:
        for found in base64_in(waiting.pop()):
            encoded, room = _BLANK.sub("", found) if "\n" in found else found, left
            data = _decoded(encoded, room)
            left -= len(data)
            if data:
                yield data
                waiting.append(_as_text(data))
            if len(encoded) // 4 * 3 > room:
                raise FormatError("more base64 than is decoded", f"{room} bytes")


def _as_text(data: bytes) -> str:
    """In UTF-16 where every other byte may be the high half of an ASCII character."""
    if 2 * data[1::2].count(0) > len(data) // 2:
        return data[: len(data) & ~1].decode("utf-16-le", "surrogatepass")
    return data.decode("latin-1")


def _decoded(encoded: str, most: int) -> bytes:
    """At most so many bytes; a piece that was cut off is decoded as far as it goes."""
    whole = encoded.rstrip("=")[: max(0, most) // 3 * 4]
    whole = whole[: len(whole) - (len(whole) % 4 == 1)]
    try:
        return base64.b64decode(whole + "=" * (-len(whole) % 4))
    except binascii.Error:
        return b""


def _is_command(text: str) -> bool:
    return _COMMAND.search(text) is not None


# ---- In bytes


def _any_case(text: str, after: str) -> str:
    """A text of ASCII letters and digits in any case, ``after`` behind each."""
    return "".join(
        f"[{letter.upper()}{letter.lower()}]{after}" if letter.isalpha() else f"{letter}{after}"
        for letter in text
    )


def _parameter(after: str, dashes: str) -> str:
    caret = rf"([\x22\x5e]{after}){{0,2}}"
    rest = ""
    for letter in reversed(_NAME[2:]):
        rest = f"({_any_case(letter, after)}{caret}{rest})?"
    first, second, third = (_any_case(letter, after) for letter in "ecn")
    name = f"{first}{caret}({second}{caret}|{third}{caret}{rest})?"
    # What stands before it makes the expression cheap: "-e" alone is in every other name, and a
    # zero character before it everywhere.
    before = rf"[\x09\x20\x22\x27\x3d\x3e]{after}{dashes}(\x2d{after})?"
    between = rf"([\x20\x09\x22\x27\x3a]{after}){{1,8}}"
    return rf"{before}{caret}{name}{between}([A-Za-z0-9+\x2f]{after}{caret}){{{_SHORTEST}}}"


ENCODED_COMMAND = _parameter(r"\x00", r"([\x2d\x2f]\x00|[\x13-\x15]\x20)")
"""A wide ``-e…`` and base64 behind it, for YARA and for :mod:`re` alike."""
FROM_BASE64 = _any_case("FromBase64", r"\x00")
"""A wide call of what decodes it in a script: FromBase64String, FromBase64CharArray."""
ENCODED_COMMAND_IN_UTF_8 = _parameter("", r"([\x2d\x2f]|\xe2\x80[\x93-\x95])")
_NEXT = r"[A-Za-z0-9.]\x00"
_LETTER = rf"({_NEXT}){{1}}"
BROKEN_WORDS = (
    rf"{_LETTER}\x5e\x00{_NEXT}",
    rf"{_LETTER}\x60\x00{_NEXT}",
    # Two before it: f"…" is a text of Python. A dot behind it ends a sentence, unless it goes on.
    rf"{_LETTER}{_LETTER}\x22\x00[A-Za-z0-9]\x00",
    rf"{_LETTER}{_LETTER}\x22\x00\x2e\x00[\x21-\x7e]\x00",
    rf"{_LETTER}\x22\x00{_NEXT}(\x22\x00){{1}}{_LETTER}",
    rf"{_LETTER}\x22\x00\x22\x00{_LETTER}",
    rf"{_LETTER}\x27\x00\x2b\x00\x27\x00{_LETTER}",
    rf"{_LETTER}\x22\x00\x2b\x00\x22\x00{_LETTER}",
)
"""Wide words with a caret, a backtick, a quote, two, or the seam of two pieces in them.

The engine looks for four bytes of each, and only where they are for the rest; never for what a
group holds. So these four begin with the rare character, not with a letter, of which text is full.
Without other repeats: one has the engine look at ten times fewer bytes a second."""
_BROKEN_IN_UTF_8 = tuple(re.sub(r"\\x00|[(]|[)]\{1\}", "", broken) for broken in BROKEN_WORDS)
HIDES_TEXT = (
    marker(f"/{ENCODED_COMMAND}/", 256),
    marker(f"/{FROM_BASE64}/", 20),
    *(marker(f"/{broken}/", 14) for broken in BROKEN_WORDS),
)
"""What in UTF-16 makes a record worth parsing though no indicator occurs."""
HIDES_TEXT_IN_UTF_8 = (
    marker(f"/{ENCODED_COMMAND_IN_UTF_8}/", 128),
    marker(f"/{_any_case('FromBase64', '')}/", 10),
    *(marker(f"/{broken}/", 7) for broken in _BROKEN_IN_UTF_8),
)
"""The same in UTF-8."""
HIDES_IN_SCRIPTS = tuple(
    marker(f"/{form}/", 256)
    for form in (ENCODED_COMMAND, ENCODED_COMMAND_IN_UTF_8, *BROKEN_WORDS, *_BROKEN_IN_UTF_8)
    if r"\x60" not in form
)
"""What in a file of either encoding does: without backticks, as "`n" stands in every other
script."""


def as_text(data: bytes) -> str:
    """A script or another text, in UTF-8 or in UTF-16 with or without its mark."""
    if data.startswith((b"\xff\xfe", b"\xfe\xff")):
        return data.decode("utf-16", "replace")
    return data.decode("utf-16-le" if b"\0" in data[:512] else "utf-8-sig", "replace")


def hidden_in_script(data: bytes) -> Sequence[bytes]:
    """What the bytes of a script hide of its text, each in UTF-8: its words unbroken, and what it
    starts with ``-EncodedCommand``. Empty for a script that hides nothing.
    """
    return [found.text.encode("utf-8", "replace") for found in readings(as_text(data))[1:]]


class HiddenScan:
    """Looks for what scripts hide; by any thread."""

    def __init__(self, rules: ByteRules) -> None:
        """``rules``: what to look for in it."""
        self._rules = rules

    @cached_property
    def _markers(self) -> ByteRules:
        return ByteRules((), markers=HIDES_IN_SCRIPTS)

    def scan(self, data: bytes) -> list[ByteHit]:
        """The indicators that occur in what these bytes hide, each once, at the beginning: the
        place in what is decoded is none in the file.

        Raises ScanFailed.
        """
        if not self._markers.occurs(data):
            return []
        hits = [hit for text in hidden_in_script(data) for hit in self._rules.scan(text)]
        return list({hit.indicator: structs.replace(hit, offset=0) for hit in hits}.values())
