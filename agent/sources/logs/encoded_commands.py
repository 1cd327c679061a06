r"""What a command line or script hides in base64, and how bytes show that it hides something.

``powershell -EncodedCommand`` takes base64 of UTF-16LE text; the parameter may be cut anywhere
(``-e``, ``-enc``), is also ``-ec``, and begins with a hyphen, a slash or one of three dashes, in
any case (about_PowerShell_exe; PowerShell, CommandLineParameterParser.cs, ``MatchSwitch``). cmd
takes carets out before PowerShell sees the line.
"""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Iterator

from ...matching.record_rules import marker

MAX_ENCODED = 64
"""Pieces of base64 that are decoded of one text."""
MAX_DECODED = 1 << 20
"""Bytes that are decoded of one text, all layers together."""
MAX_LAYERS = 3
"""Encoded commands within encoded commands."""
_SHORTEST = 16
"""Characters of base64: 12 bytes, six characters of a command."""
_READABLE = 0.9
"""How much of a decoded command is printable ASCII, at least, for it to be one."""

_NAME = "encodedcommand"
_SPELLINGS = "|".join([*(_NAME[:length] for length in range(len(_NAME), 0, -1)), "ec"])
_PARAMETER = re.compile(
    # What may not stand before the dash is asked behind it: so only dashes are looked at.
    rf"(?i)[-/\u2013\u2014\u2015](?<![^\s\"'&|;(>=].)(?:{_SPELLINGS})[\s:\"']+"
    rf"([A-Za-z0-9+/]{{{_SHORTEST},}}={{0,2}})"
)
_BASE64 = re.compile(r"[A-Za-z0-9+/]{24,}={0,2}")


def decoded_command(line: str) -> str:
    """The commands behind ``-EncodedCommand`` and its abbreviations, one a line; "" if none.

    A command that starts another in this way is decoded as well, to :data:`MAX_LAYERS`.
    """
    found: list[str] = []
    layer = [line]
    left = MAX_DECODED
    for _ in range(MAX_LAYERS):
        inner: list[str] = []
        for text in layer:
            for encoded in _PARAMETER.findall(text.replace("^", ""))[:MAX_ENCODED]:
                data = _decoded(encoded, left)
                left -= len(data)
                command = data[: len(data) & ~1].decode("utf-16-le", "surrogatepass")
                if _is_command(command):
                    inner.append(command)
        found += inner
        layer = inner
    return "\n".join(found)


def decoded_pieces(text: str) -> Iterator[bytes]:
    """What the base64 in a script stands for, in whatever encoding.

    At most :data:`MAX_ENCODED` pieces and :data:`MAX_DECODED` bytes.
    """
    left = MAX_DECODED
    for number, found in enumerate(_BASE64.finditer(text)):
        if number == MAX_ENCODED or left <= 0:
            return
        data = _decoded(found[0], left)
        left -= len(data)
        if data:
            yield data


def _decoded(encoded: str, most: int) -> bytes:
    """At most so many bytes; a piece that was cut off is decoded as far as it goes."""
    whole = encoded.rstrip("=")[: max(0, most) // 3 * 4]
    whole = whole[: len(whole) - (len(whole) % 4 == 1)]
    try:
        return base64.b64decode(whole + "=" * (-len(whole) % 4))
    except binascii.Error:
        return b""


def _is_command(text: str) -> bool:
    readable = sum(" " <= character <= "~" or character in "\t\r\n" for character in text)
    return len(text) >= 4 and readable >= len(text) * _READABLE


# ---- In the bytes of a log ----------------------------------------------------------------------


def _wide(text: str) -> str:
    """A text of ASCII letters and digits as UTF-16LE, in any case."""
    return "".join(
        rf"[{letter.upper()}{letter.lower()}]\x00" if letter.isalpha() else rf"{letter}\x00"
        for letter in text
    )


def _parameter() -> str:
    caret = r"(\x5e\x00){0,2}"
    rest = ""
    for letter in reversed(_NAME[2:]):
        rest = f"({_wide(letter)}{caret}{rest})?"
    name = f"{_wide('e')}{caret}({_wide('c')}{caret}|{_wide('n')}{caret}{rest})?"
    # What stands before it makes the expression cheap: "-e" alone is in every other name, and a
    # zero character before it everywhere.
    before = r"[\x09\x20\x22\x27\x3d\x3e]\x00([\x2d\x2f]\x00|[\x13-\x15]\x20)"
    between = r"([\x20\x09\x22\x27\x3a]\x00){1,8}"
    return rf"{before}{caret}{name}{between}([A-Za-z0-9+\x2f]\x00{caret}){{{_SHORTEST}}}"


ENCODED_COMMAND = _parameter()
"""A wide ``-e…`` and base64 behind it, for YARA and for :mod:`re` alike."""
FROM_BASE64 = _wide("FromBase64")
"""A wide call of what decodes it in a script: FromBase64String, FromBase64CharArray."""
HIDES_TEXT = (marker(f"/{ENCODED_COMMAND}/", 256), marker(f"/{FROM_BASE64}/", 20))
"""What in a chunk makes it worth parsing though no indicator occurs."""
