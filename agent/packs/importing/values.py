"""A value of a kind that is known, as an indicator; with what is changed about it, or why not.

What each proves at first (``iocs/README.md``): a hash the file itself, a domain, URL, path, pipe
or command line is strong, a bare name or address weak.
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Callable

from ...model.report import Strength
from ...spelling import is_glob
from ..defanged import refanged
from .offer import Wanted
from .warned import (
    known_hash,
    not_public,
    of_windows,
    path_of_windows,
    shared_address,
    top_domain,
    unmapped,
)

Made = Wanted | str
"""An indicator, or why there is none."""

_HEX = re.compile(r"[0-9A-Fa-f]+")
_LENGTHS = {32: "MD5", 40: "SHA-1", 64: "SHA-256"}
_OTHER_LENGTHS = {56: "SHA-224", 96: "SHA-384", 128: "SHA-512"}
_PORT = re.compile(r"(?P<host>\[[0-9A-Fa-f:.]+\]|[^:\s]+)[:|](?P<port>[0-9]{1,5})")
_PLACES = {
    "%windir%": "Windows", "%systemroot%": "Windows", "%system%": "Windows\\System32",
    "%programdata%": "ProgramData", "%allusersprofile%": "ProgramData",
    "%public%": "Users\\Public", "%userprofile%": "Users\\*", "%systemdrive%": "?:",
    "%homedrive%": "?:", "%programfiles%": "Program Files", "%tmp%": "%TEMP%",
    "%programfiles(x86)%": "Program Files (x86)",
}  # fmt: skip
"""Variables that packs do not know, as what they stand for by default."""
_SPECIAL = re.compile(r"[.^$*+?()\[\]{}|\\/]")
"""What has a meaning in an expression."""
_KNOWN = ("%localappdata%", "%appdata%", "%temp%")


def limited(wanted: Wanted, most: Strength) -> Wanted:
    """Proving no more than this."""
    order = (Strength.WEAK, Strength.STRONG, Strength.CONFIRMED)
    if order.index(wanted.strength) <= order.index(most):
        return wanted
    return Wanted(
        type=wanted.type, value=wanted.value, strength=most, fields=wanted.fields, told=wanted.told
    )


def made(kind: str, written: str) -> Made:
    """Of one of :data:`KINDS`; what is written defanged is refanged, and told."""
    text = written.strip()
    plain = refanged(text) if kind in _REFANGED else text
    if not plain:
        return "empty"
    found = KINDS[kind](plain)
    if isinstance(found, str) or plain == text:
        return found if isinstance(found, str) or found.value else "empty"
    return _told(found, "written defanged")


def _told(wanted: Wanted, *told: str) -> Wanted:
    return Wanted(
        type=wanted.type,
        value=wanted.value,
        strength=wanted.strength,
        fields=wanted.fields,
        told=(*(one for one in told if one), *wanted.told),
    )


def _hash(text: str) -> Made:
    if not _HEX.fullmatch(text):
        return "a hash that is not hexadecimal"
    if len(text) in _OTHER_LENGTHS:
        return f"{_OTHER_LENGTHS[len(text)]}: only MD5, SHA-1 and SHA-256 are computed"
    if len(text) not in _LENGTHS:
        return "hexadecimal digits of no MD5, SHA-1 or SHA-256"
    often = known_hash(text.lower())
    return Wanted(
        type="hash",
        value=text.lower(),
        strength=Strength.WEAK if often else Strength.CONFIRMED,
        told=(often,) if often else (),
    )


def _certificate(text: str) -> Made:
    if not _HEX.fullmatch(text) or len(text) != 64:
        return "a certificate is known by its SHA-256 alone"
    return Wanted(type="certificate", value=text.lower(), strength=Strength.STRONG)


def _address(text: str) -> Made:
    port = _PORT.fullmatch(text)
    told = f"port {port['port']} is not asked" if port else ""
    host = (port["host"] if port else text).strip("[]")
    try:
        network = ipaddress.ip_network(host, strict=False)
    except ValueError:
        return "no IP address"
    mapped, network = network, unmapped(network)
    private, never = not_public(network)
    if never:
        return never
    value = str(network.network_address if network.num_addresses == 1 else network)
    bits = "" if "/" not in host or str(mapped) == host.lower() else "its whole block"
    as_v4 = "" if mapped is network else "an address of IPv4 in the form of IPv6"
    return Wanted(
        type="address",
        value=value,
        strength=Strength.WEAK,
        fields={"private": True} if private else {},
        told=tuple(one for one in (told, bits, as_v4, private or shared_address(network)) if one),
    )


def _domain(text: str) -> Made:
    if "://" in text:
        return _told_or_why(_url(text), "a URL in the place of a domain")
    port = _PORT.fullmatch(text)
    told = f"port {port['port']} is not asked" if port else ""
    name = (port["host"] if port else text).rstrip(".")
    below = name.startswith(("*.", "."))
    name = name.lstrip("*.") if below else name
    try:
        ipaddress.ip_address(name)
    except ValueError:
        often = top_domain(name)
        return Wanted(
            type="domain",
            value=name,
            strength=Strength.WEAK if often else Strength.STRONG,
            told=tuple(one for one in (told, "the name itself too" if below else "", often) if one),
        )
    return _told_or_why(_address(text), "an address in the place of a domain")


def _told_or_why(found: Made, told: str) -> Made:
    return found if isinstance(found, str) else _told(found, told)


def _host(text: str) -> Made:
    """A domain or an address."""
    found = _address(text)
    return _domain(text) if found == "no IP address" else found


def _url(text: str) -> Made:
    authority, _, rest = re.sub(r"^[A-Za-z][A-Za-z0-9+.-]*://", "", text).partition("/")
    host = _host_of(authority)
    if host == "localhost":
        return "of the host itself: every host has such"
    often = "" if rest else top_domain(host)
    try:
        network = unmapped(ipaddress.ip_network(host))
    except ValueError:
        pass
    else:
        private, never = not_public(network)
        if never:
            return never
        often = f"{private}: weak" if private else often
    return Wanted(
        type="url",
        value=text,
        strength=Strength.WEAK if often else Strength.STRONG,
        told=(often,) if often else (),
    )


def _host_of(authority: str) -> str:
    """Without who asks there, and without a port."""
    host = authority.rpartition("@")[2].partition("?")[0].partition("#")[0].lower()
    port = _PORT.fullmatch(host)
    return (port["host"] if port else host).strip("[]").rstrip(".")


def _file_name(text: str) -> Made:
    if "\\" in text or "/" in text:
        return _file_path(text)
    often = of_windows(text)
    return Wanted(
        type="file_name", value=text, strength=Strength.WEAK, told=(often,) if often else ()
    )


def _file_path(text: str) -> Made:
    if text.startswith("/") and not text.startswith("//"):
        return "a path of another system than Windows"
    path = text.replace("/", "\\")
    path = re.sub(r"^\\\\[?.]\\(?:UNC\\)?", lambda found: "\\\\" * ("UNC" in found[0]), path)
    if path.lower().startswith(("\\\\.\\pipe\\", "pipe\\")):
        return _pipe(text)
    if path.endswith("\\"):
        return "a folder, and no file"
    told = []
    first, slash, rest = path.partition("\\")
    if first.startswith("%") and first.lower() not in _KNOWN:
        place = _PLACES.get(first.lower())
        if place is None:
            return f"the variable {first} is not known"
        told.append(f"{first} is {place}")
        path = place + slash + rest
    if "\\" not in path:
        return _file_name(path)
    if not path.startswith("\\\\"):
        path = path.lstrip("\\")
    if "\\" not in path:
        return _told_or_why(_file_name(path), "in any folder")
    often = path_of_windows(path)
    if often:
        told.append(often)
    strength = Strength.WEAK if often else Strength.STRONG
    return Wanted(type="file_path", value=path, strength=strength, told=tuple(told))


def _command(text: str) -> Made:
    return Wanted(type="command_line", value=text, strength=Strength.STRONG)


def _pipe(text: str) -> Made:
    name = re.sub(r"(?i)^(?:\\\\[.?]\\|\\device\\named)?\\?pipe\\", "", text).lstrip("\\")
    if not name:
        return "a pipe without a name"
    if is_glob(name):
        return "wildcards in the name of a pipe"
    return Wanted(
        type="pipe",
        value="".join(map(_of_any_case, name)),
        strength=Strength.STRONG,
        fields={"example": name},
        told=("anywhere in a pipe's name",),
    )


def _of_any_case(one: str) -> str:
    """A character in an expression of a pipe's name, where case counts and on Windows does not."""
    if one.isascii() and one.isalpha():
        return f"[{one.upper()}{one.lower()}]"
    return _SPECIAL.sub(r"\\\g<0>", one)


KINDS: dict[str, Callable[[str], Made]] = {
    "hash": _hash, "certificate": _certificate, "address": _address, "domain": _domain,
    "host": _host, "url": _url, "file_name": _file_name, "file_path": _file_path,
    "command_line": _command, "pipe": _pipe,
}  # fmt: skip
_REFANGED = ("address", "domain", "host", "url")

NO_TYPE = {
    "email": "about mail: no indicator type",
    "registry": "a registry key or value: no indicator type",
    "mutex": "a mutex: no indicator type",
    "user_agent": "a user agent: no indicator type",
    "fuzzy": "a fuzzy or import hash: no indicator type",
    "vulnerability": "a vulnerability: no indicator",
    "technique": "a technique of ATT&CK: no indicator",
    "rule": "a rule of another engine: no indicator",
    "service": "a service or task by its name: no indicator type",
    "size": "a size alone: no indicator",
    "text": "a text for people: no indicator",
    "person": "a person or account: no indicator type",
    "other": "no indicator type",
}
"""Why a kind that is known becomes none."""


def offered(kind: str, written: str) -> Made:
    """As :func:`made`, also of a kind that never is an indicator."""
    why = NO_TYPE.get(kind)
    return made(kind, written) if why is None else why
