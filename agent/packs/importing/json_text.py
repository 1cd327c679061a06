"""JSON of foreign forms: read as plain values, and asked for parts that may be anything."""

from __future__ import annotations

import json
from typing import Any

import msgspec


class NoJson(Exception):
    """It is none."""


def read_json(text: str) -> Any:
    """Raises NoJson."""
    try:
        return msgspec.json.decode(text)
    except msgspec.DecodeError as error:
        return _read_leniently(text, str(error))
    except RecursionError as error:
        raise NoJson("nested too deeply") from error


def _read_leniently(text: str, why: str) -> Any:
    """With halves of characters, which other readers refuse the whole text for."""
    try:
        return json.loads(text)
    except (ValueError, RecursionError) as error:
        raise NoJson(why) from error


def dicts(value: Any, key: str) -> list[dict[str, Any]]:
    """The objects of a list that stands under a key; none if that is something else."""
    found = value.get(key) if isinstance(value, dict) else None
    return [one for one in found if isinstance(one, dict)] if isinstance(found, list) else []


def text_of(value: Any, key: str) -> str:
    """The text or number that stands under a key; empty for anything else."""
    found = value.get(key) if isinstance(value, dict) else None
    if isinstance(found, bool) or not isinstance(found, (str, int, float)):
        return ""
    return str(found).strip()
