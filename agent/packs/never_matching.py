"""Values of indicators that nothing on a host can have, so that a sweep would be clean over them.

A value may match itself and be of this kind all the same: what is compared with it is taken from a
host, where no name ends in a blank and no domain has a port.
"""

from __future__ import annotations

import re
import sys
import unicodedata
from collections.abc import Callable
from typing import Any, TypeVar, cast

from ..engine.hex_string import read_hex_string
from ..indicators import (
    Address,
    Certificate,
    CommandLine,
    Content,
    Domain,
    FileHash,
    FileName,
    FilePath,
    Gate,
    Indicator,
    Layout,
    LnkTrait,
    PeTrait,
    Pipe,
    Url,
)
from ..spelling import MAX_NAME, base_name, fold_domain, is_address, normal_command
from .defanged import refanged

MAX_DOMAIN = 253
MAX_LABEL = 63
MAX_PORT = 65_535
_SCHEMES = ("http", "https", "ftp")
"""Characters, RFC 1035, 2.3.4; of a domain without the dot at its end."""
_NOT_IN_NAMES = frozenset('\\/:<>|"')
_LABEL = re.compile(r"[a-z0-9_-]+")
_I = TypeVar("_I", bound=Indicator)


def why_never(indicator: Indicator) -> str:
    """Why nothing can match it; empty if something may."""
    kind = type(indicator)
    values = indicator.value if isinstance(indicator.value, list) else [indicator.value]
    for value in values:
        if kind in _REFANGED and (plain := refanged(value)) != value:
            return f"no host holds {value!r}: written defanged? {plain!r} would be it"
        if kind in _ONE_LINE and (why := _lines(value)):
            return why
    flaw = _FLAWS.get(kind)
    why = flaw(indicator) if flaw is not None else ""
    gate: Gate | None = getattr(indicator, "gate", None)
    return why or (_gate(gate) if gate is not None else "")


_REFANGED = frozenset((FileName, FilePath, Domain, Address, Url, CommandLine))
_ONE_LINE = frozenset(
    (FileName, FilePath, FileHash, Certificate, Domain, Address, Url, LnkTrait, PeTrait, Pipe)
)
"""Of which the value has neither a line end in it nor a blank at an end."""


def _lines(value: str) -> str:
    if value.isprintable() and value == value.strip():
        return ""  # None of the characters below is printable: so few are asked one by one.
    if any(unicodedata.category(character) in ("Cc", "Zl", "Zp") for character in value):
        return f"{value!r} holds a line end or another control character"
    if value != value.strip():
        return f"{value!r} begins or ends with a blank"
    if any(unicodedata.category(value[end]) == "Cf" for end in (0, -1)):
        return f"{value!a} begins or ends with a character that nobody sees"
    return ""


def _name(indicator: FileName) -> str:
    return _one_name(indicator.value)


def _one_name(name: str) -> str:
    if wrong := sorted(_NOT_IN_NAMES.intersection(name)):
        return f"no file name holds {' '.join(wrong)}; type file_path is for the end of a path"
    if name in (".", ".."):
        return f"no file is named {name!r}"
    if len(name.replace("*", "")) > MAX_NAME:
        return f"a name has at most {MAX_NAME} characters"
    return ""


def _path(indicator: FilePath) -> str:
    path = indicator.value.replace("/", "\\")
    if path.startswith(("\\\\?\\", "\\\\.\\")):
        return r"paths are compared without \\?\ and \\.\ before them"
    if not base_name(path):
        return "what ends in a backslash is no file's path; name the file, or a wildcard"
    share = path.startswith("\\\\")
    if indicator.value.startswith("\\") and not share:
        return "begins with a backslash; any folder may stand before it without one"
    first, *steps = path[2 if share else 0 :].split("\\")
    if re.fullmatch(r"[A-Za-z*?]:", first) and not steps:
        return "a drive, and no file on it"
    known = re.fullmatch(r"[A-Za-z*?]:|%[^%]*%|", first)
    for step in steps if known else (first, *steps):
        if not step:
            return "two backslashes beside each other stand in no path"
        if "%" in step and re.search(r"%[A-Za-z]+%", step):
            return f"a variable stands at the beginning of a path alone, not {step!r} behind it"
        if step != step.strip():
            return f"{step!r} begins or ends with a blank"
        if why := _one_name(step):
            return why
    return ""


def _domain(indicator: Domain) -> str:
    value = indicator.value
    if is_address(value):
        return f"{value!r} is an address; type address is for it"
    if value.startswith(("*.", ".")):
        return f"a domain covers all names below it: write {value.lstrip('*.')!r}"
    name = fold_domain(value)
    if not name.isascii():
        return f"{value!r} is no name that DNS knows"
    if len(name) > MAX_DOMAIN:
        return f"a domain has at most {MAX_DOMAIN} characters"
    for label in name.split("."):
        if len(label) > MAX_LABEL or not _LABEL.fullmatch(label):
            why = _domain_hint(value)
            return f"{label!r} is no label of a domain{why}"
    return ""


def _domain_hint(value: str) -> str:
    if "://" in value or "/" in value:
        return "; type url is for the beginning of a URL"
    if re.search(r":\d+$", value):
        return f": without its port, {value.rpartition(':')[0]!r}"
    return "; a domain has no wildcards" if "*" in value or "?" in value else ""


def _url(indicator: Url) -> str:
    value = indicator.value
    if any(character.isspace() for character in value):
        return "a URL holds no blanks; they are written %20"
    scheme, mark, rest = value.partition("://")
    host = re.split(r"[/\\?#]", rest if mark else value, maxsplit=1)[0]
    if mark and not re.fullmatch(r"[A-Za-z][A-Za-z0-9+.-]*", scheme):
        return f"{scheme!r} is no scheme of a URL"
    if not host and scheme.lower() != "file":
        return "a URL without a host"
    if "*" in host:
        return "a URL has no wildcards; type domain covers all names below one"
    if value.endswith("*") and "?" not in value:
        return "a URL has no wildcards: it covers all that begin with it"
    if not mark and host.lower() in _SCHEMES:
        return f"{host!r} would be its host: a colon is missing"
    port = re.fullmatch(r".*[^:]:([0-9]+)", host)
    if port is not None and int(port[1][-12:]) > MAX_PORT:
        return f"a port is at most {MAX_PORT}"
    return ""


def _command(indicator: CommandLine) -> str:
    pieces = indicator.value if isinstance(indicator.value, list) else [indicator.value]
    empty = next((piece for piece in pieces if not normal_command(piece)), None)
    return "" if empty is None else f"{empty!r} is what may stand between pieces, and is no piece"


def _hexadecimal(indicator: FileHash | Certificate) -> str:
    return "" if re.fullmatch(r"[0-9A-Fa-f]+", indicator.value) else "not hexadecimal"


def _pipe(indicator: Pipe) -> str:
    if indicator.example.startswith("\\\\"):
        return r"a pipe is named without \\.\pipe\ before it"
    return _lines(indicator.example)


def _content(indicator: Content) -> str:
    if indicator.match == "hex":
        try:
            read_hex_string(indicator.value)
        except ValueError as error:
            return f"bytes: {error}"
    if indicator.match != "text" or indicator.value.strip("\0"):
        return ""
    return "nothing but zeros"


def _layout(indicator: Layout) -> str:
    largest = min(
        size
        for size in (indicator.gate.size, indicator.gate.max_size, sys.maxsize)
        if size is not None
    )
    for at, part in indicator.parts.items():
        try:
            offset = int(at, 0)
        except ValueError:
            offset = -1
        if offset < 0:
            return f"{at!r} is no offset, such as 0xDD8 or 3544"
        if offset + len(bytes.fromhex(part)) > largest:
            return f"the part at {at} lies behind the {largest:,} bytes of its gate"
    return ""


def _gate(gate: Gate) -> str:
    least = max(gate.size or 0, gate.min_size or 0)
    most = min(size for size in (gate.size, gate.max_size, sys.maxsize) if size is not None)
    if gate.size == 0 or gate.max_size == 0:
        return "its gate wants an empty file"
    if least > most:
        return f"its gate wants at least {least:,} and at most {most:,} bytes"
    magic = bytes.fromhex(gate.magic) if gate.magic is not None else b""
    if len(magic) > most:
        return f"its gate's magic is longer than {most:,} bytes"
    if gate.machine is not None and not (magic or b"MZ").startswith(b"MZ"[: len(magic) or 2]):
        return "its gate wants a machine, which a PE file has, and another magic"
    return ""


def _of(kind: type[_I], flaw: Callable[[_I], str]) -> tuple[type[Any], Callable[[Any], str]]:
    return kind, cast("Callable[[Any], str]", flaw)


_FLAWS = dict(
    (
        _of(FileName, _name),
        _of(FilePath, _path),
        _of(Domain, _domain),
        _of(Url, _url),
        _of(CommandLine, _command),
        _of(FileHash, _hexadecimal),
        _of(Certificate, _hexadecimal),
        _of(Pipe, _pipe),
        _of(Content, _content),
        _of(Layout, _layout),
    )
)
