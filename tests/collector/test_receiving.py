"""Reading large reports in a process of its own: the same as in the server's, whatever becomes of it."""

from __future__ import annotations

import asyncio
import gzip
import logging
import signal
import zlib
from collections.abc import AsyncIterator

import pytest
from msgspec import structs

from agent.model.codec import encode
from collector import receiving as receiving_module
from collector.indexing import received
from collector.intake import Arrival, Refused
from collector.receiving import Receiving
from collector.store.database import Busy
from tests.collector.pages.seed import NOW, a_finding, a_report

pytestmark = pytest.mark.anyio


@pytest.fixture(scope="module")
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture(scope="module")
async def receiving(anyio_backend: str) -> AsyncIterator[Receiving]:
    made = Receiving("messagepack", max_json=1 << 20, readers=1)
    yield made
    await made.close()


def an_arrival(findings: int = 3) -> Arrival:
    found = [structs.replace(a_finding(), id=f"f-{number}") for number in range(findings)]
    report = a_report("WS-0421", *found)
    return Arrival(
        report_id=report.report_id, sweep_id="s1", body=gzip.compress(encode(report)),
        encoding="gzip", content_type="application/json", source="10.4.1.21", received=NOW,
    )  # fmt: skip


@pytest.mark.parametrize("findings", [0, 3])
async def test_it_gives_what_the_server_itself_would(receiving: Receiving, findings: int) -> None:
    arrival = an_arrival(findings)
    assert await receiving.read(arrival) == received(arrival, "messagepack")


async def test_a_body_that_was_not_packed_comes_back_packed(receiving: Receiving) -> None:
    packed = an_arrival()
    plain = structs.replace(packed, body=gzip.decompress(packed.body), encoding="")
    report, rows = await receiving.read(plain)
    assert zlib.decompress(report.body, 31) == plain.body
    assert (report, rows) == received(plain, "messagepack")


@pytest.mark.parametrize(
    ("change", "status"),
    [
        ({"body": b"no gzip"}, 422),
        ({"encoding": "br"}, 415),
        ({"body": gzip.compress(b" " * ((1 << 20) + 1))}, 413),
        ({"body": gzip.compress(b'{"schema":"iocsweep.report/9"}')}, 409),
    ],
)
async def test_it_refuses_with_the_same_words(
    receiving: Receiving, change: dict[str, object], status: int
) -> None:
    arrival = structs.replace(an_arrival(), **change)
    with pytest.raises(Refused) as here:
        received(arrival, "messagepack", max_json=1 << 20)
    with pytest.raises(Refused) as there:
        await receiving.read(arrival)
    assert (there.value.status, str(there.value)) == (here.value.status, str(here.value))
    assert there.value.status == status


async def test_many_at_once_each_get_their_own(receiving: Receiving) -> None:
    arrivals = [an_arrival(number) for number in range(12)]
    told = await asyncio.gather(*map(receiving.read, arrivals))
    assert [(report.report_id, rows.count) for report, rows in told] == [
        (arrival.report_id, number) for number, arrival in enumerate(arrivals)
    ]


async def test_who_waits_for_one_that_dies_comes_again_and_finds_another(
    caplog: pytest.LogCaptureFixture,
) -> None:
    receiving = Receiving("copy", readers=1)
    try:
        await receiving.read(an_arrival())
        (reader,) = receiving._readers
        reader.process.send_signal(signal.SIGSTOP)  # it has not begun
        waiting = asyncio.create_task(receiving.read(an_arrival()))
        while not reader.waiting:
            await asyncio.sleep(0)
        with caplog.at_level(logging.ERROR, "collector.receiving"):
            reader.process.kill()
            with pytest.raises(Busy):
                await waiting
        assert "ended" in caplog.text
        arrival = an_arrival()
        assert await receiving.read(arrival) == received(arrival, "copy")
        assert receiving._readers != [reader]
    finally:
        await receiving.close()


async def test_there_are_no_more_processes_than_asked_for() -> None:
    receiving = Receiving("copy", readers=2)
    try:
        await asyncio.gather(*(receiving.read(an_arrival()) for _ in range(9)))
        assert len(receiving._readers) == 2
    finally:
        await receiving.close()
    assert [one.process.returncode for one in receiving._readers] == [0, 0]


async def test_where_no_process_can_be_started_the_agent_comes_again(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise BlockingIOError(11, "Resource temporarily unavailable")

    receiving = Receiving("copy", readers=1)
    with monkeypatch.context() as changed:
        changed.setattr("collector.receiving.subprocess.Popen", refuse)
        with pytest.raises(Busy):
            await receiving.read(an_arrival())
    assert "Resource temporarily unavailable" in caplog.text
    try:
        assert (await receiving.read(an_arrival()))[1].count == 3
    finally:
        await receiving.close()


async def test_nobody_waits_for_a_process_that_ended_at_once(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    start = receiving_module._start

    async def ended() -> receiving_module._Reader:
        reader = await start()
        reader.process.kill()
        while not reader.ended:
            await asyncio.sleep(0.01)
        return reader

    receiving = Receiving("copy", readers=1)
    with monkeypatch.context() as changed:
        changed.setattr(receiving_module, "_start", ended)
        for _ in range(3):  # more than are given at once
            with pytest.raises(Busy):
                await asyncio.wait_for(receiving.read(an_arrival()), 30)
    try:
        assert (await receiving.read(an_arrival()))[1].count == 3
    finally:
        await receiving.close()
