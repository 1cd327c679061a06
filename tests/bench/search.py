"""How long a search takes at 100,000 hosts and a million distinct values, and what keeping them costs.

``python -m tests.bench.search [FOLDER | postgresql://…]``: the database is made once and used again
if it is there. It is filled by the store's own statements, with terms as reports give them.
"""

from __future__ import annotations

import asyncio
import hashlib
import resource
import sys
import tempfile
import time
import uuid
from collections.abc import Iterator
from pathlib import Path

import httpx
from starlette.applications import Starlette

from collector.pages import routes
from collector.records import Sweep
from collector.store.database import Statement
from collector.store.postgresql import PostgresqlDatabase
from collector.store.putting import (
    HOST_COLUMNS,
    REPORT_COLUMNS,
    host_values,
    judged,
    report_values,
)
from collector.store.sqlite import SqliteDatabase
from collector.store.store import Store
from collector.terms import OF_HOSTS, Kind, Term, digest_of, fold
from tests.collector.store.reporting import a_report

HOSTS = 100_000
AT_ONCE = 500
BOUND_MS = 500
PLACES = ("Downloads", "AppData\\Local\\Temp", "Desktop", "AppData\\Roaming\\Microsoft\\Windows")


def of_host(number: int) -> list[Term]:
    """Five of its own (name, full name, id, address, a path under a user of its own), three of
    files that few share, and four that all or many have: ten distinct a host, a million in all."""
    name = f"WS-{number:06}"
    user = f"CORP\\user{number:06}"
    own = hashlib.sha256(name.encode()).hexdigest()
    values: list[tuple[Kind, str]] = [
        ("host", name), ("host", f"{name}.corp.example"), ("id", str(uuid.UUID(own[:32]))),
        ("address", f"10.{number >> 16}.{number >> 8 & 255}.{number & 255}"),
        ("address", f"192.0.2.{number % 7}"),
        *(
            ("path", f"C:\\Users\\user{number:06}\\{PLACES[n % 4]}\\{own[n * 6:n * 6 + 8]}.tmp")
            for n in range(4)
        ),
        ("path", "C:\\Windows\\System32\\rundll32.exe"),
        ("hash", own), ("user", user), ("domain", "pandorasong.com"),
        ("remote", "95.216.59.92"), ("indicator", "cyzfc.dat"),
    ]  # fmt: skip
    if number % 1000 == 7:
        values.append(("path", f"C:\\Users\\user{number:06}\\AppData\\Local\\cyzfc.dat"))
    return [_term(kind, value, number) for kind, value in values]


def _term(kind: Kind, value: str, number: int) -> Term:
    folded = fold(value)
    of_host = kind in OF_HOSTS
    return Term(
        digest=digest_of(kind, folded), kind=kind, value=value, folded=folded,
        strength=0 if of_host else 2, findings=0 if of_host else 1,
        finding_ids=() if of_host else (f"f-{number}",),
    )  # fmt: skip


def statements(begin: int) -> tuple[list[Statement], list[tuple[str, list[Term], int]]]:
    """To keep some hosts' reports, and their terms."""
    reports = judged(
        [
            a_report(
                f"WS-{n:06}", report_id=str(uuid.UUID(int=n)), sweep_id="s1", base="clean",
                host_id=hashlib.sha256(f"WS-{n:06}".encode()).hexdigest()[:32],
            )
            for n in range(begin, begin + AT_ONCE)
        ],
        {},
    )  # fmt: skip
    made: list[Statement] = []
    for start in range(0, AT_ONCE, 50):
        piece = reports[start : start + 50]
        for table, columns, values in (
            ("report", REPORT_COLUMNS, report_values), ("host", HOST_COLUMNS, host_values),
        ):  # fmt: skip
            marks = ", ".join([f"({', '.join('?' * len(columns))})"] * len(piece))
            sql = f"INSERT INTO {table} ({', '.join(columns)}) VALUES {marks}"
            made.append((sql, [value for one in piece for value in values(one)]))
    terms = [(one.report.report_id, of_host(begin + n), 0) for n, one in enumerate(reports)]
    return made, terms


async def load(store: Store) -> None:
    await store.create_sweep(
        Sweep(sweep_id="s1", title="A sweep", pack="cyzfc", created=1000, deadline=None), who="b"
    )
    terms_s, started, count = 0.0, time.perf_counter(), 0
    for begin in range(0, HOSTS, AT_ONCE):
        made, terms = statements(begin)
        await store.database.transact(made)
        before = time.perf_counter()
        for start in range(0, AT_ONCE, 125):
            await store.make_searchable(terms[start : start + 125], up_to=begin + AT_ONCE)
        count += sum(len(every) for _, every, _ in terms)
        terms_s += time.perf_counter() - before
        if begin % 10_000 == 0:
            print(f"  {begin:,} hosts after {time.perf_counter() - started:.0f} s", flush=True)
    print(f"kept {count:,} values of {HOSTS:,} hosts in {terms_s:.0f} s: {count / terms_s:,.0f}/s")


def questions() -> Iterator[tuple[str, str]]:
    own = hashlib.sha256(b"WS-054321").hexdigest()
    yield "a whole hash, in capitals", f"q={own.upper()}"
    yield "the middle of a hash", f"q={own[20:36]}"
    yield "the beginning of a host's name", "q=ws-0543"
    yield "the middle of a host's name", "q=-05432"
    yield "a part of an address", "q=.212.49"
    yield "a file's name", "q=cyzfc.dat"
    yield "a defanged domain", "q=hxxp://pandorasong[.]com"
    yield "a user", "q=corp%5Cuser054321"
    yield "what every path has", "q=users"
    yield "three characters in most values", "q=use"
    yield "what every path has, long", "q=appdata%5Clocal%5Ctemp"
    yield "two characters", "q=ws"
    yield "one character", "q=c"
    yield "nothing that is there", "q=no-such-thing"
    yield "nothing, of common threes", "q=userappdat"
    yield "signs alone", "q=%5C%5C%5C"
    yield "where else: on every host", "q=pandorasong.com&kind=domain&whole=1"
    yield "the same of a sweep", "q=use&sweep=s1"


async def ask(store: Store) -> None:
    app = Starlette(routes=routes(store, b"k" * 32, secure=True))
    token = await store.create_token("reader", who="bench")
    async with httpx.AsyncClient(
        transport=httpx.ASGITransport(app), base_url="https://c.example",
        headers={"authorization": f"Bearer {token}"}, timeout=60,
    ) as client:  # fmt: skip
        for address in ("/search", "/search.json"):
            for what, query in questions():
                took = []
                for _ in range(4):
                    started = time.perf_counter()
                    answer = await client.get(f"{address}?{query}")
                    took.append(1000 * (time.perf_counter() - started))
                mark = "" if max(took) <= BOUND_MS else "   MORE THAN IT SHOULD"
                print(
                    f"{address:13} {what:34} first {took[0]:6.0f} ms, then {min(took[1:]):6.0f} ms,"
                    f" {len(answer.content):7,} bytes, {answer.status_code}{mark}"
                )


async def run(place: str) -> None:
    if place.startswith("postgresql:"):
        store = Store(await PostgresqlDatabase.open(place))
    else:
        store = Store(await SqliteDatabase.open(Path(place) / "search.db"))
    if not await store.sweeps():
        await load(store)
        if not place.startswith("postgresql:"):
            print(f"file of {(Path(place) / 'search.db').stat().st_size >> 20:,} MiB")
    ((terms,),) = await store.database.fetch("SELECT COUNT(*) FROM term")
    ((places,),) = await store.database.fetch("SELECT COUNT(*) FROM occurrence")
    print(f"{int(terms):,} distinct values, {int(places):,} occurrences")
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    await ask(store)
    after = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    print(f"peak of the server's memory {before >> 10} MiB before, {after >> 10} MiB after")
    await store.database.close()


def main() -> None:
    if len(sys.argv) > 1:
        asyncio.run(run(sys.argv[1]))
    else:
        with tempfile.TemporaryDirectory() as folder:
            asyncio.run(run(folder))


if __name__ == "__main__":
    main()
