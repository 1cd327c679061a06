"""Syslog against a real rsyslog, and against a small TLS receiver of our own."""

from __future__ import annotations

import asyncio
import contextlib
import re
import shutil
import socket
import ssl
import subprocess
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import pytest
import trustme
from msgspec import structs

from agent.model.observation import Place
from agent.model.report import Evidence, Strength
from collector.outputs.output import Item, TryAgain
from collector.outputs.syslog import Syslog, frame
from tests.agent.output.mapping.rich import report_of, rich_finding
from tests.collector.outputs.reporting import items

pytestmark = pytest.mark.anyio
MODULES = next(iter(Path("/usr/lib").glob("*/rsyslog")), Path("/usr/lib/rsyslog"))
RSYSLOGD = shutil.which("rsyslogd", path="/usr/sbin:/usr/bin")


@dataclass
class Receiver:
    port: int
    log: Path
    config: Path
    process: subprocess.Popen[bytes] | None = None
    errors: list[str] = field(default_factory=list)

    def start(self) -> None:
        assert RSYSLOGD is not None
        self.process = subprocess.Popen(
            [RSYSLOGD, "-n", "-f", str(self.config), "-i", str(self.config.with_suffix(".pid"))],
            stderr=subprocess.DEVNULL,
        )
        for _ in range(200):
            with contextlib.suppress(OSError):
                socket.create_connection(("127.0.0.1", self.port), timeout=1).close()
                return
            time.sleep(0.05)
        raise AssertionError("rsyslogd does not listen")

    def stop(self) -> None:
        if self.process is not None:
            self.process.terminate()
            self.process.wait(20)

    async def lines(self, count: int) -> list[str]:
        found: list[str] = []
        for _ in range(200):
            if self.log.exists():
                found = self.log.read_text(encoding="utf-8").splitlines()
            if len(found) >= count:
                return found
            await asyncio.sleep(0.05)
        raise AssertionError(f"{len(found)} of {count} messages arrived")


@pytest.fixture
def rsyslog(tmp_path: Path) -> Iterator[Receiver]:
    if RSYSLOGD is None:
        pytest.skip("rsyslogd is not installed")
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port = probe.getsockname()[1]
    config = tmp_path / "rsyslog.conf"
    config.write_text(
        f"""
global(workDirectory="{tmp_path}" maxMessageSize="8k" parser.escapeControlCharactersOnReceive="on")
module(load="{MODULES}/imtcp.so")
input(type="imtcp" port="{port}" address="127.0.0.1" supportOctetCountedFraming="on")
template(name="raw" type="string" string="%rawmsg%\\n")
template(name="parts" type="string"
  string="%pri%|%timestamp:::date-rfc3339%|%hostname%|%app-name%|%msgid%|%structured-data%\\n")
action(type="omfile" file="{tmp_path}/raw.log" template="raw" asyncWriting="off")
action(type="omfile" file="{tmp_path}/parts.log" template="parts" asyncWriting="off")
""",
        encoding="utf-8",
    )
    receiver = Receiver(port, tmp_path / "raw.log", config)
    receiver.start()
    yield receiver
    receiver.stop()


def plain(port: int) -> Syslog:
    return Syslog("siem", host="127.0.0.1", port=port, tls=None, timeout_s=5)


def big_item() -> Item:
    """With more evidence than a message has room for, and all that needs escaping."""
    sightings = [
        Evidence(
            source="files", seen="a = b | c \\ d\nnext line", indicator="i",
            strength=Strength.WEAK, place=Place(text=f"C:\\é\U0001f600\\{n}"), detail="d" * 500,
        )
        for n in range(50)
    ]  # fmt: skip
    finding = structs.replace(rich_finding(), evidence=sightings, title="grüße\n\x1b[31m|")
    return Item(1, report_of(finding), finding)


async def test_rsyslog_takes_every_message_whole(rsyslog: Receiver) -> None:
    output = plain(rsyslog.port)
    sent = items(450)
    await output.send(sent)
    await output.close()
    lines = await rsyslog.lines(450)
    identities = [re.search(r"iocsweepDocumentId=(\S+)", line) for line in lines]
    assert [found and found[1] for found in identities] == [item.id for item in sent]


async def test_rsyslog_reads_the_header_as_we_meant_it(rsyslog: Receiver) -> None:
    output = plain(rsyslog.port)
    await output.send(items(1))
    await output.close()
    await rsyslog.lines(1)
    (parts,) = rsyslog.log.with_name("parts.log").read_text().splitlines()
    assert parts == (
        "130|2026-11-24T14:05:00.250000Z|ws-0421.corp.example|iocsweep|finding|"
        '[origin software="iocsweep" swVersion="0.1.0"][iocsweep@32473 reportId="report-0"'
        ' findingId="finding-0" sweepId="autumn-2026" strength="confirmed"'
        ' signatureStatus="unchecked"]'
    )


async def test_rsyslog_cuts_nothing_off_the_longest_message(rsyslog: Receiver) -> None:
    output = plain(rsyslog.port)
    await output.send([big_item(), items(1)[0]])
    await output.close()
    first, second = await rsyslog.lines(2)
    assert len(first.encode()) <= 8192
    assert re.search(r" iocsweepEvidenceDropped=\d+$", first)
    assert "iocsweepReportId=" in first
    assert "|grüße\\\\x0a\\\\x1b[31m\\||" in first
    assert "finding 0" in second


async def test_a_restarted_rsyslog_is_noticed_before_anything_is_sent(rsyslog: Receiver) -> None:
    output = plain(rsyslog.port)
    await output.send(items(2))
    await rsyslog.lines(2)
    rsyslog.stop()
    rsyslog.start()
    await output.send(items(3))  # a new connection, and none of the three goes into the void
    await output.close()
    lines = await rsyslog.lines(5)
    assert len(lines) == 5


async def test_a_receiver_that_is_away_is_waited_for(rsyslog: Receiver) -> None:
    rsyslog.stop()
    output = plain(rsyslog.port)
    sent = items(2)
    with pytest.raises(TryAgain, match="refused") as caught:
        await output.send(sent)
    assert caught.value.left == sent
    rsyslog.start()
    await output.send(caught.value.left)
    await output.close()
    assert len(await rsyslog.lines(2)) == 2


@dataclass
class Tls:
    port: int
    frames: list[bytes]
    connections: list[asyncio.StreamWriter]


@asynccontextmanager
async def tls_receiver(
    ca: trustme.CA, *, client_ca: trustme.CA | None = None
) -> AsyncIterator[Tls]:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    ca.issue_cert("127.0.0.1").configure_cert(context)
    if client_ca is not None:
        context.verify_mode = ssl.CERT_REQUIRED
        client_ca.configure_trust(context)
    got = Tls(0, [], [])

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        got.connections.append(writer)
        with contextlib.suppress(asyncio.IncompleteReadError, ConnectionError):
            while True:
                length = int(await reader.readuntil(b" "))
                got.frames.append(await reader.readexactly(length))
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0, ssl=context)
    got.port = server.sockets[0].getsockname()[1]
    try:
        yield got
    finally:
        server.close()
        for writer in got.connections:
            if not writer.is_closing():  # Python 3.11.2 fails on what is closed already
                writer.transport.abort()


def trusting(ca: trustme.CA, client: trustme.LeafCert | None = None) -> ssl.SSLContext:
    context = ssl.create_default_context()
    ca.configure_trust(context)
    if client is not None:
        client.configure_cert(context)
    return context


def over_tls(port: int, context: ssl.SSLContext) -> Syslog:
    return Syslog("siem", host="127.0.0.1", port=port, tls=context, timeout_s=5)


async def arrived(got: Tls, count: int) -> None:
    async def poll() -> None:
        while len(got.frames) < count:
            await asyncio.sleep(0.01)

    await asyncio.wait_for(poll(), 10)


async def test_tls_carries_the_same_frames() -> None:
    ca = trustme.CA()
    async with tls_receiver(ca) as got:
        output = over_tls(got.port, trusting(ca))
        await output.send([*items(300), big_item()])
        await output.send(items(1))
        await arrived(got, 302)
        await output.close()
        assert len(got.connections) == 1
    assert all(data.startswith(b"<130>1 2026-11-24T14:05:00.250000Z ") for data in got.frames)
    assert max(map(len, got.frames)) <= 8192


async def test_a_receiver_whose_certificate_nobody_vouches_for_gets_nothing() -> None:
    async with tls_receiver(trustme.CA()) as got:
        output = over_tls(got.port, trusting(trustme.CA()))
        sent = items(1)
        with pytest.raises(TryAgain, match="CERTIFICATE_VERIFY_FAILED") as caught:
            await output.send(sent)
        assert caught.value.left == sent
    assert got.frames == []


async def test_a_certificate_of_our_own_is_shown_when_asked_for() -> None:
    ca, ours = trustme.CA(), trustme.CA()
    async with tls_receiver(ca, client_ca=ours) as got:
        output = over_tls(got.port, trusting(ca, ours.issue_cert("collector.example")))
        await output.send(items(1))
        await arrived(got, 1)
        await output.close()


async def test_a_tls_receiver_that_hung_up_is_called_again() -> None:
    ca = trustme.CA()
    async with tls_receiver(ca) as got:
        output = over_tls(got.port, trusting(ca))
        await output.send(items(1))
        await arrived(got, 1)
        got.connections[0].close()
        await asyncio.sleep(0.2)
        await output.send(items(2))
        await arrived(got, 3)
        await output.close()
        assert len(got.connections) == 2


@contextmanager
def deaf() -> Iterator[int]:
    """Accepts, and never reads."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        server.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        yield server.getsockname()[1]


async def test_a_receiver_that_takes_nothing_any_more_is_given_up_for_now() -> None:
    with deaf() as port:
        output = Syslog("siem", host="127.0.0.1", port=port, tls=None, timeout_s=0.5)
        sent = items(2000)
        with pytest.raises(TryAgain) as caught:
            await output.send(sent)
        assert caught.value.left
        assert caught.value.left[-1] is sent[-1]
        await output.close()


def test_a_frame_counts_octets_not_characters() -> None:
    assert frame("é€") == b"5 \xc3\xa9\xe2\x82\xac"


@pytest.mark.parametrize("speaks", [b"", b"plain text\n"], ids=["silent", "plain"])
async def test_a_receiver_without_tls_is_said_to_be_one(speaks: bytes) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        syslog = Syslog(
            "siem", host="127.0.0.1", port=server.getsockname()[1],
            tls=ssl.create_default_context(), timeout_s=0.5,
        )  # fmt: skip
        waiting = asyncio.create_task(syslog.send(items(1)))
        peer, _ = await asyncio.to_thread(server.accept)
        with peer:
            peer.sendall(speaks)
            with pytest.raises(TryAgain, match=r"no TLS .*tls: false"):
                await waiting
