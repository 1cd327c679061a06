"""MISP's events, attributes and feeds, as JSON.

``to_ids`` says what is meant for detection; what has it not is context, and left out. Named pipes
never have it by default, so that they are taken as weak. Composites (``filename|sha1``,
``ip-dst|port``) are one or two values. Galaxies stand in the reference. What the event's own
warning lists or tags doubt is weak.

Source: MISP core format (datatracker.ietf.org/doc/draft-dulaunoy-misp-core-format), 2.4 and 2.5;
the defaults of ``to_ids``: describeTypes.json of MISP.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import Any

from ...model.report import Strength
from ..misp_marks import mark_of
from .json_text import NoJson, dicts, read_json, text_of
from .offer import Offer, Wanted, left_out, sized
from .values import limited, offered

_TYPES = {
    "hash": "md5 sha1 sha256 sha224 sha384 sha512 sha512/224 sha512/256 sha3-256 sha3-512",
    "fuzzy": "ssdeep tlsh imphash impfuzzy pehash authentihash telfhash vhash cdhash"
    " hassh-md5 hasshserver-md5 ja3-fingerprint-md5 jarm-fingerprint favicon-mmh3",
    "file_name": "filename",
    "address": "ip-src ip-dst ip-src|port ip-dst|port",
    "host": "hostname|port",
    "domain": "domain hostname",
    "url": "url",
    "pipe": "named%pipe",
    "certificate": "x509-fingerprint-sha256",
    "email": "email email-src email-dst email-subject email-body email-attachment email-reply-to"
    " email-message-id email-header email-x-mailer email-mime-boundary email-thread-index"
    " email-src-display-name email-dst-display-name target-email",
    "registry": "regkey regkey|value",
    "mutex": "mutex",
    "user_agent": "user-agent http-method",
    "rule": "yara sigma snort suricata zeek bro stix2-pattern pattern-in-file pattern-in-memory"
    " pattern-in-traffic pattern-filename filename-pattern kusto-query",
    "service": "windows-service-name windows-service-displayname windows-scheduled-task",
    "vulnerability": "vulnerability cpe weakness",
    "size": "size-in-bytes",
    "text": "text comment link other datetime campaign-name campaign-id threat-actor",
    "person": "target-user target-machine target-org github-username whois-registrant-email"
    " whois-registrant-name",
}
_KIND_OF = {
    name.replace("%", " "): kind for kind, names in _TYPES.items() for name in names.split()
}
_RELATIONS = {"command-line": "command_line", "fullpath": "file_path", "path": "file_path"}
"""Attributes of objects whose type, ``text``, says less than the relation."""
_CONTEXT = "to_ids is not set: context, not for detection"
_OUR_DOUBT = 'tagged false-positive:risk="high": weak'
_PIPES = "MISP leaves to_ids off for pipes: weak"
_DOUBTS = re.compile(
    r'misp:confidence-level="(?:rarely-confident|unconfident|confidence-cannot-be-evaluated)"'
    r'|false-positive:risk="(?:medium|high)"'
)


def is_misp(value: Any) -> bool:
    """Whether a JSON value is of this form."""
    return next(_parts(value), None) is not None


def read_misp(text: str) -> Iterator[Offer]:
    """All attributes of all events. Raises nothing: what is no JSON is said."""
    try:
        value = read_json(text)
    except NoJson as error:
        yield left_out("file", "JSON", "", f"no JSON: {error}")
        return
    for event, attributes in _parts(value):
        reference, info = _event(event), event.get("info")
        yield from _attributes(attributes, "", reference, info=info)
        for item in dicts(event, "Object"):
            if item.get("deleted") in (True, 1, "1"):
                continue
            name, inside = text_of(item, "name"), dicts(item, "Attribute")
            size = _size(inside) if name == "file" else ""
            yield from _attributes(inside, name, reference, size, info=info)


def _parts(value: Any) -> Iterator[tuple[dict[str, Any], list[dict[str, Any]]]]:
    """Events, and their attributes; attributes without an event have an empty one."""
    if isinstance(value, list):
        for one in value:
            yield from _parts(one)
    elif isinstance(value, dict):
        event = value.get("Event")
        if isinstance(event, dict) and ("Attribute" in event or "Object" in event):
            yield event, dicts(event, "Attribute")
        elif "response" in value:
            yield from _parts(value["response"])
        elif "Attribute" in value:
            yield {}, dicts(value, "Attribute")


def _event(event: dict[str, Any]) -> str:
    """As a source, in one line."""
    if not event:
        return ""
    by = text_of(event.get("Orgc"), "name")
    galaxies = [
        text_of(cluster, "value")
        for galaxy in dicts(event, "Galaxy")
        for cluster in dicts(galaxy, "GalaxyCluster")
    ]
    parts = (
        f"MISP event {text_of(event, 'uuid')}: {text_of(event, 'info')}",
        f"by {by}" if by else "",
        text_of(event, "date"),
        f"galaxies {', '.join(galaxies)}" if galaxies else "",
    )
    return "; ".join(part for part in parts if part)


def _size(attributes: list[dict[str, Any]]) -> str:
    """Of the file that an object is about, in bytes; empty if it is not one number."""
    found = {text_of(one, "value") for one in attributes if text_of(one, "type") == "size-in-bytes"}
    return found.pop() if len(found) == 1 else ""


def _attributes(
    attributes: list[dict[str, Any]],
    item: str,
    reference: str,
    size: str = "",
    *,
    info: object = None,
) -> Iterator[Offer]:
    for attribute in attributes:
        kind, written = text_of(attribute, "type"), text_of(attribute, "value")
        where = f"attribute {text_of(attribute, 'uuid') or text_of(attribute, 'id') or '?'}"
        relation = text_of(attribute, "object_relation")
        shown = f"{item} {relation}: {kind}" if item else kind
        if attribute.get("deleted") in (True, 1, "1"):
            yield left_out(where, shown, written, "deleted")
            continue
        found = _values(kind, relation, written)
        if isinstance(found, str):
            yield left_out(where, shown, written, found)
            continue
        is_meant = attribute.get("to_ids") in (True, 1, "1")
        if not is_meant and kind != "named pipe":
            yield left_out(where, shown, written, _CONTEXT)
            continue
        doubts = [*_doubts(attribute), *([] if is_meant else [_PIPES])]
        mark = mark_of(info, attribute) if len(found) == 1 and not _doubted_since(doubts) else None
        yield Offer(
            where=where,
            kind=shown,
            written=written,
            wanted=tuple(sized(_doubted(one, doubts), size) for one in found),
            note=text_of(attribute, "comment"),
            mark=mark,
            reference=reference,
        )


def _doubts(attribute: dict[str, Any]) -> Iterator[str]:
    for listed in dicts(attribute, "warnings"):
        name = text_of(listed, "warninglist_name") or text_of(listed, "name")
        yield f"on MISP's warning list {name}: weak"
    for tag in dicts(attribute, "Tag"):
        if _DOUBTS.fullmatch(text_of(tag, "name")):
            yield f"tagged {text_of(tag, 'name')}: weak"


def _doubted_since(doubts: Sequence[str]) -> bool:
    """Whether anybody but the pack itself doubts it."""
    return any(one not in (_PIPES, _OUR_DOUBT) for one in doubts)


def _doubted(wanted: Wanted, doubts: list[str]) -> Wanted:
    if not doubts:
        return wanted
    weak = limited(wanted, Strength.WEAK)
    return Wanted(
        type=weak.type,
        value=weak.value,
        strength=weak.strength,
        fields=weak.fields,
        told=(*weak.told, *doubts),
    )


def _values(kind: str, relation: str, written: str) -> list[Wanted] | str:
    """What becomes of an attribute, or why nothing does."""
    if kind == "text" and relation in _RELATIONS:
        pairs = [(_RELATIONS[relation], written)]
    elif kind in _KIND_OF:
        pairs = [(_KIND_OF[kind], written)]
    elif kind in ("malware-sample", "attachment"):
        name, _, digest = written.partition("|")
        pairs = [("file_name", name), *([("hash", digest)] if digest else [])]
    elif "|" in kind:
        kinds, texts = kind.split("|", 1), written.split("|", 1)
        if len(texts) != len(kinds):
            return f"not two values, as {kind} wants"
        named = {"filename": "file_name", "domain": "domain", "ip": "address"}
        pairs = [
            (named.get(one) or _KIND_OF.get(one, "other"), text)
            for one, text in zip(kinds, texts, strict=True)
        ]
    else:
        return f"no indicator type for {kind or 'this'}"
    made = [offered(one, text) for one, text in pairs]
    good = [one for one in made if not isinstance(one, str)]
    return good or next(one for one in made if isinstance(one, str))
