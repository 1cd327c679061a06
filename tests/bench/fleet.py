"""A fleet's reports, ready to be sent: as many as wanted, each from a host of its own.

All reports of a kind are alike but for their id and host, which stand at the end: so the JSON before
them is compressed once, and a report costs 30 µs to make.
"""

from __future__ import annotations

import json
import random
import uuid
import zlib
from collections.abc import Iterator
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any

from agent.model.codec import encode
from agent.model.objects import File, Hash, Process
from agent.model.observation import Place
from agent.model.report import (
    SCHEMA,
    Agent,
    Coverage,
    Evidence,
    Finding,
    Host,
    IndicatorCount,
    IndicatorRef,
    PackRef,
    Report,
    Resources,
    Scope,
    State,
    Strength,
    Target,
    TargetKind,
    Verdict,
)

SOURCES = (
    "processes", "memory", "connections", "dns_cache", "hosts_file", "files", "event_logs",
    "prefetch", "registry", "scheduled_tasks", "services", "amcache", "usn_journal",
)  # fmt: skip
INDICATORS = 41
LARGE_FINDINGS = 178


class Fleet:
    """Reports of hosts that differ in name and id; ``findings`` makes them hits."""

    def __init__(self, *, findings: int = 0, seed: int = 2018) -> None:
        self._chance = random.Random(seed)
        whole = json.loads(encode(_report(findings, self._chance)))
        self._host = whole.pop("host")
        del whole["report_id"]
        self._start = json.dumps(whole, separators=(",", ":")).encode()[:-1]
        self._packer = zlib.compressobj(6, zlib.DEFLATED, 31)
        self._packed = self._packer.compress(self._start) + self._packer.flush(zlib.Z_SYNC_FLUSH)
        self._number = 0

    def report(self) -> tuple[str, bytes, bytes]:
        """The next: its id, its JSON, the same as gzip."""
        number = self._number
        self._number += 1
        report_id = _uuid7(1_790_000_000_000 + number // 4, self._chance)
        name = f"WS-{number:06d}"
        host: dict[str, Any] = self._host | {
            "id": str(uuid.UUID(int=self._chance.getrandbits(128), version=4)),
            "name": name,
            "fqdn": f"{name}.corp.example".lower(),
            "ip": [f"10.{number >> 16 & 255}.{number >> 8 & 255}.{number & 255}"],
        }
        end = b',"report_id":"%s","host":%s}\n' % (report_id.encode(), json.dumps(host).encode())
        packer = self._packer.copy()
        return report_id, self._start + end, self._packed + packer.compress(end) + packer.flush()

    def reports(self, count: int) -> Iterator[tuple[str, bytes, bytes]]:
        """The next ``count``."""
        return (self.report() for _ in range(count))

    def write(self, path: Path, count: int) -> None:
        """The next ``count``, as ``reports.lua`` reads them: id, length in 8 digits, gzip."""
        with path.open("wb") as file:
            for report_id, _, body in self.reports(count):
                file.write(b"%s%08d%s" % (report_id.encode(), len(body), body))


def _uuid7(ms: int, chance: random.Random) -> str:
    value = ms << 80 | 7 << 76 | chance.getrandbits(12) << 64 | 2 << 62 | chance.getrandbits(62)
    return str(uuid.UUID(int=value))


def _report(findings: int, chance: random.Random) -> Report:
    finished = datetime(2026, 11, 24, 9, 30, tzinfo=timezone.utc)
    return Report(
        schema=SCHEMA,
        report_id="",
        agent=Agent(version="0.1.0", build="release", form="one-dir", sha256=_hex(chance, 32)),
        host=Host(id="", name="", domain="corp.example", architecture="amd64", elevated=True),
        target=Target(kind=TargetKind.LIVE), scope=Scope(whole_host=True),
        packs=[PackRef(id="cyzfc-2018-11", version="3", sha256=_hex(chance, 32),
                       indicators=INDICATORS, origin="built in")],
        started=finished - timedelta(seconds=43),
        finished=finished,
        options={"memory": "candidates", "thorough": False, "max_file_size": 64 << 20},
        verdict=Verdict.HIT if findings else Verdict.CLEAN,
        coverage=[_coverage(source, chance) for source in SOURCES],
        indicators=[
            IndicatorCount(id=f"cyzfc-{number:02d}", tested=chance.randrange(1 << 20),
                           matched=findings if number == 7 and findings < 100 else 0)
            for number in range(INDICATORS)
        ],
        findings=[_finding(number, finished, chance) for number in range(findings)],
        truncated=[],
        resources=Resources(cpu_s=31.2, wall_s=43.1, peak_rss_bytes=181 << 20, read_bytes=3 << 30),
    )  # fmt: skip


def _coverage(source: str, chance: random.Random) -> Coverage:
    examined = chance.randrange(1 << 18)
    return Coverage(
        source=source,
        required=source != "usn_journal",
        state=State.COMPLETE,
        examined=examined,
        bytes=examined * chance.randrange(1 << 12),
        elapsed_ms=chance.randrange(1 << 14),
    )


def _finding(number: int, when: datetime, chance: random.Random) -> Finding:
    folder = rf"C:\Users\{_hex(chance, 5)}\AppData\Local\{_hex(chance, 8)}"
    path = rf"{folder}\cyzfc.dat"
    return Finding(
        id=str(uuid.UUID(int=chance.getrandbits(128), version=5)),
        time=when,
        first_seen=when - timedelta(days=3),
        strength=(Strength.CONFIRMED, Strength.STRONG, Strength.WEAK)[number % 3],
        score=60 + number % 40,
        title=f"{path} is loaded by rundll32.exe",
        reasons=["its SHA-256 is the indicator's"],
        indicator=IndicatorRef(id=f"cyzfc-{number % INDICATORS:02d}", type="file_name",
                               value="cyzfc.dat", pack="cyzfc-2018-11",
                               reference=["https://example.org/report#" + _hex(chance, 4)]),
        evidence=[
            Evidence(source="files", seen="file name", indicator="cyzfc-07",
                     strength=Strength.STRONG, place=Place(text=path), detail=_hex(chance, 160))
        ],
        file=File(path=path, name="cyzfc.dat", size=294_400,
                  hash=Hash(md5=_hex(chance, 16), sha1=_hex(chance, 20), sha256=_hex(chance, 32))),
        process=Process(pid=number * 4, name="rundll32.exe"),
    )  # fmt: skip


def _hex(chance: random.Random, size: int) -> str:
    return chance.randbytes(size).hex()
