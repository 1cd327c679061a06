"""What kind of value a text is that nobody has said the kind of.

Only whole texts. A name such as ``evil.zip`` may be a file or a domain: it is taken for the file,
and that is told; who means the domain writes it defanged, or with its kind.
"""

from __future__ import annotations

import ipaddress
import re

from ...spelling import domain_forms
from ..defanged import refanged

_EXTENSIONS_TEXT = """
    7z asp aspx bat bin bmp cab chm cmd com cpl dat dll doc docm docx dmp drv efi eml exe gif hta
    htm html ico img inf ini iso jar jpeg jpg js jse json lnk log mdb msi msp mht msg ocx one pdf
    php pif png ppt pptm pptx ps1 psd1 psm1 py rar rtf scf scr sct sh slk sqlite svg sys tar tgz tmp
    txt url vba vbe vbs vhd vhdx wim wsc wsf wsh xla xlam xll xls xlsb xlsm xlsx xml zip gz db cfg
"""
_EXTENSIONS = frozenset(_EXTENSIONS_TEXT.split())
_ALSO_TLDS = frozenset(("com", "sh", "py", "zip", "one"))
"""Of these extensions, the top-level domains."""
_NAME = re.compile(r'[^\\/:*?"<>|\s]{1,254}\.(?P<extension>[A-Za-z0-9]{1,8})')
_SPACED = re.compile(r'[^\\/:*?"<>|\r\n\t]{1,254}\.(?P<extension>[A-Za-z0-9]{1,8})')
_GOES_ON = re.compile(r"\.(?P<extension>[A-Za-z0-9]{1,8})[\"']?\s")
_DOMAIN = re.compile(
    r"(?:\*\.)?(?:[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9])?\.)+(?P<top>[a-z]{2,24}|xn--[a-z0-9-]{2,59})"
    r"\.?(?::[0-9]{1,5})?",
    re.IGNORECASE,
)
_PATTERNS = (
    ("hash", re.compile(r"[0-9A-Fa-f]{32}|[0-9A-Fa-f]{40}|[0-9A-Fa-f]{64}")),
    ("hash", re.compile(r"[0-9A-Fa-f]{56}|[0-9A-Fa-f]{96}|[0-9A-Fa-f]{128}")),
    ("vulnerability", re.compile(r"(?i)CVE-[0-9]{4}-[0-9]{4,7}")),
    ("technique", re.compile(r"TA?[0-9]{4}(?:\.[0-9]{3})?")),
    ("registry", re.compile(r"(?i)(?:HKLM|HKCU|HKCR|HKU|HKCC|HKEY_[A-Z_]+)(?:\\.*)?")),
    ("url", re.compile(r"(?i)(?:https?|ftp)://\S+")),
    ("email", re.compile(r"[^@\s\\/:]+@[^@\s\\/:]+\.[A-Za-z0-9-]{2,}")),
    ("fuzzy", re.compile(r"[0-9]+:[A-Za-z0-9/+]{3,}:[A-Za-z0-9/+]{3,}")),
    ("pipe", re.compile(r"(?i)\\\\[.?]\\pipe\\.+|\\pipe\\.+")),
    ("file_path", re.compile(r'(?:[A-Za-z]:|%[A-Za-z()0-9]+%|\\\\[^\\/\s"]+)\\[^"<>|\r\n]+')),
)


def kind_of(written: str) -> tuple[str, str]:
    """The kind (of ``values``; empty: not recognised), and what to tell of the choice."""
    text = refanged(written)
    for kind, pattern in _PATTERNS:
        if pattern.fullmatch(text):
            return ("", "") if kind == "file_path" and _goes_on(text) else (kind, "")
    if _is_address(text):
        return "address", ""
    name, domain = _NAME.fullmatch(text), _is_domain(text)
    is_defanged = text != written
    extension = name["extension"].lower() if name else ""
    if domain and is_defanged:
        return "domain", ""
    if name and extension == "com" and domain:
        return "domain", ""
    if name and extension in _EXTENSIONS:
        both = domain and extension in _ALSO_TLDS
        return "file_name", f"a file; .{extension} is a domain too" if both else ""
    if domain:
        return "domain", ""
    host, slash, rest = text.partition("/")
    if slash and not re.search(r"\s", rest) and _is_domain(host):
        return "url", "a URL without its scheme"
    return "", ""


def _is_domain(text: str) -> bool:
    """In any letters, as a resolver would ask for it."""
    return _DOMAIN.fullmatch(text if text.isascii() else domain_forms(text)[0]) is not None


def _is_address(text: str) -> bool:
    host = re.sub(r"(?<=[0-9\]])[:|][0-9]{1,5}$", "", text) if text.count(":") <= 1 else text
    host = re.sub(r"^\[([0-9A-Fa-f:.]+)\](?::[0-9]{1,5})?$", r"\1", host)
    try:
        ipaddress.ip_network(host, strict=False)
    except ValueError:
        return False
    return not host.isdigit()


def _goes_on(text: str) -> bool:
    """Whether words stand behind a path's name: a command line, or a sentence."""
    return any(one["extension"].lower() in _EXTENSIONS for one in _GOES_ON.finditer(text))


def is_spaced_name(text: str) -> bool:
    """Whether it may be a file's name with blanks in it; so may a sentence that ends in a name."""
    name = _SPACED.fullmatch(text)
    return name is not None and " " in text and name["extension"].lower() in _EXTENSIONS
