"""The index template that our documents need, for Elasticsearch and OpenSearch alike.

Without one, an index learns the type of a field from its first document: an evidence text that
looks like a date makes the field a date, and the next document is refused for good. So every field
that :mod:`agent.output.mapping.ecs` can give has its type here: those of ECS as its reference says
(9.4, elastic/ecs ``generated/elasticsearch/composable``), our own (``iocsweep.*``) from the structs
that they are written from. No text is taken for a date or a number; a field of a later version
becomes a keyword.

OpenSearch knows ``match_only_text`` since 2.12 and ``wildcard`` since 2.15, and has no
``flattened``: ``plain`` gives the same template in types that each version of both has.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any, Final

import msgspec
from msgspec import Struct, inspect

from agent.model.objects import OBJECTS, Lnk, Objects, Parent
from agent.model.report import Evidence, Scope
from agent.output.mapping import ecs

VERSION: Final = 3
"""Goes up with each change of the template: an older one is replaced, the same one left alone."""
PRIORITY: Final = 350
"""Above the makers' own templates for ``logs-*-*`` (100) and for integrations (200)."""
MAX_KEYWORD: Final = 1024
"""Characters of a keyword that can be searched for, as in ECS; a longer one is only kept."""
MAX_FIELDS: Final = 2000

_TYPES = {
    "date": """@timestamp event.start event.end file.created file.mtime file.accessed process.start
        process.parent.start threat.enrichments.matched.occurred""",
    "ip": """host.ip destination.ip source.ip related.ip dns.resolved_ip
        threat.enrichments.indicator.ip""",
    "long": """event.severity file.size process.pid process.parent.pid destination.port
        source.port""",
    "float": "event.risk_score",
    "boolean": "file.code_signature.exists process.code_signature.exists",
    "match_only_text": "message",
    "wildcard": """process.command_line process.parent.command_line registry.data.strings url.full
        threat.enrichments.indicator.url.full""",
    "keyword": """ecs.version labels.sweep_id labels.verdict
        event.kind event.category event.type event.module event.dataset event.id event.reason
        event.code event.provider
        rule.id rule.name rule.category rule.ruleset rule.version rule.reference
        threat.enrichments.indicator.name threat.enrichments.indicator.type
        threat.enrichments.indicator.description threat.enrichments.indicator.provider
        threat.enrichments.indicator.reference threat.enrichments.indicator.confidence
        threat.enrichments.indicator.url.domain threat.enrichments.indicator.file.name
        threat.enrichments.indicator.file.path threat.enrichments.indicator.file.hash.md5
        threat.enrichments.indicator.file.hash.sha1 threat.enrichments.indicator.file.hash.sha256
        threat.enrichments.matched.atomic threat.enrichments.matched.field
        threat.enrichments.matched.id threat.enrichments.matched.index
        threat.enrichments.matched.type
        host.id host.name host.hostname host.domain host.architecture host.os.name host.os.full
        host.os.version host.os.platform host.os.type
        agent.type agent.version agent.id observer.product observer.type observer.version
        file.path file.name file.inode file.fork_name file.hash.md5 file.hash.sha1
        file.hash.sha256 file.pe.architecture file.pe.original_file_name
        file.code_signature.subject_name
        process.entity_id process.name process.executable process.user.name process.user.id
        process.user.domain process.hash.md5 process.hash.sha1 process.hash.sha256
        process.pe.original_file_name process.code_signature.subject_name process.parent.name
        process.parent.executable
        dll.path dll.name dll.hash.md5 dll.hash.sha1 dll.hash.sha256 dll.pe.architecture
        dll.pe.original_file_name
        dns.question.name dns.question.type dns.answers.data
        destination.address destination.domain source.address
        registry.path registry.hive registry.key registry.value
        winlog.channel winlog.event_id winlog.record_id
        user.name user.id user.domain related.hash related.hosts related.user""",
}
"""ECS fields by type; ``winlog`` as Winlogbeat has it."""
_WORDS = """process.command_line process.parent.command_line process.executable
    process.parent.executable process.name process.parent.name process.user.name file.path url.full
    user.name host.os.name host.os.full threat.enrichments.indicator.file.path
    threat.enrichments.indicator.url.full"""
_TEXT = frozenset(_WORDS.split())
"""Those that ECS can also search word by word."""
_NESTED = frozenset({"threat.enrichments"})

Mapping = dict[str, Any]


def index_template(index: str, *, plain: bool = False) -> Mapping:
    """The body of ``PUT _index_template/NAME``. ``plain``: without the newer types."""
    body: Mapping = {
        "index_patterns": [pattern(index)],
        "priority": PRIORITY,
        "version": VERSION,
        "_meta": {"description": "iocsweep findings", "ecs_version": ecs.ECS_VERSION},
        "template": {
            "settings": {
                # One odd value costs that field its search, never the document.
                "index.mapping.ignore_malformed": True,
                "index.mapping.total_fields.limit": MAX_FIELDS,
            },
            "mappings": {
                "date_detection": False,
                "numeric_detection": False,
                "dynamic_templates": [
                    {
                        "texts": {
                            "match_mapping_type": "string",
                            "mapping": {"type": "keyword", "ignore_above": MAX_KEYWORD},
                        }
                    }
                ],
                "properties": properties(plain=plain),
            },
        },
    }
    if is_data_stream(index):
        body["data_stream"] = {}
    return body


def template_name(index: str) -> str:
    """Under which it is installed: one for each pattern."""
    return f"iocsweep-{pattern(index).rstrip('*').rstrip('-')}"


def is_data_stream(index: str) -> bool:
    """Whether the name is of the makers' naming scheme, ``logs-DATASET-NAMESPACE``."""
    return index.startswith("logs-") and index.count("-") == 2 and not index.endswith("-")


def pattern(index: str) -> str:
    """Every namespace of the data stream; of any other index itself alone."""
    return f"{index.rpartition('-')[0]}-*" if is_data_stream(index) else index


def properties(*, plain: bool = False) -> Mapping:
    """Every field, as ``mappings.properties`` wants them."""
    made: Mapping = {}
    for kind, names in _TYPES.items():
        for name in names.split():
            _put(made, name, _field(name, kind, plain=plain))
    for name in _NESTED:
        _put(made, name, {**_at(made, name), "type": "nested"})
    # A data stream allows no bad value in this one.
    made["@timestamp"]["ignore_malformed"] = False
    made["iocsweep"] = {"properties": _own()}
    return made


def _own() -> Mapping:
    """What :func:`agent.output.mapping.ecs.document` writes under our own name."""
    keyword, boolean, number, date = (
        _of(kind) for kind in (str, bool, int, datetime)
    )  # fmt: skip
    pe = {"properties": {"dll": boolean, "exports": keyword, "compiled": date}}
    file = {
        "member_of": keyword,
        "zone_url": keyword,
        "recycled": keyword,
        "lnk": _of(Lnk),
        "pe": pe,
    }
    host = {"fqdn": keyword, "elevated": boolean, "utc_offset_minutes": number}
    dll = {"size": number, "on_disk": boolean, "pe": pe}
    made: Mapping = {
        **dict.fromkeys(
            (
                "report_id", "target", "made_as", "strength", "reasons", "excluded_by", "truncated",
                "signature_status", "signature_detail",
            ),
            keyword,
        ),
        "in_window": boolean,
        "drill": boolean,
        "scope": _of(Scope),
        "limited": {"properties": dict.fromkeys(("what", "seen", "asked"), keyword)},
        "agent": {"properties": {"build": keyword, "form": keyword}},
        "host": {"properties": host},
        "evidence": _of(Evidence),
        "file": {"properties": file},
        "dll": {"properties": dll},
        "process": {"properties": {"ancestors": _of(Parent)}},
        "destination": {"properties": {"state": keyword, "address": keyword}},
    }  # fmt: skip
    held = _of(Objects)["properties"]
    return made | {name: held[name] for name in OBJECTS if name not in ecs.HAS_ECS}


def _field(name: str, kind: str, *, plain: bool) -> Mapping:
    if kind == "keyword":
        made: Mapping = {"type": "keyword", "ignore_above": MAX_KEYWORD}
    elif plain and kind == "wildcard":
        made = {"type": "keyword", "ignore_above": 8191}  # 32,766 bytes of UTF-8 are Lucene's bound
    else:
        made = {"type": "text" if plain and kind == "match_only_text" else kind}
    if name in _TEXT:
        made["fields"] = {"text": {"type": "text" if plain else "match_only_text"}}
    return made


def _put(made: Mapping, name: str, field: Mapping) -> None:
    *parents, leaf = name.split(".")
    for parent in parents:
        made = made.setdefault(parent, {}).setdefault("properties", {})
    made[leaf] = field


def _at(made: Mapping, name: str) -> Mapping:
    *parents, leaf = name.split(".")
    for parent in parents:
        made = made[parent]["properties"]
    found: Mapping = made[leaf]
    return found


def _of(kind: type[Struct] | type) -> Mapping:
    """The mapping of what msgspec writes of such a value."""
    return _of_type(inspect.type_info(kind))


def _of_type(kind: inspect.Type) -> Mapping:
    match kind:
        case inspect.StructType(fields=fields):
            return {"properties": {field.encode_name: _of_type(field.type) for field in fields}}
        case inspect.UnionType(types=types):
            (known,) = (one for one in types if not isinstance(one, inspect.NoneType))
            return _of_type(known)
        case inspect.ListType(item_type=item):
            return _of_type(item)
        case inspect.Metadata(type=inner):
            return _of_type(inner)
        case inspect.BoolType():
            return {"type": "boolean"}
        case inspect.IntType():
            return {"type": "long"}
        case inspect.FloatType():
            return {"type": "double"}
        case inspect.DateTimeType():
            return {"type": "date"}
        case inspect.StrType() | inspect.EnumType() | inspect.LiteralType():
            return {"type": "keyword", "ignore_above": MAX_KEYWORD}
    raise msgspec.ValidationError(f"no field type for {kind}")
