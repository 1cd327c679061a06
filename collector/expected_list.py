"""Lists of expected hosts, as directories and spreadsheets write them: a file, or what was sent."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterator

from msgspec import Struct

from agent.output.escape import shown

from .store.expecting import MAX_COLUMNS, MAX_VALUE, Expected, Listed

SAME_TOLD = 10


class Unkept(Struct):
    """What of a list is not kept, or not whole."""

    columns: list[str] = []
    """Those beyond MAX_COLUMNS."""
    cells: int = 0
    """That were longer than MAX_VALUE, and were cut."""

    def words(self) -> str:
        """For people; empty: all is kept."""
        told = []
        if self.columns:
            told.append(f"columns beyond {MAX_COLUMNS} are left out: {', '.join(self.columns)}")
        if self.cells:
            told.append(f"{self.cells:,} cells were cut to {MAX_VALUE} characters")
        return "; ".join(told)


def same_words(listed: Listed) -> str:
    """For people: which names are no host of their own; empty: all are."""
    if not listed.same:
        return ""
    some = [f"{shown(one.name)} is {shown(one.host)}" for one in listed.same[:SAME_TOLD]]
    more = len(listed.same) - len(some)
    end = f", and {more:,} more" if more else ""
    one = len(listed.same) == 1
    return (
        f"{len(listed.same):,} {'name is' if one else 'names are'} the same host as"
        f" {'another' if one else 'others'}: {', '.join(some)}{end}"
    )


def expected_in(data: bytes, of: str, unkept: Unkept) -> Iterator[Expected]:
    """Hosts of a text (a name a line) or CSV (the column called `name`, `hostname`, `dnshostname`
    or the like, else the first), with what the other columns of a CSV say, under their titles as
    they stand there. ``of``: what the list is called. Raises ValueError naming it and the line.
    """
    encoding = "utf-16" if data.startswith((b"\xff\xfe", b"\xfe\xff")) else "utf-8-sig"
    try:
        text = data.decode(encoding)
    except UnicodeDecodeError as error:
        raise ValueError(f"{of}: no UTF-8 or UTF-16 text: {error}") from error
    yield from _hosts(of, text, unkept)


def _hosts(of: str, text: str, unkept: Unkept) -> Iterator[Expected]:
    lines = csv.reader(io.StringIO(text), delimiter=_delimiter(text))
    columns: list[int] = []
    titles: dict[int, str] = {}
    try:
        for row in lines:
            if not any(cell.strip() for cell in row) or _is_remark(row):
                continue
            if not columns:
                columns = [i for i, cell in enumerate(row) if _title(cell) in _COLUMNS]
                if columns:
                    titles = _titles(row, columns, unkept)
                    continue
                columns = [0]
            yield Expected(_name(row, columns), tuple(_beside(row, titles, unkept)))
    except (csv.Error, ValueError) as error:
        raise ValueError(f"{of}:{lines.line_num}: {error}") from error


def _is_remark(row: list[str]) -> bool:
    return row[0].lstrip().startswith("#")


def _name(row: list[str], columns: list[int]) -> str:
    """The first that is not empty: not every host of a directory has its DNS name."""
    if len(row) <= columns[0]:
        raise ValueError(f"no column {columns[0] + 1}")
    names = [row[column].strip() for column in columns if column < len(row)]
    name = next(filter(None, names), "")
    if not _HOST.fullmatch(name) or not name.isprintable():
        raise ValueError(f"{name[:80]!r} is no host name")
    return name


def _titles(row: list[str], columns: list[int], unkept: Unkept) -> dict[int, str]:
    """The columns that are kept beside the name, each title once."""
    found: dict[str, int] = {}
    for place, cell in enumerate(row):
        title = cell.strip()[:MAX_VALUE]
        if title and place not in columns:
            found.setdefault(title, place)
    unkept.columns += [shown(title) for title in [*found][MAX_COLUMNS:]]
    return {place: title for title, place in [*found.items()][:MAX_COLUMNS]}


def _beside(row: list[str], titles: dict[int, str], unkept: Unkept) -> Iterator[tuple[str, str]]:
    for place, title in titles.items():
        value = row[place].strip() if place < len(row) else ""
        unkept.cells += len(value) > MAX_VALUE
        if value:
            yield _storable(title), _storable(value[:MAX_VALUE])


def _storable(text: str) -> str:
    """NUL is what no engine keeps; all else stays as it is given."""
    return text.replace("\0", "")


def _title(cell: str) -> str:
    """``Computer Name``, ``computer_name`` and ``"ComputerName"`` are one."""
    return re.sub(r"[\s_\"']+", "", cell).casefold()


def _delimiter(text: str) -> str:
    """Of the first line that is no remark: a comma, or what a spreadsheet puts there."""
    for line in io.StringIO(text):
        if line.strip() and not line.lstrip().startswith("#"):
            named = [mark for mark in ",;\t" if _COLUMNS & set(map(_title, line.split(mark)))]
            return named[0] if named else ","
    return ","


_HOST = re.compile(r"[^\s,;:/\\|\"*?<>=]{1,255}")
_COLUMNS = {
    "name", "host", "computer", "fqdn", "hostname", "computername", "dnshostname", "dnsname",
    "devicename", "machinename", "systemname", "servername", "endpointname", "assetname",
    "netbiosname", "hostfqdn", "devicefqdn", "fullyqualifieddomainname",
}  # fmt: skip
"""Without blanks and marks. What may itself be a host's name (server, device) is none."""

__all__ = ["Unkept", "expected_in", "same_words"]
