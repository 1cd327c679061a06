"""The campaign's hunting queries, as they were published, run over ``--defender FILE``.

Their Kusto is translated to SQL and asked of SQLite: ``==`` minds case, ``contains``, ``has`` and
``endswith`` do not; ``has`` finds whole terms.
"""

from __future__ import annotations

import json
import re
import sqlite3
from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Any

import pytest
from msgspec import structs

from agent.model.objects import Destination, Dll, Dns, File, Hash, Process, Registry, Url
from agent.model.observation import Claim, Moment, MomentOf, Place, moments
from agent.model.report import Evidence, Finding, Report, Strength
from agent.output.mapping.hunting import TABLES, hunting_lines, is_hunting
from tests.agent.output.mapping.test_hunting_queries import DLL_SHA1, STAGE_0, ZIP_SHA1, has
from tests.evidence.logged_events import CALL, CYZFC
from tests.evidence.reports import NOW, finding, report

SIX = """DeviceFileEvents, DeviceProcessEvents, DeviceEvents,
DeviceRegistryEvents, DeviceNetworkEvents, DeviceImageLoadEvents"""
QUERIES = {
    "1": f"""\u200b// Query 1: Events involving the DLL container
let fileHash = "9858d5cb2a6614be3c48e33911bf9f7978b441bf";
find in ({SIX})
where SHA1 == fileHash or InitiatingProcessSHA1 == fileHash
| where Timestamp > ago(10d)""",
    "2": """// Query 2: C2 connection
DeviceNetworkEvents
| where Timestamp > ago(10d)
| where RemoteUrl == "pandorasong.com\"""",
    "3": """// Query 3: Malicious PowerShell
DeviceProcessEvents
| where Timestamp > ago(10d)
| where ProcessCommandLine contains
"-noni -ep bypass $zk='JHB0Z3Q9MHgwMDA1ZTJiZTskdmNxPTB4MDAwNjIzYjY7JHRiPSJ\"""",
    "4": """// Query 4: Malicious domain in default browser commandline
DeviceProcessEvents
| where Timestamp > ago(10d)
| where ProcessCommandLine contains
"https://www.jmj.com/personal/nauerthn_state_gov\"""",
    "5": f"""// Query 5: Events involving the ZIP
let fileHash = "cd92f19d3ad4ec50f6d19652af010fe07dca55e1";
find in ({SIX})
where SHA1 == fileHash or InitiatingProcessSHA1 == fileHash
| where Timestamp > ago(10d)""",
    "apt unidentified nov 18": """DeviceProcessEvents | where Timestamp > ago(7d)
| where ProcessCommandLine endswith "cyzfc.dat, PointFunctionCall" | top 100 by Timestamp desc""",
    "apt unidentified nov 18 (1)": """DeviceFileEvents | where Timestamp > ago(7d)
| where FolderPath has "ds7002.lnk" | top 100 by Timestamp desc""",
    "APT29 thinktanks": """DeviceProcessEvents | where Timestamp > ago(7d)
| where ProcessCommandLine has "-noni -ep bypass $" | top 100 by Timestamp desc""",
}
ASKED = ("Timestamp", "SHA1", "InitiatingProcessSHA1", "RemoteUrl", "ProcessCommandLine",
         "FolderPath", "AdditionalFields")  # fmt: skip
_LET = re.compile(r'let (\w+) = ("[^"]*");')
_FIND = re.compile(r"find in \(([^)]*)\)\s*where (.*)", re.DOTALL)


def sql_of(kusto: str) -> str:
    """As much of Kusto as the queries need; anything else is an error."""
    text = re.sub(r"//[^\n]*", "", kusto.replace("\u200b", ""))
    for name, value in _LET.findall(text):
        text = _LET.sub("", text).replace(name, value)
    head, *steps = (part.strip() for part in re.split(r"\n?\|", text))
    conditions = []
    if found := _FIND.fullmatch(head):
        tables = [name.strip() for name in found[1].split(",")]
        conditions.append(condition(found[2]))
    else:
        tables = [head]
    tail = ""
    for step in steps:
        if step.startswith("where "):
            conditions.append(condition(step[6:]))
        else:
            assert step == "top 100 by Timestamp desc", step
            tail = " ORDER BY Timestamp DESC LIMIT 100"
    of = " UNION ALL ".join(f"SELECT *, '{name}' AS Type FROM {name}" for name in tables)
    return f"SELECT * FROM ({of}) WHERE {' AND '.join(conditions)}{tail}"


def condition(text: str) -> str:
    if " or " in text:
        return "(" + " OR ".join(map(condition, text.split(" or "))) + ")"
    found = re.fullmatch(r"(\w+)\s+(==|>|contains|has|endswith)\s+(.*)", text.strip(), re.DOTALL)
    assert found, text
    column, operator, value = found.groups()
    if operator == ">":
        days = re.fullmatch(r"ago\((\d+)d\)", value)
        assert days, value
        return f"{column} > ago({days[1]})"
    literal = "'" + value.strip('"').replace("'", "''") + "'"
    return f"{column} = {literal}" if operator == "==" else f"{operator}_({column}, {literal})"


def hunted(name: str, made: Report, now: datetime = NOW) -> list[dict[str, Any]]:
    """The rows of the export that a query finds that is asked ``now``."""
    base = sqlite3.connect(":memory:")
    base.row_factory = sqlite3.Row
    base.create_function("contains_", 2, lambda text, part: part.lower() in (text or "").lower())
    base.create_function("has_", 2, has)
    base.create_function("endswith_", 2, lambda t, end: (t or "").lower().endswith(end.lower()))
    base.create_function("ago", 1, lambda days: stamp(now - timedelta(days=days)))
    for table in TABLES:
        base.execute(f"CREATE TABLE {table} ({', '.join(ASKED)})")
    for line in hunting_lines(made).splitlines():
        row = json.loads(line)
        row["Timestamp"] = stamp(datetime.fromisoformat(row["Timestamp"]))
        row["AdditionalFields"] = json.dumps(row["AdditionalFields"])
        values = [row.get(column) for column in ASKED]
        base.execute(f"INSERT INTO {row['Type']} VALUES ({','.join('?' * len(ASKED))})", values)
    return [dict(row) for row in base.execute(sql_of(QUERIES[name]))]


def stamp(time: datetime) -> str:
    return f"{time:%Y-%m-%dT%H:%M:%S.%fZ}"


RECENT = NOW - timedelta(days=2)
LONG_AGO = NOW - timedelta(days=30)


def sighting(claim: Claim, *times: Moment, **parts: Any) -> Evidence:
    return Evidence(
        source="event_logs", seen="x", claim=claim, indicator="i", strength=Strength.STRONG,
        place=Place(text="a log, record 4", path="a log", record="4"), moments=[*times], **parts,
    )  # fmt: skip


def remembered(*evidence: Evidence, **parts: Any) -> Report:
    """A finding with these sightings, and no objects but those given."""
    objects = dict.fromkeys(("file", "process")) | parts
    return report(structs.replace(finding(), **objects, evidence=[*evidence]))


def ran(line: str) -> Process:
    return Process(pid=4, name="x.exe", executable="C:\\x.exe", command_line=line)


JMJ = "https://www.jmj.com/personal/nauerthn_state_gov/TUJE7QJl"
KNOWN = Hash(sha1=DLL_SHA1)
CASES: list[tuple[str, str, Claim, dict[str, Any]]] = [
    ("1", "Sysmon 7", Claim.LOADED, {"dll": Dll(path=CYZFC, hash=KNOWN)}),
    ("1", "Amcache", Claim.WAS_THERE, {"file": File(path=CYZFC, hash=KNOWN)}),
    ("1", "Sysmon 1", Claim.RAN, {"process": Process(pid=1, name="a", hash=KNOWN)}),
    ("1", "Sysmon 3", Claim.CONNECTED, {
        "process": Process(pid=1, name="a", hash=KNOWN),
        "destination": Destination(ip="95.216.59.92", port=443)}),
    ("2", "DNS client 1014", Claim.RESOLVED, {"dns": Dns(question="PandoraSong.com.")}),
    ("2", "a browser's history", Claim.VISITED, {"url": Url(full="https://pandorasong.com/x")}),
    ("2", "a hosts file's line", Claim.BLOCKED, {"dns": Dns(question="pandorasong.com")}),
    ("3", "4104", Claim.RAN, {"process": ran(STAGE_0)}),
    ("4", "4688 of the browser", Claim.RAN, {"process": ran(f"chrome.exe {JMJ}")}),
    ("5", "MPLog", Claim.WAS_THERE, {"file": File(path="C:\\a.zip", hash=Hash(sha1=ZIP_SHA1))}),
    ("apt unidentified nov 18", "4688", Claim.RAN, {"process": ran(CALL)}),
    ("apt unidentified nov 18 (1)", "a recycle bin", Claim.WAS_THERE,
     {"file": File(path="C:\\Users\\jo\\Desktop\\ds7002.lnk")}),
    ("APT29 thinktanks", "400", Claim.RAN, {"process": ran(STAGE_0)}),
]  # fmt: skip


@pytest.mark.parametrize(("query", "what", "claim", "parts"), CASES, ids=[c[1] for c in CASES])
def test_a_query_finds_what_the_host_remembers_in_its_window_alone(
    query: str, what: str, claim: Claim, parts: dict[str, Any]
) -> None:
    assert what
    recent = remembered(sighting(claim, *moments(happened=RECENT), **parts))
    assert len(hunted(query, recent)) == 1
    assert hunted(query, remembered(sighting(claim, *moments(happened=LONG_AGO), **parts))) == []


def test_every_published_query_is_asked() -> None:
    assert {case[0] for case in CASES} == set(QUERIES)


def test_the_last_of_eight_runs_is_not_lost_behind_the_first() -> None:
    runs = [Moment(time=time, of=MomentOf.RAN) for time in (LONG_AGO, RECENT)]
    made = remembered(sighting(Claim.RAN, *runs, process=ran(CALL)))
    (row,) = hunted("apt unidentified nov 18", made)
    assert row["Timestamp"] == stamp(RECENT)


def test_what_has_no_time_is_seen_when_the_sweep_saw_it() -> None:
    made = remembered(sighting(Claim.RESOLVED, dns=Dns(question="pandorasong.com")))
    (row,) = hunted("2", made)
    assert row["Timestamp"] == stamp(NOW)


def test_a_sighting_of_a_name_does_not_run_the_program_of_another() -> None:
    """The finding has both; a row of the name's must not claim a process event."""
    asked = sighting(Claim.RESOLVED, *moments(happened=RECENT), dns=Dns(question="pandorasong.com"))
    made = remembered(asked, process=ran(CALL))
    assert hunted("apt unidentified nov 18", made) == []
    assert len(hunted("2", made)) == 1


def test_what_the_finding_has_once_for_all_its_sightings_is_in_the_row() -> None:
    made = remembered(sighting(Claim.RAN, *moments(ran=RECENT)), process=ran(CALL))
    assert len(hunted("apt unidentified nov 18", made)) == 1


def test_each_kind_of_thing_has_its_table() -> None:
    made = remembered(
        sighting(Claim.RAN, registry=Registry(path="HKCU\\Run", value="x", data=CALL)),
        sighting(Claim.LOGGED, *moments(logged=RECENT)),
    )
    kinds = [json.loads(line)["Type"] for line in hunting_lines(made).splitlines()]
    assert kinds == ["DeviceRegistryEvents", "DeviceEvents"]
    assert set(kinds) <= set(TABLES)


def test_rows_are_told_apart_and_one_is_there_once() -> None:
    twice = sighting(Claim.RAN, *moments(ran=RECENT), process=ran(CALL))
    other = sighting(Claim.RAN, *moments(ran=NOW), process=ran(CALL))
    rows = [*rows_of(remembered(twice, twice, other))]
    assert len(rows) == 2
    assert len({row["ReportId"] for row in rows}) == 2
    assert is_hunting(hunting_lines(remembered(twice)))
    assert not is_hunting(b'{"Type": "DeviceEvents"}\n')
    assert not is_hunting(b"")


def rows_of(made: Report) -> Iterable[dict[str, Any]]:
    return (json.loads(line) for line in hunting_lines(made).splitlines())


def test_a_harmless_host_has_no_row_in_any_query() -> None:
    harmless: list[Finding] = []
    assert all(hunted(name, report(*harmless)) == [] for name in QUERIES)
    assert hunting_lines(report()) == b""
