"""A pack as rules of Sigma (specification 2.1): one for each log source and strength.

``high`` for what is strong or confirmed, ``medium`` for what is weak. Paths with wildcards or
variables are not carried over: Sigma's star goes over folders, as it does in a name that has one.
Blocks of addresses need ``cidr``.
"""

from __future__ import annotations

import uuid
from collections.abc import Iterator, Sequence
from typing import Any

import yaml

from ...indicators import (
    Address,
    CommandLine,
    Domain,
    FileHash,
    FileName,
    FilePath,
    Indicator,
    Pipe,
)
from ...model.report import Strength
from ...spelling import is_glob
from ..loading import Pack
from .exported import Exported, Left, head_of, kind_of

_SPACE = uuid.UUID("6d0d5a64-2ac9-5c3f-8f5d-07bb1a2c9f31")
_HASHES = {32: "MD5", 40: "SHA1", 64: "SHA256"}
_Found = dict[str, dict[str, list[Any]]]
"""By category, field with its modifiers, values."""


def as_sigma(packs: Sequence[Pack], agent: str) -> Exported:
    """A document each rule."""
    left, count, rules = Left(packs), 0, []
    for pack in packs:
        for level, some in _by_level(pack.file.indicators):
            found: _Found = {}
            for indicator in some:
                if _take(indicator, found):
                    count += 1
                else:
                    left.add(kind_of(indicator), indicator.id)
            rules += [
                _rule(pack, agent, level, category, fields) for category, fields in found.items()
            ]
    text = yaml.safe_dump_all(rules, allow_unicode=True, sort_keys=False, width=110)
    lines = [*head_of(packs, agent), *left.lines()]
    return Exported("".join(f"# {line}\n" for line in lines) + text, count, left)


def _by_level(indicators: Sequence[Indicator]) -> Iterator[tuple[str, list[Indicator]]]:
    weak = [one for one in indicators if one.strength is Strength.WEAK]
    rest = [one for one in indicators if one.strength is not Strength.WEAK]
    yield from ((level, some) for level, some in (("high", rest), ("medium", weak)) if some)


def _rule(
    pack: Pack, agent: str, level: str, category: str, fields: dict[str, list[Any]]
) -> dict[str, Any]:
    selections = {
        f"selection_{number}": {field: values}
        for number, (field, values) in enumerate(fields.items())
    }
    name = f"{pack.file.id} {category} {level}"
    return {
        "title": f"{pack.file.title}: {category.replace('_', ' ')}"[:256],
        "id": str(uuid.uuid5(_SPACE, name)),
        "status": "experimental",
        "description": f"Pack {pack.file.id} {pack.file.version}, by iocsweep {agent}",
        "references": list(pack.file.references.values()),
        "logsource": {"product": "windows", "category": category},
        "detection": {**selections, "condition": "1 of selection_*"},
        "falsepositives": ["What else has these names"],
        "level": level,
    }


def _take(indicator: Indicator, found: _Found) -> bool:
    """Whether there is a rule for it."""
    tests = list(_tests(indicator))
    for category, field, value in tests:
        found.setdefault(category, {}).setdefault(field, []).append(value)
    return bool(tests)


def _tests(indicator: Indicator) -> Iterator[tuple[str, str, Any]]:
    if isinstance(indicator, FileName):
        end = _escaped(indicator.value, wild=True)
        for category, field in _FILES:
            yield category, f"{field}|endswith", rf"\{end}"
    elif isinstance(indicator, FilePath) and not set(indicator.value) & set("*?%"):
        path = indicator.value.replace("/", "\\")
        whole = path[1:2] == ":" or path.startswith("\\\\")
        for category, field in _FILES:
            yield (category, field, _escaped(path)) if whole else (
                category, f"{field}|endswith", rf"\{_escaped(path)}",
            )  # fmt: skip
    elif isinstance(indicator, FileHash):
        value = f"{_HASHES[len(indicator.value)]}={indicator.value.upper()}"
        for category in ("process_creation", "image_load"):
            yield category, "Hashes|contains", value
    elif isinstance(indicator, Domain):
        yield "dns_query", "QueryName", _escaped(indicator.value)
        yield "dns_query", "QueryName|endswith", f".{_escaped(indicator.value)}"
    elif isinstance(indicator, Address) and "/" not in indicator.value:
        yield "network_connection", "DestinationIp", indicator.value
    elif isinstance(indicator, Pipe):
        yield "pipe_created", "PipeName", _escaped(f"\\{indicator.example}")
    elif isinstance(indicator, CommandLine):
        pieces = [indicator.value] if isinstance(indicator.value, str) else indicator.value
        yield "process_creation", "CommandLine", f"*{'*'.join(map(_escaped, pieces))}*"


_FILES = (
    ("process_creation", "Image"),
    ("image_load", "ImageLoaded"),
    ("file_event", "TargetFilename"),
)


def _escaped(value: str, *, wild: bool = False) -> str:
    r"""Each backslash twice, and ``*`` and ``?`` behind one unless they are meant to be wild."""
    text = value.replace("\\", "\\\\")
    if wild and is_glob(value):
        return text
    return text.replace("*", "\\*").replace("?", "\\?")
