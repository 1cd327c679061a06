"""What a sweep of the infected host is to tell: the timeline, and the story on the console."""

from __future__ import annotations

from datetime import datetime, timedelta

from agent.model.observation import MomentOf
from agent.model.report import Report
from agent.output.mapping.timeline import Row, rows
from agent.spelling import fold

from .files import STAGE_0
from .infected import (
    ADDRESS,
    ASKED,
    BEGUN,
    CALLED,
    CHROME,
    CLICKED,
    CONNECTED,
    DETECTED,
    DOMAIN,
    DOWNLOADED,
    DROPPED,
    ENGINE_STARTED,
    INVENTORIED,
    LINK,
    LNK,
    OPENED,
    PDF,
    PIPED,
    POWERSHELL_LINE,
    SCRIPT_LOGGED,
    SHOWN,
    STAGE_0_RAN,
    UNPACKED,
    VISITED,
    ZIP,
)
from .logged_events import CALL, CYZFC

Told = tuple[datetime, str, str, str, str, str]


def told(row: Row) -> Told:
    """To the second: when, what happened, to what, by what, for whom, says which source."""
    second = (row.time + timedelta(milliseconds=500)).replace(microsecond=0)
    return second, row.words, fold(row.thing), fold(row.by), row.user, row.source


def timeline(report: Report) -> set[Told]:
    """Without what only some forms can have."""
    return {
        told(row)
        for row in rows(report)
        if row.source != "usn_journal" and (row.source, row.of) != ("files", MomentOf.CREATED)
    }


JO = r"CORP\jo"
AT_C2 = f"{ADDRESS}:443"
CHAIN: list[tuple[datetime, str, str, str, str]] = [
    (CLICKED, "ran", f'"{CHROME}" --single-argument {LINK}', "", "event_logs"),
    (VISITED, "visited", LINK, "", "browsers"),
    (BEGUN, "created", ZIP, "chrome.exe", "browsers"),
    (BEGUN, "created", ZIP, "chrome.exe", "event_logs"),
    (DOWNLOADED, "downloaded", ZIP, "chrome.exe", "browsers"),
    (DOWNLOADED, "downloaded", ZIP, "chrome.exe", "event_logs"),
    (DOWNLOADED, "created", ZIP, "chrome.exe", "event_logs"),
    (DOWNLOADED, "modified", ZIP, "", "files"),
    (OPENED, "was there", ZIP, "", "opened_files"),
    (OPENED, "was there", ZIP, "", "registry"),
    (OPENED, "was there", "ds7002.zip", "", "registry"),
    (UNPACKED, "created", LNK, "explorer.exe", "event_logs"),
    (STAGE_0_RAN, "ran", LNK, "", "registry"),
    (STAGE_0_RAN, "loaded", LNK, "powershell.exe", "prefetch"),
    (STAGE_0_RAN, "ran", POWERSHELL_LINE, "", "event_logs"),
    (ENGINE_STARTED, "ran", POWERSHELL_LINE, "", "event_logs"),
    (SCRIPT_LOGGED, "ran", STAGE_0, "", "event_logs"),
    (SHOWN, "created", PDF, "powershell.exe", "event_logs"),
    (SHOWN, "modified", PDF, "", "files"),
    (DROPPED, "created", CYZFC, "powershell.exe", "event_logs"),
    (DROPPED, "modified", CYZFC, "", "files"),
    (DROPPED, "modified", CYZFC, "", "registry"),
    (CALLED, "ran", CALL, "", "event_logs"),
    (CALLED, "loaded", CYZFC, "rundll32.exe", "event_logs"),
    (CALLED, "loaded", CYZFC, "rundll32.exe", "prefetch"),
    (PIPED, "was there", "MSSE-4242-server", "rundll32.exe", "event_logs"),
    (ASKED, "resolved", DOMAIN, "", "event_logs"),
    (ASKED, "resolved", DOMAIN, "rundll32.exe", "event_logs"),
    (CONNECTED, "connected", AT_C2, "rundll32.exe", "event_logs"),
    (CONNECTED, "connected", AT_C2, "", "firewall_log"),
    (INVENTORIED, "was there", CYZFC, "", "registry"),
    (DETECTED, "blocked", CYZFC, "", "defender"),
    (DETECTED, "logged", CYZFC, "rundll32.exe", "event_logs"),
]
"""What the host remembers, in its order: when, what happened, to what, by what, says which source."""


def untold(report: Report) -> list[tuple[datetime, str, str, str, str]]:
    """What a report lacks of it."""
    seen = {(*one[:4], one[5]) for one in timeline(report)}
    return [
        one for one in CHAIN if (one[0], one[1], fold(one[2]), fold(one[3]), one[4]) not in seen
    ]


STORY = [
    ("15:02:05", "downloaded", ZIP, "chrome.exe (jo)"),
    ("15:03:10", "was there", ZIP, "shellbag"),
    ("15:04:07", "ran", "powershell.exe -noni -ep bypass $zk=", "4688"),
    ("15:04:12", "ran", CALL, JO),
    ("15:04:12", "loaded", CYZFC, "rundll32.exe"),
    ("15:04:14", "resolved", DOMAIN, "rundll32.exe"),
    ("15:04:15", "connected", AT_C2, "rundll32.exe"),
]
"""Texts that stand in one line each of the console's timeline."""


def out_of_order(console: str) -> str:
    """What the console's timeline lacks of the story, or tells in another order; "" if nothing."""
    _, _, behind = console.replace("\r", "").partition("\nTimeline\n")
    lines = behind.split("\n\n")[0].splitlines()
    at = 0
    for step in STORY:
        found = (n for n, line in enumerate(lines) if all(text in line for text in step))
        place = next(found, None)
        if place is None or place < at:
            return f"{step} is in line {place}, after {at}: {lines}"
        at = place
    return ""
