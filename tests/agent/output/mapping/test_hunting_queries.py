"""Microsoft's hunting queries for the campaign hold on the rows of our findings.

The conditions are written from the KQL in Microsoft-365-Defender-Hunting-Queries (``cyzfc.md``)
and Azure-Sentinel's ``Hunting Queries/Microsoft 365 Defender/Campaigns``: ``==`` minds case,
``contains``, ``has`` and ``endswith`` do not; ``has`` finds whole terms.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import msgspec
import pytest

from agent.model.objects import Destination, Dll, Dns, File, Hash, Process, Url
from agent.model.report import Finding, IndicatorRef, Strength
from agent.output.mapping import defender
from tests.agent.output.mapping.rich import NOW, report_of

Row = dict[str, Any]
SIX_TABLES = {
    "DeviceFileEvents", "DeviceProcessEvents", "DeviceEvents", "DeviceRegistryEvents",
    "DeviceNetworkEvents", "DeviceImageLoadEvents",
}  # fmt: skip
DLL_SHA1 = "9858d5cb2a6614be3c48e33911bf9f7978b441bf"
ZIP_SHA1 = "cd92f19d3ad4ec50f6d19652af010fe07dca55e1"
STAGE_0 = (
    "powershell.exe -noni -ep bypass $zk='JHB0Z3Q9MHgwMDA1ZTJiZTskdmNxPTB4MDAwNjIzYjY7JHRiPSJ"
    "kczcwMDIubG5rIjtpZi...';$fz='FromBase'+0x40+'String'"
)


def has(text: str | None, term: str) -> bool:
    """A term's edge needs a boundary only where it is a letter or digit itself."""
    before = r"(?<![a-z0-9])" if term[0].isalnum() else ""
    after = r"(?![a-z0-9])" if term[-1].isalnum() else ""
    pattern = before + re.escape(term) + after
    return text is not None and bool(re.search(pattern, text, re.IGNORECASE))


def contains(text: str | None, part: str) -> bool:
    return text is not None and part.lower() in text.lower()


def recent(row: Row, days: int) -> bool:
    return msgspec.convert(row["Timestamp"], type=type(NOW)) > NOW - timedelta(days=days)


def query_1(row: Row) -> bool:
    """Events involving the DLL container."""
    same = DLL_SHA1 in (row.get("SHA1"), row.get("InitiatingProcessSHA1"))
    return row["Type"] in SIX_TABLES and same and recent(row, 10)


def query_2(row: Row) -> bool:
    """C2 connection."""
    same = row.get("RemoteUrl") == "pandorasong.com"
    return row["Type"] == "DeviceNetworkEvents" and recent(row, 10) and same


def query_3(row: Row) -> bool:
    """Malicious PowerShell."""
    literal = "-noni -ep bypass $zk='JHB0Z3Q9MHgwMDA1ZTJiZTskdmNxPTB4MDAwNjIzYjY7JHRiPSJ"
    found = contains(row.get("ProcessCommandLine"), literal)
    return row["Type"] == "DeviceProcessEvents" and recent(row, 10) and found


def query_4(row: Row) -> bool:
    """Malicious domain in default browser commandline."""
    literal = "https://www.jmj.com/personal/nauerthn_state_gov"
    found = contains(row.get("ProcessCommandLine"), literal)
    return row["Type"] == "DeviceProcessEvents" and recent(row, 10) and found


def query_5(row: Row) -> bool:
    """Events involving the ZIP."""
    same = ZIP_SHA1 in (row.get("SHA1"), row.get("InitiatingProcessSHA1"))
    return row["Type"] in SIX_TABLES and same and recent(row, 10)


def apt_unidentified_nov_18(row: Row) -> bool:
    text = row.get("ProcessCommandLine", "").lower()
    found = text.endswith("cyzfc.dat, pointfunctioncall")
    return row["Type"] == "DeviceProcessEvents" and recent(row, 7) and found


def apt_unidentified_nov_18_1(row: Row) -> bool:
    found = has(row.get("FolderPath"), "ds7002.lnk")
    return row["Type"] == "DeviceFileEvents" and recent(row, 7) and found


def apt29_thinktanks(row: Row) -> bool:
    found = has(row.get("ProcessCommandLine"), "-noni -ep bypass $")
    return row["Type"] == "DeviceProcessEvents" and recent(row, 7) and found


def seen(**parts: Any) -> Finding:
    return Finding(
        id="f", time=NOW, strength=Strength.STRONG, score=70, title="t", reasons=["r"],
        indicator=IndicatorRef(id="i", type="hash", value="v", pack="p"), evidence=[], **parts,
    )  # fmt: skip


def process(command_line: str, **more: Any) -> Process:
    return Process(pid=1, name="x.exe", executable="C:\\x.exe", command_line=command_line, **more)


RUNDLL = process(
    '"C:\\Windows\\System32\\rundll32.exe" C:\\Users\\jo\\cyzfc.dat, PointFunctionCall'
)
DLL_FILE = File(path="C:\\Users\\jo\\cyzfc.dat", hash=Hash(sha1=DLL_SHA1))

CASES: list[tuple[Callable[[Row], bool], str, Finding]] = [
    (query_1, "the DLL on disk", seen(file=DLL_FILE)),
    (query_1, "the DLL loaded", seen(dll=Dll(path="C:\\cyzfc.dat", hash=Hash(sha1=DLL_SHA1)))),
    (query_1, "a program that is the DLL", seen(process=process("x", hash=Hash(sha1=DLL_SHA1)))),
    (
        query_1,
        "a connection of a program that is the DLL",
        seen(
            process=process("x", hash=Hash(sha1=DLL_SHA1)),
            destination=Destination(ip="192.0.2.1", port=443),
        ),
    ),
    (query_2, "the name in the DNS cache", seen(dns=Dns(question="PandoraSong.com."))),
    (
        query_2,
        "a connection whose name is known",
        seen(destination=Destination(ip="95.216.59.92", port=443, domain="pandorasong.com")),
    ),
    (
        query_2,
        "a connection to another name, and the name in the cache",
        seen(
            destination=Destination(ip="95.216.59.92", domain="static.example"),
            dns=Dns(question="pandorasong.com"),
        ),
    ),
    (query_2, "a URL of that host", seen(url=Url(full="https://pandorasong.com/access/?v=4"))),
    (query_3, "the shortcut's PowerShell", seen(process=process(STAGE_0))),
    (
        query_4,
        "the browser opened with the link",
        seen(
            process=process("chrome.exe https://www.jmj.com/personal/nauerthn_state_gov/TUJE7QJl")
        ),
    ),
    (query_5, "the ZIP on disk", seen(file=File(path="C:\\ds7002.zip", hash=Hash(sha1=ZIP_SHA1)))),
    (apt_unidentified_nov_18, "rundll32 with the DLL", seen(process=RUNDLL)),
    (apt_unidentified_nov_18_1, "the shortcut on disk", seen(file=File(path="C:\\T\\ds7002.lnk"))),
    (
        apt_unidentified_nov_18_1,
        "the shortcut in its archive",
        seen(file=File(path="ds7002.lnk", member_of="C:\\Users\\jo\\ds7002.zip")),
    ),
    (apt29_thinktanks, "the shortcut's PowerShell", seen(process=process(STAGE_0))),
]


@pytest.mark.parametrize(
    ("query", "what", "finding"),
    CASES,
    ids=[f"{query.__name__}: {what}" for query, what, _ in CASES],
)
def test_a_hunting_query_finds_our_row(
    query: Callable[[Row], bool], what: str, finding: Finding
) -> None:
    assert any(query(row) for row in defender.rows(report_of(finding), finding))


def test_the_queries_find_nothing_in_a_harmless_row() -> None:
    harmless = seen(file=File(path="C:\\a.txt", hash=Hash(sha1="0" * 40)), process=process("a b"))
    for row in defender.rows(report_of(harmless), harmless):
        assert not any(query(row) for query, _, _ in CASES)


def test_a_chain_is_found_by_the_queries_of_all_its_parts() -> None:
    chain = seen(
        process=RUNDLL,
        dll=Dll(path="C:\\cyzfc.dat", hash=Hash(sha1=DLL_SHA1)),
        dns=Dns(question="pandorasong.com"),
    )
    rows = defender.rows(report_of(chain), chain)
    for query in (query_1, query_2, apt_unidentified_nov_18):
        assert any(query(row) for row in rows)
    assert len({row["ReportId"] for row in rows}) == len(rows)
