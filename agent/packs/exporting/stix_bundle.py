"""A pack as a bundle of STIX 2.1: an ``indicator`` object each, with its pattern.

``confidence`` is 15, 50 or 85 for weak, strong and confirmed (STIX 2.1, appendix A, None / Low /
Med / High). A domain's pattern is of that name alone, and a path's of one folder: STIX has no word
for "and all below it". Ids are those that the sightings of a report have: the same in every export,
and so is all else of a version of a pack.
"""

from __future__ import annotations

import ipaddress
import json
from collections.abc import Sequence
from typing import Any

from ...indicators import (
    Address,
    Certificate,
    CommandLine,
    Domain,
    FileHash,
    FileName,
    FilePath,
    Indicator,
    Url,
)
from ...matching.matcher import type_of, value_of
from ...model.report import Strength
from ...output.exports.stix import UNDATED, id_of
from ...spelling import is_glob
from ..loading import Pack
from .exported import Exported, Left, day_of, kind_of

_CONFIDENCE = {Strength.WEAK: 15, Strength.STRONG: 50, Strength.CONFIRMED: 85}
_ALGORITHMS = {32: "MD5", 40: "'SHA-1'", 64: "'SHA-256'"}


def as_stix(packs: Sequence[Pack], agent: str) -> Exported:
    """One bundle."""
    left = Left(packs)
    objects: list[dict[str, Any]] = []
    for pack in packs:
        for indicator in pack.file.indicators:
            pattern = pattern_of(indicator)
            if pattern:
                objects.append(_object(pack, indicator, pattern, agent))
            else:
                left.add(kind_of(indicator), indicator.id)
    names = " ".join(pack.sha256 for pack in packs)
    bundle = {"type": "bundle", "id": id_of("bundle", names), "objects": objects}
    return Exported(json.dumps(bundle, indent=1, ensure_ascii=False) + "\n", len(objects), left)


def _object(pack: Pack, indicator: Indicator, pattern: str, agent: str) -> dict[str, Any]:
    moment = _dated(pack)
    ref = (pack.file.id, indicator.id, type_of(indicator), value_of(indicator))
    sources = [
        {"source_name": key, "description": pack.file.references[key]}
        for key in indicator.reference
    ]
    return {
        "type": "indicator",
        "spec_version": "2.1",
        "id": id_of("indicator", *ref),
        "created": UNDATED,
        "modified": moment,
        "name": f"{pack.file.id}: {indicator.id}",
        "description": indicator.note or f"from {pack.file.title}, by iocsweep {agent}",
        "indicator_types": ["malicious-activity"],
        "pattern": pattern,
        "pattern_type": "stix",
        "pattern_version": "2.1",
        "valid_from": moment,
        "confidence": _CONFIDENCE[indicator.strength],
        "external_references": sources,
    }


def _dated(pack: Pack) -> str:
    """Of another version than a day it is not known."""
    day = day_of(pack)
    return UNDATED if day is None else max(UNDATED, f"{day:%Y-%m-%d}T00:00:00.000Z")


def pattern_of(indicator: Indicator) -> str:
    """Its pattern; empty if STIX has none that means the same."""
    if isinstance(indicator, FileHash):
        size = f" AND file:size = {indicator.gate.size}" if indicator.gate.size else ""
        return f"[file:hashes.{_ALGORITHMS[len(indicator.value)]} = '{indicator.value}'{size}]"
    if isinstance(indicator, Certificate):
        return f"[x509-certificate:hashes.'SHA-256' = '{indicator.value.lower()}']"
    if isinstance(indicator, FileName):
        return _compared("file:name", indicator.value)
    if isinstance(indicator, FilePath):
        return _path(indicator.value.replace("/", "\\"))
    if isinstance(indicator, Domain):
        return f"[domain-name:value = {_quoted(indicator.value)}]"
    if isinstance(indicator, Address):
        network = ipaddress.ip_network(indicator.value)
        operator = "=" if "/" not in indicator.value else "ISSUBSET"
        return f"[ipv{network.version}-addr:value {operator} '{indicator.value}']"
    if isinstance(indicator, Url):
        return _like("url:value", (indicator.value,), "", "%")
    if isinstance(indicator, CommandLine):
        pieces = [indicator.value] if isinstance(indicator.value, str) else indicator.value
        return _like("process:command_line", pieces, "%", "%")
    return ""


def _compared(path: str, value: str) -> str:
    if not is_glob(value):
        return f"[{path} = {_quoted(value)}]"
    if set(value) & set("%_"):
        return ""
    return f"[{path} LIKE {_quoted(value.replace('*', '%').replace('?', '_'))}]"


def _path(value: str) -> str:
    folder, _, name = value.rpartition("\\")
    if is_glob(value):
        return ""
    place = f"file:parent_directory_ref.path = {_quoted(folder)}"
    return f"[file:name = {_quoted(name)} AND {place}]"


def _like(path: str, pieces: Sequence[str], before: str, behind: str) -> str:
    """Where ``%`` and ``_`` mean themselves, LIKE has no word for it."""
    if any(set(piece) & set("%_") for piece in pieces):
        return ""
    return f"[{path} LIKE {_quoted(before + '%'.join(pieces) + behind)}]"


def _quoted(text: str) -> str:
    return "'" + text.replace("\\", "\\\\").replace("'", "\\'") + "'"
