"""A pack as hunting queries: of Microsoft Defender XDR's tables, and of Sentinel's own.

One query for each kind of indicator, its values in a list of its own; several where one would be
larger than the service takes. ``in~``, ``has`` and
``contains`` compare without case. Expressions are of RE2, which Kusto has. Pieces of one command
line are asked for in any order.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable, Iterator, Sequence

from ...indicators import (
    Address,
    CommandLine,
    Domain,
    FileHash,
    FileName,
    FilePath,
    Indicator,
    Url,
)
from ...spelling import glob_regex, is_glob, path_regex
from ..loading import Pack
from .exported import Exported, Left, head_of, kind_of

_HASHES = {32: "MD5", 40: "SHA1", 64: "SHA256"}
_FILE_TABLES = ("DeviceFileEvents", "DeviceProcessEvents", "DeviceImageLoadEvents")
_WITH_HASHES = ", ".join(_FILE_TABLES)
_NETWORK = "DeviceNetworkEvents\n| where"
_LISTS: dict[str, list[tuple[str, str]]] = {
    **{
        name: [
            (
                f"files by {name}",
                f"find in ({_WITH_HASHES})\nwhere {name} in~ ({name.lower()})",
            )
        ]
        for name in _HASHES.values()
    },
    "names": [
        (f"names, {table}", f"{table}\n| where FileName in~ (names)") for table in _FILE_TABLES
    ],
    "domains": [
        ("domains, DeviceNetworkEvents", f"{_NETWORK} RemoteUrl has_any (domains)"),
        ("domains, DnsEvents", "DnsEvents\n| where Name has_any (domains)"),
    ],
    "urls": [("URLs", f"{_NETWORK} RemoteUrl has_any (urls)")],
    "addresses": [
        ("addresses", f"{_NETWORK} RemoteIP in (addresses)"),
        (
            "addresses, CommonSecurityLog",
            "CommonSecurityLog\n| where DestinationIP in (addresses)",
        ),
    ],
    "blocks": [
        ("blocks of addresses", f"{_NETWORK} ipv4_is_in_any_range(RemoteIP, blocks)"),
    ],
}
"""Titles and queries that ask for the values of a list; its name in lower case stands for them."""
_MOST = 1_000
"""Values of one list."""
_MOST_CONDITIONS = 100
"""Of one query: each that is joined by ``or`` makes its syntax deeper, and what is deeper than
about 490 is refused (Kusto.Language 12.4.1, "Query syntax depth exceeds maximum safe limit")."""
_LONGEST = 500_000
"""Characters of one query's values: it has at most a million."""


def as_kusto(packs: Sequence[Pack], agent: str) -> Exported:
    """Queries with a blank line between them, as the editors of both products have it."""
    left = Left(packs)
    sorted_out = _Sorted()
    count = 0
    for pack in packs:
        for indicator in pack.file.indicators:
            if sorted_out.take(indicator):
                count += 1
            else:
                left.add(kind_of(indicator), indicator.id)
    lines = [*head_of(packs, agent), *left.lines()]
    head = "".join(f"// {line}\n" for line in lines)
    return Exported("\n".join([head, *sorted_out.queries()]), count, left)


class _Sorted:
    """Values by how they are asked for."""

    def __init__(self) -> None:
        self._lists: dict[str, list[str]] = {}
        self._conditions: dict[str, list[str]] = {}
        """Of single values, by column."""

    def take(self, indicator: Indicator) -> bool:
        """Whether there is a query for it."""
        if isinstance(indicator, FileHash):
            self._add(_HASHES[len(indicator.value)], indicator.value)
        elif isinstance(indicator, FileName):
            if is_glob(indicator.value):
                self._where("FileName", _matching("FileName", glob_regex(indicator.value).pattern))
            else:
                self._add("names", indicator.value)
        elif isinstance(indicator, FilePath):
            self._where("FolderPath", _of_path(indicator.value))
        elif isinstance(indicator, Domain):
            self._add("domains", indicator.value)
        elif isinstance(indicator, Url):
            self._add("urls", indicator.value)
        elif isinstance(indicator, CommandLine):
            pieces = [indicator.value] if isinstance(indicator.value, str) else indicator.value
            tests = [f"ProcessCommandLine contains {quoted(piece)}" for piece in pieces]
            self._where("ProcessCommandLine", " and ".join(tests))
        elif isinstance(indicator, Address):
            return self._address(indicator.value)
        else:
            return False
        return True

    def _address(self, value: str) -> bool:
        if "/" not in value:
            self._add("addresses", value)
        elif ipaddress.ip_network(value).version == 4:
            self._add("blocks", value)
        else:
            return False
        return True

    def _add(self, name: str, value: str) -> None:
        known = self._lists.setdefault(name, [])
        if value not in known:
            known.append(value)

    def _where(self, column: str, condition: str) -> None:
        self._conditions.setdefault(column, []).append(condition)

    def queries(self) -> Iterator[str]:
        """Each with its comment."""
        for name, asked in _LISTS.items():
            for values in _parted(map(quoted, self._lists.get(name, [])), _MOST):
                for title, query in asked:
                    yield _let(title, name.lower(), values) + f"{query}\n"
        for column, conditions in self._conditions.items():
            tables = ("DeviceProcessEvents",) if "Command" in column else _FILE_TABLES
            for part in _parted(conditions, _MOST_CONDITIONS):
                joined = "\n    or ".join(f"({one})" for one in part)
                for table in tables:
                    yield f"// {column}, {table}\n{table}\n| where {joined}\n"


def _parted(texts: Iterable[str], most: int) -> Iterator[list[str]]:
    """In their order: at most so many together, and ``_LONGEST`` characters of them."""
    part: list[str] = []
    length = 0
    for text in texts:
        if part and (len(part) == most or length + len(text) > _LONGEST):
            yield part
            part, length = [], 0
        part.append(text)
        length += len(text)
    if part:
        yield part


def _let(title: str, name: str, values: Sequence[str]) -> str:
    """``values``: quoted."""
    listed = ",\n    ".join(values)
    return f"// {title}\nlet {name} = dynamic([\n    {listed}\n]);\n"


def _of_path(value: str) -> str:
    if set(value) & set("*?%"):
        return _matching("FolderPath", path_regex(value).pattern)
    path = value.replace("/", "\\")
    if path[1:2] == ":" or path.startswith("\\\\"):
        return f"FolderPath =~ {quoted(path)}"
    return f"FolderPath endswith {quoted(chr(92) + path)}"


def _matching(column: str, expression: str) -> str:
    """RE2 has no ``\\Z``, and no groups that are atomic."""
    plain = expression.replace(r"\Z", "$").replace("(?>", "(?:")
    return f"{column} matches regex {quoted('(?i)' + plain)}"


def quoted(text: str) -> str:
    """As a text of Kusto."""
    body = text.replace("\\", "\\\\").replace('"', '\\"')
    return '"' + body.replace("\r", "\\r").replace("\n", "\\n").replace("\t", "\\t") + '"'
