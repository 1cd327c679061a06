"""What Microsoft's language service for Kusto says of queries (npm, @kusto/language-service-next):
syntax, columns and types, without a server. ``make test`` gets it; no test does."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import msgspec
import pytest

_ROOT = Path(__file__).parents[2]
_NPM = _ROOT / ".cache/npm"
_PACKAGE = _NPM / "node_modules/@kusto/language-service-next"


_STRINGS = ("FileName", "FolderPath", "MD5", "SHA1", "SHA256")
_ALWAYS = {"Timestamp": "datetime", "DeviceId": "string", "DeviceName": "string",
           "ActionType": "string", "InitiatingProcessSHA1": "string", "ReportId": "long"}  # fmt: skip
TABLES: dict[str, dict[str, str]] = {
    "DeviceFileEvents": {**_ALWAYS, **dict.fromkeys(_STRINGS, "string"), "FileSize": "long"},
    "DeviceProcessEvents": {
        **_ALWAYS, **dict.fromkeys(_STRINGS, "string"), "ProcessId": "long",
        "ProcessCommandLine": "string",
    },
    "DeviceImageLoadEvents": {**_ALWAYS, **dict.fromkeys(_STRINGS, "string")},
    "DeviceEvents": {**_ALWAYS, **dict.fromkeys(_STRINGS, "string")},
    "DeviceNetworkEvents": {
        **_ALWAYS, "RemoteUrl": "string", "RemoteIP": "string", "RemotePort": "int",
    },
    "DeviceRegistryEvents": {**_ALWAYS, "RegistryKey": "string"},
    "DnsEvents": {"TimeGenerated": "datetime", "Name": "string", "IPAddresses": "string"},
    "CommonSecurityLog": {
        "TimeGenerated": "datetime", "DestinationIP": "string", "DestinationPort": "int",
    },
}  # fmt: skip
"""Microsoft Defender XDR, advanced hunting schema; Azure Monitor Logs, table reference. Of each
table those columns that are asked for, with their types, and some of other types beside them."""


class Judged(msgspec.Struct, forbid_unknown_fields=True):
    """One query of a text."""

    text: str
    complaints: list[str]
    """``CODE: message``."""
    texts: list[str]
    """What its literals mean, in their order."""


class Kusto:
    """The service with the tables of a database: ``{"TABLE": {"COLUMN": "type"}}``."""

    def __init__(self, process: subprocess.Popen[str], tables: Mapping[str, Mapping[str, str]]):
        self._process = process
        columns = {
            table: f"({', '.join(f'{name}: {kind}' for name, kind in known.items())})"
            for table, known in tables.items()
        }
        self._say(columns)

    def _say(self, what: object) -> None:
        assert self._process.stdin is not None
        self._process.stdin.write(json.dumps(what) + "\n")
        self._process.stdin.flush()

    def judge(self, text: str) -> list[Judged]:
        """All queries of a text. A blank line ends one; comments alone are none."""
        self._say(text)
        assert self._process.stdout is not None
        answer = self._process.stdout.readline()
        found = msgspec.json.decode(answer, type=list[Judged])
        return [one for one in found if not _is_comment(one.text)]


def _is_comment(text: str) -> bool:
    return all(line.startswith("//") for line in text.splitlines() if line.strip())


@contextmanager
def kusto_service(tables: Mapping[str, Mapping[str, str]]) -> Iterator[Kusto]:
    """Skips the test where npm's packages were not asked for."""
    if not (_ROOT / ".cache/npm.stamp").exists():
        pytest.skip("npm's packages are not here: make .cache/npm.stamp")
    command = [_NPM / "client/bin/node", _ROOT / "tests/npm/kusto.js", _PACKAGE]
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, encoding="utf-8"
    ) as process:
        yield Kusto(process, tables)
        assert process.stdin is not None
        process.stdin.close()
        assert process.wait(60) == 0
