"""Twenty thousand findings into an OpenSearch-compatible server and into syslog-ng: all arrive."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import AsyncIterator, Iterator
from datetime import datetime, timedelta, timezone
from pathlib import Path

import pytest
from msgspec import structs

from agent.model.objects import OBJECTS, File
from agent.model.observation import Place
from agent.model.report import Evidence, Strength
from agent.output.mapping.document import SANE, stamp
from collector.outputs.dead_letter import DeadLetters
from collector.outputs.elasticsearch import Elasticsearch
from collector.outputs.http import Http
from collector.outputs.output import Item
from collector.outputs.syslog import Syslog
from tests.agent.output.mapping.rich import report_of, rich_finding
from tests.collector.outputs.receivers import OpenSearch, SyslogNg, opensearch, syslog_ng

pytestmark = pytest.mark.anyio
MANY = 20_000
INDEX = "iocsweep-findings"
"""No data stream, which this server does not have."""
HOSTILE = [
    datetime(year, 6, 1, 1, 2, 3, 250_000, tzinfo=timezone.utc)
    for year in (1, 1601, 1969, 1970, 1980, 2026, 2037, 2038, 2100, 9999)
]
TEXTS = [
    "2018-11-14",
    "2018-11-14T10:00:00Z",
    "2018/11/14 10:00:00",
    "12",
    "1e400",
    "x" * 2000,
    "\x00",
]
"""What an index without a template takes for a date or a number, once; and then refuses others."""


def hostile(count: int) -> list[Item]:
    """Findings of one report each, of hosts whose clock and texts are as odd as they can be; one of
    fifty has all that a finding can have.
    """
    rich = rich_finding()
    file = File(path="C:\\Users\\jo\\ds7002.lnk", name="ds7002.lnk", size=3_000)
    lean = structs.replace(rich, **dict.fromkeys(OBJECTS), reasons=["a link"])
    lean.file = file
    made = []
    for n in range(count):
        time, text = HOSTILE[n % len(HOSTILE)], TEXTS[n % len(TEXTS)]
        finding = structs.replace(
            lean if n % 50 else rich, id=f"finding-{n}", title=f"{n} {text}", time=time, first_seen=time,
            last_seen=time,
            evidence=[
                Evidence(
                    source="files", seen=text, indicator="i", strength=Strength.CONFIRMED,
                    place=Place(text=text, record=text), detail=text,
                )
            ],
        )  # fmt: skip
        made.append(Item(n + 1, report_of(finding, report_id=f"report-{n}"), finding))
    return made


@pytest.fixture
def server() -> Iterator[OpenSearch]:
    with opensearch() as made:
        yield made


@pytest.fixture
def receiver(tmp_path: Path) -> Iterator[SyslogNg]:
    with syslog_ng(tmp_path) as made:
        yield made


@pytest.fixture
async def elastic(server: OpenSearch, tmp_path: Path) -> AsyncIterator[Elasticsearch]:
    made = indexing(server, tmp_path, template=True)
    yield made
    await made.close()


def indexing(server: OpenSearch, folder: Path, *, template: bool) -> Elasticsearch:
    letters = DeadLetters(folder / "dead.ndjson", "elastic")
    return Elasticsearch(
        "elastic", Http(timeout_s=600), letters, url=server.url, index=INDEX, template=template
    )


async def test_opensearch_takes_every_one_of_many_findings(
    elastic: Elasticsearch, server: OpenSearch
) -> None:
    sent = hostile(MANY)
    for start in range(0, MANY, 1000):
        await elastic.send(sent[start : start + 1000])
    assert (server.count(INDEX), elastic.dead) == (MANY, 0)


async def test_without_the_template_it_refuses_texts_beside_those_that_look_like_a_date(
    server: OpenSearch, tmp_path: Path
) -> None:
    output = indexing(server, tmp_path, template=False)
    await output.send(hostile(20))
    await output.close()
    assert 0 < output.dead < 20
    assert server.count(INDEX) == 20 - output.dead


async def test_the_types_in_the_index_are_the_template_s(
    elastic: Elasticsearch, server: OpenSearch
) -> None:
    await elastic.send(hostile(1))
    (mapping,) = server.ask("GET", f"{INDEX}/_mapping").values()
    fields = mapping["mappings"]["properties"]
    assert mapping["mappings"]["date_detection"] is False
    assert fields["host"]["properties"]["ip"]["type"] == "ip"
    assert fields["threat"]["properties"]["enrichments"]["type"] == "nested"
    detail = fields["iocsweep"]["properties"]["evidence"]["properties"]["detail"]
    assert detail["type"] == "keyword"


async def test_syslog_ng_takes_every_one_of_many_findings_with_its_header(
    receiver: SyslogNg,
) -> None:
    output = Syslog("siem", host="127.0.0.1", port=receiver.port, tls=None)
    sent = hostile(MANY)
    await output.send(sent)
    await output.close()
    lines = await receiver.lines(MANY)
    head = re.compile(r"130\|(\S+)\|ws-0421\.corp\.example\|iocsweep\|finding\|\[")
    times = Counter(found[1] for line in lines if (found := head.match(line)))
    assert sum(times.values()) == MANY
    assert set(times) == {seconds(time) for time in HOSTILE}
    identities = [re.search(r"iocsweepDocumentId=(\S+)", line) for line in lines]
    assert [found and found[1] for found in identities] == [item.id for item in sent]
    for item, line in zip(sent[:20], lines, strict=False):
        claimed = not SANE[0] <= item.finding.time <= SANE[1]
        assert (f'claimedTime="{stamp(item.finding.time)}"' in line) is claimed


def seconds(time: datetime) -> str:
    """As syslog-ng writes what it understood."""
    sane = min(max(time, SANE[0]), SANE[1])
    return (sane - timedelta(microseconds=sane.microsecond)).isoformat()
