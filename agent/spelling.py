"""One text in many spellings: how names, paths, command lines and domains are folded and
compared.
"""

from __future__ import annotations

import fnmatch
import itertools
import ntpath
import os
import re
import unicodedata
from collections.abc import Sequence
from functools import cache
from types import ModuleType

_BETWEEN = re.compile(r"[\s\"',^`]+")
"""What may stand between two pieces of a command line, or be lost from a log of it."""

_FIRST_SURROGATE, _AFTER_SURROGATES = 0xD800, 0xE000
_LAST_CASED = 0x20000
"""Letters with a case lie below the second supplementary plane of Unicode."""

_VARIABLES = {
    "%LOCALAPPDATA%": r"\\(?:APPDATA\\LOCAL|LOCAL SETTINGS\\APPLICATION DATA)",
    "%APPDATA%": r"\\(?:APPDATA\\ROAMING|APPLICATION DATA)",
    "%TEMP%": r"\\(?:APPDATA\\LOCAL\\TEMP(?:\\[0-9]{1,4})?|LOCAL SETTINGS\\TEMP|WINDOWS\\TEMP)",
}


def fold(text: str) -> str:
    """As NTFS compares names: each character's own upper case, never two characters for one.

    Characters outside ASCII whose upper case lies in it (dotless i, long s) stay what they are, as
    in
    the file system's ``$UpCase`` table.
    """
    if text.isascii():
        return text.upper()
    return "".join(_fold_character(character) for character in text)


def _fold_character(character: str) -> str:
    upper = character.upper()
    if len(upper) != 1:
        # Some small letters have several capitals as their upper case and, beside that, one
        # character of their own (Greek with iota subscript): it is their title case.
        title = character.title()
        return title if len(title) == 1 else character
    if upper.isascii() and not character.isascii():
        return character
    return upper


@cache
def same_folded() -> dict[str, tuple[str, ...]]:
    """For folded characters, those others that fold to them."""
    found: dict[str, tuple[str, ...]] = {}
    for code in itertools.chain(range(_FIRST_SURROGATE), range(_AFTER_SURROGATES, _LAST_CASED)):
        character = chr(code)
        # Only what has an upper case may fold; asking for that first saves most of the time.
        if character.upper() != character and (folded := fold(character)) != character:
            found[folded] = (*found.get(folded, ()), character)
    return found


def cases_of(character: str) -> frozenset[str]:
    """All characters that fold as this one does."""
    if character.isascii():
        return frozenset({character.upper(), character.lower()})
    folded = fold(character)
    return frozenset({folded, *same_folded().get(folded, ())})


def fold_domain(name: str) -> str:
    """Lower case, no trailing dot, IDNA's ASCII form; a name that has none stays as it is."""
    name = unicodedata.normalize("NFKC", name.strip()).rstrip(".").lower()
    if name.isascii():
        return name
    try:
        return name.encode("idna").decode("ascii")
    except UnicodeError:
        return name


def domain_covers(domain: str, name: str) -> bool:
    """Whether a folded name is this folded domain or lies below it."""
    return name == domain or name.endswith("." + domain)


def normal_command(line: str) -> str:
    """A command line without case, quotes, commas and carets, its white space one space each."""
    return _BETWEEN.sub(" ", line).strip().casefold()


def command_holds(pieces: Sequence[str], line: str) -> bool:
    """Whether a normal command line holds these normal pieces in this order."""
    place = 0
    for piece in pieces:
        found = line.find(piece, place)
        if found < 0:
            return False
        place = found + len(piece)
    return True


_SPACES = "\x85\xa0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000"
"""White space outside ASCII, for a class of an expression."""


def command_regex(piece: str) -> str:
    """A piece of a command line as a YARA regular expression that is as tolerant.

    It is for any case; letters outside ASCII stand in it as they are.
    """
    # Not the normal form: that of a letter may be two ("ß"), which are not in the bytes.
    words = _BETWEEN.sub(" ", piece).strip().split(" ")
    spaces = "" if piece.isascii() else _SPACES
    between = rf"[\s\"',^`{spaces}]{{1,16}}"
    return between.join(_escaped(word) for word in words if word)


def _escaped(text: str) -> str:
    return "".join(c if c.isalnum() else f"\\x{ord(c):02x}" if ord(c) < 128 else c for c in text)


def is_glob(value: str) -> bool:
    """Whether a name holds wildcards."""
    return "*" in value or "?" in value


def glob_regex(value: str) -> re.Pattern[str]:
    """A glob over folded names."""
    return re.compile(fnmatch.translate(fold(value).replace("[", "[[]")))


def path_regex(value: str) -> re.Pattern[str]:
    """The end of a folded path with backslashes. Raises ValueError for an unknown variable."""
    variable, _, rest = fold(value).replace("/", "\\").partition("\\")
    if variable.startswith("%") and variable not in _VARIABLES:
        known = ", ".join(_VARIABLES)
        raise ValueError(f"unknown variable {variable} in a path (known: {known})")
    start = _VARIABLES.get(variable) or r"(?:^|\\)" + re.escape(variable)
    steps = rest.split("\\") if rest else []
    body = "".join(
        r"(?:\\[^\\]+){0,64}"
        if step == "**"
        else r"\\" + re.escape(step).replace(r"\*", r"[^\\]*").replace(r"\?", r"[^\\]")
        for step in steps
    )
    return re.compile(start + body + r"$")


def example_path(value: str) -> str:
    """A path that a path indicator must match."""
    places = {
        "%LOCALAPPDATA%": "C:\\Users\\jo\\AppData\\Local",
        "%APPDATA%": "C:\\Users\\jo\\AppData\\Roaming",
        "%TEMP%": "C:\\Users\\jo\\AppData\\Local\\Temp",
    }
    variable, slash, rest = value.replace("/", "\\").partition("\\")
    rest = rest.replace("**\\", "Temp1\\").replace("*", "x").replace("?", "x")
    return places.get(variable.upper(), f"C:\\{variable}") + slash + rest


_COPY_MARK = re.compile(r"(?: \([0-9]{1,3}\)| - COPY)\Z")
_MARK_LENGTH = 7
MAX_NAME = 255
"""Characters of a name on NTFS; a longer one (in an archive) is nobody's numbered copy."""


def original_of_copy(folded: str) -> str:
    """The name of which browsers and Explorer made this one, ``NAME (1).ZIP`` or ``NAME -
    COPY.ZIP``.
    """
    if len(folded) > MAX_NAME:
        return folded
    stem, dot, extension = folded.rpartition(".")
    if dot and (original := _without_copy_marks(stem)) != stem:
        return f"{original}.{extension}"
    return _without_copy_marks(folded)


def _without_copy_marks(name: str) -> str:
    while (mark := _COPY_MARK.search(name, max(1, len(name) - _MARK_LENGTH))) is not None:
        name = name[: mark.start()]
    return name


def base_name(path: str) -> str:
    """The base name of a path in either notation."""
    return path[max(path.rfind("\\"), path.rfind("/")) + 1 :]


def whole_path(path: str, system: ModuleType = os.path) -> str:
    r"""A given path, from its root on. On Windows a letter alone, ``C:``, means the drive, and not
    the folder on it that this program happens to stand in; ``system``: ``ntpath``, ``posixpath``.
    """
    if system is ntpath and len(path) == len("C:") and path[1] == ":":
        path += "\\"
    return str(system.abspath(path))


def lies_below(path: str, folder: str) -> bool:
    """Whether a whole path lies in a folder, at any depth; both as Windows or as POSIX has them."""
    separator, inner, outer = "/", path, folder
    if "\\" in path:
        separator, inner, outer = "\\", path.casefold(), folder.casefold()
    outer = outer.rstrip(separator) + separator
    return inner.startswith(outer) and inner.rstrip(separator) + separator != outer
