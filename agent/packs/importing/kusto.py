"""Hunting queries of Defender and Sentinel: by themselves, or in the YAML of their repositories.

A column says what a value is, whatever the table. ``has`` looks for whole words and ``contains``
for any text; packs compare a command line's pieces anywhere in it. A comparison with case becomes
one without. Times are not asked.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from .expressions import Unfit
from .kusto_conditions import FILLED, Compared, Joined, Negated, Node
from .kusto_syntax import Query, read_queries
from .offer import Offer, left_out
from .terms import Choices, both, compared, either, none_of, offered_choices
from .yaml_text import NoYaml, read_documents

_HASH = re.compile(r"(?i)(?:InitiatingProcess(?:Parent)?|File|Target)?(?:MD5|SHA1|SHA256|Hash)")
_KINDS = {
    "filename": "file_name", "folderpath": "path", "previousfilename": "file_name",
    "previousfolderpath": "path", "processcommandline": "command_line",
    "commandline": "command_line", "initiatingprocesscommandline": "command_line",
    "process": "file_name",
    "initiatingprocessfilename": "image_name", "initiatingprocessfolderpath": "image",
    "newprocessname": "path", "processname": "path", "targetfilename": "path",
    "filepath": "path", "imageloaded": "path", "image": "path",
    "remoteurl": "domain", "url": "domain", "urldomain": "domain", "fileoriginurl": "domain",
    "requesturl": "domain", "destinationhostname": "domain", "name": "domain",
    "queryname": "domain", "dnsquery": "domain", "remoteip": "address",
    "destinationip": "address", "remoteipaddress": "address", "ipaddresses": "address",
    "fileoriginip": "address", "registrykey": "registry", "registryvaluedata": "registry",
    "registryvaluename": "registry", "senderfromaddress": "email", "accountname": "person",
}  # fmt: skip
"""Of columns in lower case."""
_PROCESSES = ("DeviceProcessEvents", "ProcessCreationEvents")
_OF_PROCESSES = {"filename": "image_name", "folderpath": "image"}
"""Where a row is a process, by its image."""
_TIMES = frozenset(("timestamp", "timegenerated", "eventtime", "starttime", "endtime"))
_IMPLIED = frozenset(("actiontype", "eventid", "remoteport", "querytype", "type"))
"""Beside what a value is asked for, they say little more."""
_HOW = {
    "==": "is", "=~": "is", "in": "is", "has": "has", "has_cs": "has", "has_any": "has",
    "has_all": "has", "contains": "contains", "contains_cs": "contains",
    "startswith": "startswith", "startswith_cs": "startswith", "hasprefix": "startswith",
    "endswith": "endswith", "endswith_cs": "endswith", "hassuffix": "endswith",
}  # fmt: skip
_DROPPED = ": wider, weak"


def is_hunting(text: str) -> bool:
    """Whether a YAML file is a query with a head."""
    keys = set(re.findall(r"^([a-z]+)\s*:", text, re.MULTILINE))
    return "query" in keys and bool(keys & {"id", "name"})


def is_kusto(text: str) -> bool:
    """Whether a text is a query of its own."""
    return bool(re.search(r"^\s*\|\s*where\b", text, re.MULTILINE))


def read_hunting(text: str) -> Iterator[Offer]:
    """All queries of a YAML file."""
    try:
        documents = read_documents(text)
    except NoYaml as error:
        yield left_out("file", "hunting query", "", f"no YAML: {error}")
        return
    for number, document in enumerate(documents, 1):
        if isinstance(document, dict) and isinstance(document.get("query"), str):
            name = f"query {document.get('id') or number}"
            yield from _offers(document["query"], name, str(document.get("name") or ""), document)


def read_kusto(text: str) -> Iterator[Offer]:
    """All queries of a file."""
    yield from _offers(text, "query", "", {})


def _offers(text: str, name: str, title: str, head: dict[str, Any]) -> Iterator[Offer]:
    try:
        queries = list(read_queries(text))
    except Unfit as error:
        yield left_out(name, "hunting query", title, str(error))
        return
    source = "; ".join(re.findall(r"https?://[^\s)>\]'\"]+", str(head.get("description") or "")))
    for number, query in enumerate(queries, 1):
        where = name if len(queries) == 1 else f"{name}, {number}"
        yield from _query(query, where, title, source)


def _query(query: Query, where: str, title: str, source: str) -> Iterator[Offer]:
    kind = "hunting query"
    if query.why or not _compares(query):
        why = query.why or "nothing in it is compared"
        yield left_out(where, kind, f"{query.table}: {title}".rstrip(": "), why)
        return
    try:
        choices = _of_rows(query)
    except Unfit as error:
        yield left_out(where, kind, query.table, str(error))
        return
    yield from offered_choices(choices, where, kind, note=title, source=source)


def _compares(query: Query) -> bool:
    return bool(query.conditions) or any(_compares(one) for one in query.beside)


def _of_rows(query: Query) -> Choices:
    """Raises Unfit."""
    return both(
        [_choices(node, query.table) for node in query.conditions]
        + [_of_rows(one) for one in query.beside]
        + [none_of(one.removesuffix(" is not asked"), one + _DROPPED) for one in query.other]
    )


def _choices(node: Node, table: str) -> Choices:
    """Raises Unfit."""
    if isinstance(node, Joined):
        parts = [_choices(part, table) for part in node.parts]
        return both(parts) if node.by == "and" else either(parts)
    if isinstance(node, Negated):
        return none_of("not", f"what it excludes is not asked{_DROPPED}")
    return _compared(node, table)


def _compared(node: Compared, table: str) -> Choices:
    shown = f"{node.column} {node.operator} {', '.join(node.values)}".rstrip()
    column = node.column.lower()
    if not column:
        return none_of(node.why, node.why + _DROPPED)
    if column in _TIMES or node.operator in FILLED:
        return [()]
    if node.is_negated:
        return none_of(f"not {shown}", f"what it excludes is not asked (not {shown}){_DROPPED}")
    if column in _IMPLIED:
        return none_of(shown, f"{node.column} is not asked", is_implied=True)
    kinds = _KINDS | _OF_PROCESSES if table in _PROCESSES else _KINDS
    kind = "hash" if _HASH.fullmatch(node.column) else kinds.get(column, "")
    how = _HOW.get(node.operator, "")
    if not kind or not how or node.why or not node.values:
        why = node.why or (f"by {node.operator}" if kind and not how else "")
        told = f"{node.column}, {why}, is not asked" if why else f"{node.column} is not asked"
        return none_of(shown, told + _DROPPED)
    found = [
        compared(_kind(kind, how, one), f"{node.column} {node.operator} {one}", how, (one,))
        for one in node.values
    ]
    return both(found) if node.operator == "has_all" else either(found)


def _kind(kind: str, how: str, value: str) -> str:
    """A column may hold another kind than its name says: a URL's host may be an address, and what
    is a file's name a path."""
    if kind == "domain" and how in ("is", "has", "contains") and re.fullmatch(r"[0-9.]+", value):
        return "address"
    if "\\" in value:
        return {"file_name": "path", "image_name": "image"}.get(kind, kind)
    return kind
