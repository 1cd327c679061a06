"""What OCSF 1.8.0 demands of an event, by its own class definitions (tests/data/mapping)."""

from __future__ import annotations

import ipaddress
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

SCHEMA = json.loads(
    (Path(__file__).parents[3] / "data" / "mapping" / "ocsf-1.8.0.json").read_text("utf-8")
)
_TEXTS = {
    "string_t", "file_name_t", "file_path_t", "file_hash_t", "hostname_t", "process_name_t",
    "reg_key_path_t", "resource_uid_t", "url_t", "username_t", "uuid_t",
}  # fmt: skip
_NUMBERS = {"integer_t", "long_t", "timestamp_t"}
_FREE = {"json_t", "object", "data_classification"}


def flaws(event: dict[str, Any]) -> list[str]:
    """Each with its place; none: it is an event of this schema."""
    known = {row["uid"]: name for name, row in SCHEMA["classes"].items()}
    name = known.get(event.get("class_uid"))
    if name is None:
        return [f"class_uid {event.get('class_uid')!r} is none of {sorted(known)}"]
    attributes = SCHEMA["classes"][name]["attributes"]
    profiles = event.get("metadata", {}).get("profiles", [])
    found = list(_object(event, attributes, name, profiles))
    if event.get("type_uid") != event["class_uid"] * 100 + event.get("activity_id", 0):
        found.append("type_uid: is not class_uid * 100 + activity_id")
    return found


def _object(
    value: Any, attributes: dict[str, list[Any]], where: str, profiles: list[str]
) -> Iterator[str]:
    if not isinstance(value, dict):
        yield f"{where}: no object"
        return
    for name, (_, requirement, *_rest) in attributes.items():
        profile = requirement.partition("required by profile ")[2]
        if name not in value and (requirement == "required" or profile in profiles):
            yield f"{where}.{name}: is required"
    for name, one in value.items():
        if name not in attributes:
            yield f"{where}.{name}: there is no such attribute"
            continue
        kind, _, *captions = attributes[name]
        if captions and isinstance(one, int):
            yield from _caption(value, name, one, captions[0], where)
        if kind.endswith("[]"):
            if not isinstance(one, list) or not one:
                yield f"{where}.{name}: no list, or an empty one"
                continue
            for number, item in enumerate(one):
                yield from _value(item, kind[:-2], f"{where}.{name}[{number}]", profiles)
        else:
            yield from _value(one, kind, f"{where}.{name}", profiles)


def _caption(
    holder: dict[str, Any], name: str, value: int, captions: dict[str, str], where: str
) -> Iterator[str]:
    """The number is one of the schema's, and the text beside it is the number's."""
    if str(value) not in captions:
        yield f"{where}.{name}: {value} is none of {sorted(captions)}"
        return
    sibling = holder.get(name.removesuffix("_id")) if name.endswith("_id") else None
    if sibling is not None and value != 99 and sibling != captions[str(value)]:
        yield f"{where}.{name}: {value} is {captions[str(value)]!r}, and not {sibling!r}"


def _value(value: Any, kind: str, where: str, profiles: list[str]) -> Iterator[str]:
    if kind in SCHEMA["objects"]:
        row = SCHEMA["objects"][kind]
        yield from _object(value, row["attributes"], where, profiles)
        if row["at_least_one"] and not set(row["at_least_one"]) & set(value):
            yield f"{where}: none of {row['at_least_one']}"
    elif kind in _TEXTS:
        if not isinstance(value, str) or not value:
            yield f"{where}: {value!r} is no {kind}"
    elif kind in _NUMBERS:
        if type(value) is not int:
            yield f"{where}: {value!r} is no {kind}"
    elif kind == "port_t":
        if type(value) is not int or not 0 <= value <= 65535:
            yield f"{where}: {value!r} is no port"
    elif kind == "ip_t":
        try:
            ipaddress.ip_address(value)
        except ValueError:
            yield f"{where}: {value!r} is no address"
    elif kind == "boolean_t":
        if not isinstance(value, bool):
            yield f"{where}: {value!r} is no boolean"
    elif kind not in _FREE:
        yield f"{where}: {kind} is not in the table of this test"
