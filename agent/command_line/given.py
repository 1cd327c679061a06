"""Arguments, each with where it was given; those in files (``@FILE``) in the place of that file."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from pathlib import Path

from ..exit_codes import UsageError
from ..output.plain import plain

_MAX_BYTES = 1 << 20
_SEVERAL = re.compile(r"--[a-z-]+\s")
_LINE_END = re.compile(r"\r\n|\n|\r")
"""No other: a path may hold what Unicode calls one."""
_QUOTED = re.compile(r"(?:--[a-z-]+=)?(?:\"[^\"]*\"|'[^']*')")
QUOTED = "the quotes would be part of it: leave them out"
_MARKS = {b"\xff\xfe": "utf-16", b"\xfe\xff": "utf-16", b"\xef\xbb\xbf": "utf-8-sig"}
"""What PowerShell's ``>`` and editors begin a text with."""


class Argument(str):
    """One argument. ``origin``: the file and line, variable or preset that it is from; "": the
    command line itself."""

    __slots__ = ("origin",)
    origin: str

    def __new__(cls, text: str, origin: str = "") -> Argument:
        made = super().__new__(cls, text)
        made.origin = origin
        return made


def with_files(arguments: Sequence[str]) -> list[Argument]:
    """Each ``@FILE`` replaced by what stands in it. Raises UsageError.

    A file is one argument a line, as it stands: no quotes, no escapes, blanks and tabs at both ends
    left out. Empty lines and those that begin with ``#`` are none. UTF-8, or UTF-16 with its mark.
    """
    found: list[Argument] = []
    for argument in arguments:
        if argument.startswith("@"):
            found += _lines(Path(argument[1:]))
        else:
            found.append(Argument(argument))
    return found


def _lines(path: Path) -> Iterator[Argument]:
    for number, line in enumerate(_LINE_END.split(_read(path)), 1):
        text, origin = line.strip(" \t"), f"{path}, line {number}"
        if text.startswith("@"):
            raise UsageError(f"{origin}: {text}: no file of arguments within another one")
        if _SEVERAL.match(text):
            why = "one argument a line: --name=value, or the value on the next line"
            raise UsageError(f"{origin}: {text!r}: {why}")
        if is_quoted(text):
            raise UsageError(f"{origin}: {text}: {QUOTED}")
        if text and not text.startswith("#"):
            yield Argument(text, origin)


def _read(path: Path) -> str:
    try:
        with path.open("rb") as file:
            data = file.read(_MAX_BYTES + 1)
    except (OSError, ValueError) as error:
        raise UsageError(f"@{path}: cannot be read: {plain(error)}") from error
    if len(data) > _MAX_BYTES:
        raise UsageError(f"@{path}: larger than {_MAX_BYTES:,} bytes")
    encoding = next((name for mark, name in _MARKS.items() if data.startswith(mark)), "utf-8")
    try:
        text = data.decode(encoding)
    except UnicodeDecodeError as error:
        raise UsageError(f"@{path}: no text in UTF-8: {plain(error)}") from error
    if "\0" in text:
        raise UsageError(f"@{path}: no text in UTF-8 (UTF-16 needs its mark)")
    return text


def is_quoted(text: str) -> bool:
    """Whether an argument, or the value that it gives an option, stands in quotes: to a shell they
    would be none of it."""
    return _QUOTED.fullmatch(text) is not None
