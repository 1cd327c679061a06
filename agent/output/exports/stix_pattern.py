"""An indicator as a STIX pattern, where STIX can say what it means.

Where it cannot (an export of a PE file, bytes, pieces of a command line), ``pattern_type`` is
``iocsweep``, as the open vocabulary ``pattern-type-ov`` allows, and the pattern is type and value.
"""

from __future__ import annotations

import ipaddress
import re
from typing import Final

import msgspec

from ...model.report import IndicatorRef
from ..mapping.document import valid

STIX: Final = "stix"
OWN: Final = "iocsweep"
_ALGORITHMS = {32: "MD5", 40: "'SHA-1'", 64: "'SHA-256'"}


def pattern_of(indicator: IndicatorRef) -> tuple[str, str]:
    """The pattern and its language."""
    made = _stix(indicator.type, valid(indicator.value))
    if made is not None:
        return made, STIX
    own = {"type": indicator.type, "value": valid(indicator.value)}
    return msgspec.json.encode(own).decode(), OWN


def _stix(kind: str, value: str) -> str | None:
    if kind == "hash" and len(value) in _ALGORITHMS:
        return f"[file:hashes.{_ALGORITHMS[len(value)]} = {_text(value)}]"
    if kind == "certificate":
        return f"[x509-certificate:hashes.'SHA-256' = {_text(value)}]"
    if kind == "domain":
        below = f"domain-name:value LIKE {_text('%.' + value)}"
        return f"[domain-name:value = {_text(value)} OR {below}]" if "_" not in value else None
    if kind == "url":
        return f"[url:value MATCHES {_text('^' + re.escape(value))}]"
    if kind == "address":
        return _address(value)
    if kind == "file_name":
        return _file_name(value)
    return None


def _address(value: str) -> str | None:
    try:
        network = ipaddress.ip_network(value, strict=False)
    except ValueError:
        return None
    operator = "ISSUBSET" if "/" in value else "="
    return f"[ipv{network.version}-addr:value {operator} {_text(value)}]"


def _file_name(value: str) -> str | None:
    if not re.search(r"[*?]", value):
        return f"[file:name = {_text(value)}]"
    if re.search("[%_]", value):  # LIKE has no way to write them
        return None
    return f"[file:name LIKE {_text(value.replace('*', '%').replace('?', '_'))}]"


def _text(value: str) -> str:
    escaped = value.replace("\\", "\\\\").replace("'", "\\'")
    return f"'{escaped}'"
