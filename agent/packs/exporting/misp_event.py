"""A pack as an event of MISP: an attribute each, command lines as objects ``process``.

What is weak, and is not so by its type, has the tag ``false-positive:risk="high"`` of MISP's
taxonomy. Nothing in it is of the moment: the event's day is that of the pack, else that of
``SOURCE_DATE_EPOCH``, else :data:`UNDATED`. Source: MISP core format, 2.4.
"""

from __future__ import annotations

import json
import os
import uuid
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

from ...indicators import Address, Certificate, CommandLine, FileHash, Indicator, Pipe
from ...model.report import Strength
from ...output.exports.stix import UNDATED
from ..loading import Pack
from ..misp_marks import SPACE, comment_of, info_of, uuid_of
from .csv_file import plain_value
from .exported import Exported, Left, day_of, kind_of, sources_of

_HASHES = {32: "md5", 40: "sha1", 64: "sha256"}
_TYPES = {
    "file_name": ("filename", "Payload delivery"),
    "file_path": ("filename", "Payload installation"),
    "hash": ("sha256", "Payload delivery"),
    "domain": ("domain", "Network activity"),
    "address": ("ip-dst", "Network activity"),
    "url": ("url", "Network activity"),
    "pipe": ("named pipe", "Artifacts dropped"),
    "certificate": ("x509-fingerprint-sha256", "Network activity"),
}
_DOUBT = {"name": 'false-positive:risk="high"'}
_WEAK_BY_TYPE = ("file_name", "address", "pipe")


def as_misp(packs: Sequence[Pack], agent: str) -> Exported:
    """One event of all packs."""
    left = Left(packs)
    attributes: list[dict[str, Any]] = []
    objects: list[dict[str, Any]] = []
    for pack in packs:
        for indicator in pack.file.indicators:
            value = (
                indicator.value if isinstance(indicator, Certificate) else plain_value(indicator)
            )
            if value is None:
                left.add(kind_of(indicator), indicator.id)
            elif isinstance(indicator, CommandLine):
                objects.append(_process(pack, indicator, value))
            else:
                attributes.append(_attribute(pack, indicator, value))
    info = info_of([(pack.file.id, pack.file.version) for pack in packs], agent)
    content = json.dumps([info, attributes, objects])
    event = {
        "uuid": str(uuid.uuid5(SPACE, content)),
        "info": info,
        "date": _day(packs),
        "threat_level_id": "4",
        "analysis": "2",
        "distribution": "0",
        "published": False,
        "Attribute": attributes,
        "Object": objects,
    }
    text = json.dumps({"Event": event}, indent=1, ensure_ascii=False) + "\n"
    return Exported(text, len(attributes) + len(objects), left)


def _day(packs: Sequence[Pack]) -> str:
    """The newest pack's."""
    days = [f"{day:%Y-%m-%d}" for day in map(day_of, packs) if day is not None]
    stated = os.environ.get("SOURCE_DATE_EPOCH", "")
    if not days and stated.isascii() and stated.isdigit():
        days = [f"{datetime.fromtimestamp(int(stated[-11:]), UTC):%Y-%m-%d}"]
    return max(days, default=UNDATED[:10])


def _attribute(pack: Pack, indicator: Indicator, value: str) -> dict[str, Any]:
    kind, category = _TYPES[kind_of(indicator)]
    if isinstance(indicator, FileHash):
        kind = _HASHES[len(indicator.value)]
    return {
        **_common(pack, indicator, kind, value),
        "type": kind,
        "category": category,
        "value": value,
        "to_ids": not isinstance(indicator, Pipe),
    }


def _process(pack: Pack, indicator: CommandLine, value: str) -> dict[str, Any]:
    attribute = {
        **_common(pack, indicator, "text", value),
        "type": "text",
        "category": "Other",
        "object_relation": "command-line",
        "value": value,
        "to_ids": True,
    }
    return {
        "uuid": str(uuid.uuid5(SPACE, f"object {attribute['uuid']}")),
        "name": "process",
        "meta-category": "misc",
        "Attribute": [attribute],
    }


def _common(pack: Pack, indicator: Indicator, kind: str, value: str) -> dict[str, Any]:
    weak = indicator.strength is Strength.WEAK and kind_of(indicator) not in _WEAK_BY_TYPE
    said = sources_of(pack, indicator)
    return {
        "uuid": uuid_of(pack.file.id, indicator.id, kind, value),
        "comment": comment_of(indicator.id, indicator.strength, indicator.note, said),
        "disable_correlation": isinstance(indicator, Address),
        "distribution": "5",
        **({"Tag": [_DOUBT]} if weak else {}),
    }
