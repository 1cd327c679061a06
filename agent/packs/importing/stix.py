"""Bundles of STIX 2.0 and 2.1: their indicators, with who says so.

Each pattern is read by itself, so that one that is no pattern loses no other. What is observed
(files, addresses) without an indicator is context and left out; so is what was revoked or is of
another rule language. A confidence below 30, "low" in STIX's scale, is weak.

Source: STIX 2.1 (OASIS Standard, 2021-06-10), sections 4.7 and 8, appendix A.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from typing import Any

from ...model.report import Strength
from .expressions import Unfit
from .json_text import NoJson, dicts, read_json, text_of
from .offer import Offer, Wanted, left_out
from .stix_meaning import Alternative, alternatives
from .stix_pattern import BadPattern, parsed
from .values import limited

_LOW = 30


def is_stix(value: Any) -> bool:
    """Whether a JSON value is of this form."""
    if isinstance(value, list):
        return bool(value) and all(map(is_stix, value))
    if not isinstance(value, dict):
        return False
    return value.get("type") in ("bundle", "indicator") or any(
        "--" in text_of(one, "id") for one in dicts(value, "objects")
    )


def read_stix(text: str) -> Iterator[Offer]:
    """All indicators of a bundle, of several, or of an answer of TAXII."""
    try:
        value = read_json(text)
    except NoJson as error:
        yield left_out("file", "JSON", "", f"no JSON: {error}")
        return
    items = list(_items(value))
    names = {text_of(one, "id"): text_of(one, "name") for one in items}
    for item in items:
        if text_of(item, "type") == "indicator":
            yield from _indicator(item, names.get(text_of(item, "created_by_ref"), ""))
    others = Counter(text_of(one, "type") for one in items)
    del others["indicator"]
    for kind, count in others.items():
        objects = "1 object" if count == 1 else f"{count:,} objects"
        yield left_out("bundle", kind or "object", objects, "no indicator: context")


def _items(value: Any) -> Iterator[dict[str, Any]]:
    if isinstance(value, list):
        for one in value:
            yield from _items(one)
    elif isinstance(value, dict) and "objects" in value:
        yield from dicts(value, "objects")
    elif isinstance(value, dict):
        yield value


def _indicator(item: dict[str, Any], by: str) -> Iterator[Offer]:
    where, pattern = text_of(item, "id") or "indicator", text_of(item, "pattern")
    language = text_of(item, "pattern_type") or "stix"
    kinds = [*_texts(item, "indicator_types"), *_texts(item, "labels")]
    if item.get("revoked") is True:
        yield left_out(where, "pattern", pattern, "revoked")
    elif "benign" in kinds:
        yield left_out(where, "pattern", pattern, "says what is benign")
    elif language != "stix":
        yield left_out(
            where, f"{language} pattern", pattern, "a rule of another engine: no indicator"
        )
    else:
        try:
            found, reasons = alternatives(parsed(pattern))
        except (BadPattern, Unfit) as error:
            yield left_out(where, "pattern", pattern, str(error))
            return
        told = list(_doubts(item))
        for one in found:
            yield _offer(item, where, pattern, one, told, by)
        for why in dict.fromkeys(reasons):
            yield left_out(where, "pattern", pattern, why)


def _texts(item: dict[str, Any], key: str) -> list[str]:
    found = item.get(key)
    return [one for one in found if isinstance(one, str)] if isinstance(found, list) else []


def _doubts(item: dict[str, Any]) -> Iterator[str]:
    confidence = item.get("confidence")
    if isinstance(confidence, int) and not isinstance(confidence, bool) and 0 < confidence < _LOW:
        yield f"a confidence below {_LOW}: weak"
    if until := text_of(item, "valid_until"):
        yield f"valid until {until[:10]}"


def _offer(
    item: dict[str, Any], where: str, pattern: str, one: Alternative, told: list[str], by: str
) -> Offer:
    is_weak = any(doubt.endswith(": weak") for doubt in told)
    wanted = tuple(_doubted(each, told, is_weak=is_weak) for each in one.wanted)
    urls = [text_of(each, "url") for each in dicts(item, "external_references")]
    name = text_of(item, "name")
    source = [f"STIX {where}", f"by {by}" if by else "", *(url for url in urls if url)]
    return Offer(
        where=where,
        kind="pattern",
        written=pattern,
        wanted=wanted,
        together=_together(wanted, is_weak=is_weak),
        same_file=one.same_file,
        note=name or text_of(item, "description")[:256],
        reference="; ".join(part for part in source if part) if by or any(urls) else "",
    )


def _together(wanted: tuple[Wanted, ...], *, is_weak: bool) -> Strength | None:
    """What they prove together."""
    if len(wanted) < 2:
        return None
    wider = any("wider, weak" in told for one in wanted for told in one.told)
    return Strength.WEAK if is_weak or wider else Strength.STRONG


def _doubted(wanted: Wanted, told: list[str], *, is_weak: bool) -> Wanted:
    kept = limited(wanted, Strength.WEAK) if is_weak else wanted
    return Wanted(
        type=kept.type,
        value=kept.value,
        strength=kept.strength,
        fields=kept.fields,
        told=(*kept.told, *told),
    )
