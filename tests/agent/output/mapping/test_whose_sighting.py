"""A sighting is told with what it has itself, and not with what its finding has from another."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

from agent.model.report import Report
from agent.output.mapping.hunting import hunting_lines
from agent.output.mapping.timeline import rows
from agent.sources.artefact_source import ArtefactSource
from agent.sources.logs.event_logs import EventLogs
from agent.sources.network.firewall_log import FirewallLog
from tests.evidence.logged_events import dns_query, sysmon_query
from tests.evidence.logs import event_log
from tests.evidence.sweeping import reported
from tests.evidence.windows_folder import as_folder, windows

LOGS = "C:\\Windows\\System32\\winevt\\Logs\\Microsoft-Windows-"
FIREWALL = "C:\\Windows\\System32\\LogFiles\\Firewall\\pfirewall.log"
LINE = b"2018-11-20 12:00:00 ALLOW TCP 10.0.0.5 95.216.59.92 50000 443 0 - 0 0 0 - - - SEND\r\n"


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Report:
    """Sysmon knows who asked for the name; the DNS client's log and the firewall's do not."""
    files = {
        f"{LOGS}Sysmon%4Operational.evtx": event_log([sysmon_query()]),
        f"{LOGS}DNS-Client%4Operational.evtx": event_log([replace(dns_query(), sid="")]),
        FIREWALL: LINE,
    }
    folder = as_folder(tmp_path_factory.mktemp("host"), windows(files))
    report = reported(folder, ArtefactSource(EventLogs()), ArtefactSource(FirewallLog()))
    (finding,) = report.findings
    assert finding.process is not None
    assert finding.process.name == "rundll32.exe"
    return report


def test_the_timeline_names_who_did_it_where_the_record_does(made: Report) -> None:
    told = {row.seen.rpartition(" says ")[2]: (row.thing, row.by, row.user) for row in rows(made)}
    assert told == {
        "Sysmon event 22": ("pandorasong.com", "rundll32.exe", "CORP\\jo"),
        "DNS client event 3008": ("pandorasong.com", "", ""),
        "address": ("95.216.59.92:443", "", ""),
    }


def test_so_do_the_rows_for_hunting(made: Report) -> None:
    told = [json.loads(line) for line in hunting_lines(made).splitlines()]
    by_source = {
        (row["AdditionalFields"]["Seen"].rpartition(" says ")[2], row["Type"]): (
            row.get("InitiatingProcessFileName"),
            row.get("InitiatingProcessAccountName"),
        )
        for row in told
    }
    assert by_source == {
        ("Sysmon event 22", "DeviceNetworkEvents"): ("rundll32.exe", "jo"),
        ("DNS client event 3008", "DeviceNetworkEvents"): (None, None),
        ("address", "DeviceNetworkEvents"): (None, None),
    }
