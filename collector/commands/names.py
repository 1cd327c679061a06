"""Lists of expected hosts, as directories and spreadsheets write them."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterator
from pathlib import Path

MAX_LIST = 256 << 20


def read_names(path: Path) -> Iterator[str]:
    """Host names from a text file (one per line) or CSV (the column called `name`, `hostname`,
    `dnshostname` or the like, else the first). Raises ValueError naming the line, OSError.
    """
    data = path.read_bytes()[: MAX_LIST + 1]
    if len(data) > MAX_LIST:
        raise ValueError(f"{path}: more than {MAX_LIST >> 20} MiB")
    encoding = "utf-16" if data.startswith((b"\xff\xfe", b"\xfe\xff")) else "utf-8-sig"
    try:
        text = data.decode(encoding)
    except UnicodeDecodeError as error:
        raise ValueError(f"{path}: no UTF-8 or UTF-16 text: {error}") from error
    yield from _names(path, text)


def _names(path: Path, text: str) -> Iterator[str]:
    lines = csv.reader(io.StringIO(text), delimiter=_delimiter(text))
    columns: list[int] = []
    try:
        for row in lines:
            if not any(cell.strip() for cell in row) or _is_remark(row):
                continue
            if not columns:
                columns = [i for i, cell in enumerate(row) if _title(cell) in _COLUMNS]
                if columns:
                    continue
                columns = [0]
            yield _name(row, columns)
    except (csv.Error, ValueError) as error:
        raise ValueError(f"{path}:{lines.line_num}: {error}") from error


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
