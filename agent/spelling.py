"""One text in many spellings: how names, paths, command lines and domains are folded and
compared.
"""

from __future__ import annotations

import fnmatch
import ipaddress
import itertools
import ntpath
import os
import re
import unicodedata
from collections.abc import Iterator, Sequence
from functools import cache
from types import ModuleType
from typing import NamedTuple
from urllib.parse import unquote

_BETWEEN = re.compile(r"[\s\"',]+")
"""What may stand between two pieces of a command line, or be lost from a log of it."""
_JOINED = re.compile(
    # What stands before the quote is asked behind it: so only quotes are looked at.
    r"[\"'](?<=[\w.:\\/$-][\"'])(?:\s*\+\s*[\"']|[\"']*)(?=[\w.:\\/$-])"
)
"""Quotes within a word, and between the pieces that a script puts together."""

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
    in the file system's ``$UpCase`` table.
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
    """Lower case, no trailing dot, the ASCII form of IDNA 2008; a name that has none stays as it
    is."""
    return domain_forms(name)[0]


def domain_forms(name: str) -> tuple[str, ...]:
    """A name as it is asked for: by IDNA 2008, and by IDNA 2003 where that makes another one of it.

    ``straße.example`` is ``xn--strae-oqa.example``, and to older programs ``strasse.example``
    (RFC 5891; RFC 3490; Unicode TR46, section 4, "Deviations").
    """
    name = _DOTS.sub(".", name.strip())
    name = unicodedata.normalize("NFKC", name).rstrip(".").lower()
    if name.isascii():
        return (name,)
    import idna  # not for nothing: it takes longer to load than all names of a pack to fold

    try:
        by_2003 = name.encode("idna").decode("ascii")
    except UnicodeError:
        by_2003 = name
    try:
        labels = [
            label if label.isascii() else idna.encode(label, uts46=True).decode("ascii")
            for label in name.split(".")
        ]
    except idna.IDNAError:
        return (by_2003,)
    return tuple(dict.fromkeys((".".join(labels), by_2003)))


_DOTS = re.compile("[\u3002\uff0e\uff61]")
"""What IDNA takes for a dot between labels (RFC 3490, 3.1)."""
_SCHEME = re.compile(r"[a-z][a-z0-9+.-]*:(?!\d+(?:[/\\?#]|$))")
_HOST_ENDS = re.compile(r"[/\\?#]")


class UrlParts(NamedTuple):
    """A URL taken apart as browsers do it, in lower case."""

    scheme: str
    """Without the colon; empty if there is none."""
    host: str
    """Without user, brackets and port."""
    rest: str
    """The path with its slash, the query and the fragment."""


def url_parts(url: str) -> UrlParts:
    """Of a URL with or without a scheme, with slashes of either kind (WHATWG URL, 4.4): ``\\``
    counts as ``/``, and the host ends at a slash, a question mark or a number sign."""
    text = _NOT_IN_URLS.sub("", url.strip()).casefold()
    scheme = _SCHEME.match(text)
    behind = text[scheme.end() :] if scheme is not None else text
    behind = behind.lstrip("/\\")
    end = _HOST_ENDS.search(behind)
    cut = end.start() if end is not None else len(behind)
    host, rest = unquote(behind[:cut]).rpartition("@")[2], behind[cut:]
    if host.startswith("["):
        host = host[1:].partition("]")[0]
    elif host.count(":") == 1:
        host = host.partition(":")[0]
    path, mark, query = rest.partition("?")
    return UrlParts(
        scheme[0][:-1] if scheme is not None else "",
        host,
        unquote(path.replace("\\", "/")) + mark + query,
    )


_NOT_IN_URLS = re.compile(r"[\t\r\n]")


def is_address(text: str) -> bool:
    """Whether it is an IP address, with or without a zone."""
    address = text.partition("%")[0]
    if ":" not in address and not address[-1:].isdigit():
        return False  # Most are names: what is said of those costs tens of times more.
    try:
        ipaddress.ip_address(address)
    except ValueError:
        return False
    return True


def plain_address(text: str) -> str:
    """The IPv4 address, or block of them, that one of IPv6 stands for (``::ffff:192.0.2.1``; RFC
    4291, 2.5.5.2); else the text as it is. Evidence is compared as such an address."""
    if ":" not in text:
        return text
    try:
        network = ipaddress.IPv6Network(text)
    except ValueError:
        return text
    mapped = network.network_address.ipv4_mapped
    if mapped is None or network.prefixlen < 96:
        return text
    return f"{mapped}/{network.prefixlen - 96}" if "/" in text else str(mapped)


def normal_command(line: str) -> str:
    """A command line without case, quotes, commas and carets, its white space one space each."""
    return _BETWEEN.sub(" ", _without_escapes(line)).strip().casefold()


def _without_escapes(text: str) -> str:
    """Without what cmd and PowerShell take out of a word; many times faster than a table."""
    return text.replace("^", "").replace("`", "")


def unbroken(text: str) -> str:
    """A command line or script with its words in one piece: ``c^yz"fc".dat`` and
    ``'cyz'+'fc.dat'`` without what cmd and PowerShell take out of them."""
    return _JOINED.sub("", _without_escapes(text))


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
    spaces = "" if piece.isascii() else _SPACES
    between = rf"[\s\"',^`{spaces}]{{1,16}}"
    return between.join(map(_escaped, command_words(piece)))


def command_words(piece: str) -> list[str]:
    """What of a piece of a command line stands in each line that has it, as it is but for case."""
    # Not the normal form: that of a letter may be two ("ß"), which are not in the bytes.
    return [word for word in _BETWEEN.sub(" ", piece).strip().split(" ") if word]


def _escaped(text: str) -> str:
    return "".join(c if c.isalnum() else f"\\x{ord(c):02x}" if ord(c) < 128 else c for c in text)


def is_glob(value: str) -> bool:
    """Whether a name holds wildcards."""
    return "*" in value or "?" in value


def glob_regex(value: str) -> re.Pattern[str]:
    """A glob over folded names."""
    return re.compile(fnmatch.translate(fold(value).replace("[", "[[]")))


def path_start(value: str) -> tuple[str, str]:
    """The first step of a path indicator, which may be a variable, and what stands behind it;
    folded, with backslashes. Raises ValueError for an unknown variable."""
    first, slash, rest = fold(value).replace("/", "\\").partition("\\")
    while first == "**" and slash:  # any folders may stand before it, whatever it begins with
        first, slash, rest = rest.partition("\\")
    if first.startswith("%") and first not in _VARIABLES:
        known = ", ".join(_VARIABLES)
        raise ValueError(f"unknown variable {first} in a path (known: {known})")
    return first, rest


def path_regex(value: str) -> re.Pattern[str]:
    """The end of a folded path with backslashes. Raises ValueError for an unknown variable."""
    variable, rest = path_start(value)
    start = _VARIABLES.get(variable) or r"(?:^|\\)" + _step(variable)
    steps = rest.split("\\") if rest else []
    body = "".join(r"(?:\\[^\\]+){0,64}" if step == "**" else r"\\" + _step(step) for step in steps)
    return re.compile(start + body + r"$")


def _step(step: str) -> str:
    return re.escape(step).replace(r"\*", r"[^\\]*").replace(r"\?", r"[^\\]")


def example_path(value: str) -> str:
    """A path that a path indicator must match."""
    places = {
        "%LOCALAPPDATA%": "C:\\Users\\jo\\AppData\\Local",
        "%APPDATA%": "C:\\Users\\jo\\AppData\\Roaming",
        "%TEMP%": "C:\\Users\\jo\\AppData\\Local\\Temp",
    }
    path = value.replace("/", "\\")
    while path.startswith("**\\"):
        path = path[len("**\\") :]
    variable, slash, rest = path.partition("\\")
    start = places.get(variable.upper(), f"C:\\{_example_step(variable)}")
    return start + slash + _example_step(rest.replace("**\\", "Temp1\\"))


def _example_step(step: str) -> str:
    return step.replace("*", "x").replace("?", "x")


_COPY_WORDS = (
    "COPY", "KOPIE", "COPIE", "COPIA", "CÓPIA", "CÒPIA", "KOPIA", "KOPI", "KOPIO", "KOPYA",
    "MÁSOLAT", "КОПИЯ", "КОПІЯ", "ΑΝΤΙΓΡΑΦΉ", "コピー", "副本", "복사본",
)  # fmt: skip
"""What Explorer writes behind a dash, folded, in its languages."""
COPY_SIGNS = ("(", "[", " - ", " — ", " – ")  # noqa: RUF001 - Explorer's dashes
"""One of them stands in each mark of a copy."""
_COPY_MARK = re.compile(
    r"(?: ?\([0-9]{1,3}\)|\[[0-9]{1,3}\]| [-—–] (?:" + "|".join(_COPY_WORDS) + r"))\Z"  # noqa: RUF001
)
_MARK_LENGTH = 3 + max(map(len, _COPY_WORDS))
MAX_NAME = 255
"""Characters of a name on NTFS; a longer one (in an archive) is nobody's numbered copy."""


def originals_of_copy(folded: str) -> Iterator[str]:
    """The names of which browsers and Explorer may have made this one, nearest first: itself, and
    what it is without each mark of a copy (``NAME (1).ZIP``, ``NAME[1].ZIP``, ``NAME - COPY.ZIP``).
    """
    yield folded
    if len(folded) > MAX_NAME:
        return
    stem, dot, extension = folded.rpartition(".")
    found = list(_without_copy_marks(stem)) if dot else []
    if found:
        yield from (f"{name}.{extension}" for name in found)
    else:
        yield from _without_copy_marks(folded)


def _without_copy_marks(name: str) -> Iterator[str]:
    while (mark := _COPY_MARK.search(name, max(1, len(name) - _MARK_LENGTH))) is not None:
        name = name[: mark.start()]
        if not name.strip():
            return
        yield name


def base_name(path: str) -> str:
    """The base name of a path in either notation."""
    return path[max(path.rfind("\\"), path.rfind("/")) + 1 :]


def extension_of(name: str) -> str:
    """Of a name, in lower case with the dot; empty for none."""
    dot = name.rfind(".")
    return name[dot:].lower() if dot >= 0 else ""


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
