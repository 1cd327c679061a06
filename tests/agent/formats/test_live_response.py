"""Lists of what ran, as collectors write them."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.formats.live_response import (
    CachedName,
    Listed,
    ListedConnection,
    ListedProcess,
    as_utf8,
    lines_at,
)

RUNDLL32 = "rundll32.exe C:\\t\\cyzfc.dat, PointFunctionCall"
TASKLIST = (
    '"Image Name","PID","Session Name","User Name"\r\n'
    '"rundll32.exe","4312","Console","CORP\\jo"\r\n'
)
WIN32_PROCESS = (
    "Name;CommandLine;ExecutablePath;ProcessId\n"
    f'rundll32.exe;"{RUNDLL32}";C:\\Windows\\System32\\rundll32.exe;4312\n'
)
PSLIST = json.dumps(
    {"Pid": 4312, "Name": "rundll32.exe", "Exe": "C:\\W\\rundll32.exe", "CommandLine": RUNDLL32,
     "Username": "CORP\\jo", "Hash": {"MD5": "d4"}, "Ppid": None}
)  # fmt: skip
NETSTAT = json.dumps(
    {
        "Pid": 4312,
        "Name": "rundll32.exe",
        "Status": "ESTAB",
        "Raddr": {"IP": "192.0.2.7", "Port": 443},
    }
)
DISPLAYDNS = """
    server.example
    ----------------------------------------
    Record Name . . . . . : cdn.example
    Record Type . . . . . : 1
"""


def last(text: str) -> Listed | None:
    return [*lines_at(text.encode(), None)][-1].listed


@pytest.mark.parametrize(
    ("text", "listed"),
    [
        (TASKLIST, ListedProcess("rundll32.exe", "", "", 4312, "CORP\\jo")),
        (
            WIN32_PROCESS,
            ListedProcess(
                "rundll32.exe", RUNDLL32, "C:\\Windows\\System32\\rundll32.exe", 4312, ""
            ),
        ),
        (PSLIST, ListedProcess("rundll32.exe", RUNDLL32, "C:\\W\\rundll32.exe", 4312, "CORP\\jo")),
        (NETSTAT, ListedConnection("192.0.2.7", 443, "estab", 4312, "")),
        (
            "  TCP    10.0.0.5:50123    192.0.2.7:443    ESTABLISHED    4312",
            ListedConnection("192.0.2.7", 443, "established", 4312, "10.0.0.5:50123"),
        ),
        (
            "  TCP    [fe80::1%4]:5    [2001:db8::7]:443    ABHÖREN    4312".replace("Ö", "O"),
            ListedConnection("2001:db8::7", 443, "abhoren", 4312, "[fe80::1%4]:5"),
        ),
        ("  UDP    0.0.0.0:5353    *:*        1404", None),
        ("  TCP    0.0.0.0:135     0.0.0.0:0    LISTENING    908", None),
        ('{"Name": "cdn.example", "RecordType": "A", "TTL": 5}', CachedName("cdn.example")),
        ("Entry,RecordName,TimeToLive\na.example,b.example,9", CachedName("b.example")),
        ("server.example\n------------", None),
        ("    Record Name . . . . . : cdn.example", CachedName("cdn.example")),
        ("a word, and another", None),
        ("a,b\n1,2,3", None),
        ("[{]", None),
        ("{" * 100_000, None),
    ],
)
def test_a_line_is_what_its_columns_say(text: str, listed: Listed | None) -> None:
    assert last(text) == listed


def test_a_name_above_dashes_is_one_of_the_cache_in_any_language() -> None:
    found = [one for one in lines_at(DISPLAYDNS.encode(), None) if one.listed is not None]
    assert [(one.number, one.listed) for one in found] == [
        (2, CachedName("server.example")), (4, CachedName("cdn.example"))
    ]  # fmt: skip


def test_lines_are_told_by_the_places_in_them() -> None:
    data = b"one\r\ntwo words\nthree\rfour"
    assert [(one.number, one.offset, one.text) for one in lines_at(data, [6, 8, 22])] == [
        (2, 5, "two words"), (4, 21, "four")
    ]  # fmt: skip


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
def test_every_encoding_of_windows_is_read(encoding: str) -> None:
    assert as_utf8("Größe\r\n".encode(encoding)).decode() == "Größe\r\n"
    assert as_utf8(b"\xfe\xff" + "Größe".encode("utf-16-be")).decode() == "Größe"


@given(st.binary(max_size=300), st.lists(st.integers(0, 300), max_size=5))
def test_any_bytes_are_lines(data: bytes, offsets: list[int]) -> None:
    places = [offset for offset in offsets if offset < len(data)]
    for line in lines_at(as_utf8(data), None):
        assert line.text
    assert len([*lines_at(data, places)]) <= len(places)
