"""More connections than there are places: the server lives, says so, and serves the others."""

from __future__ import annotations

import gzip
import http.client
import resource
import socket
import ssl
from collections.abc import Iterator
from contextlib import ExitStack

import pytest

from agent.model.codec import encode
from tests.collector.pages.seed import a_report
from tests.collector.server import CollectorServer, Serve, serve, statuses, until_closed, wait_for

__all__ = ["serve"]

NEEDED = 1400
"""Open files of this process."""


@pytest.fixture(autouse=True)
def _files() -> Iterator[None]:
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if hard != resource.RLIM_INFINITY and hard < NEEDED:
        pytest.skip("too few open files are allowed here")
    resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, NEEDED), hard))
    yield
    resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


def silent(server: CollectorServer, stack: ExitStack, address: str, number: int) -> None:
    """Connections from one address of loopback that say nothing, not even a handshake."""
    for _ in range(number):
        stack.enter_context(
            socket.create_connection(("127.0.0.1", server.port), 60, source_address=(address, 0))
        )


def asked(server: CollectorServer, address: str) -> http.client.HTTPResponse:
    """A report from there."""
    connection: http.client.HTTPConnection
    if server.authority is None:
        connection = http.client.HTTPConnection(
            "127.0.0.1", server.port, timeout=60, source_address=(address, 0)
        )
    else:
        connection = http.client.HTTPSConnection(
            "127.0.0.1", server.port, timeout=60, source_address=(address, 0),
            context=ssl.create_default_context(cafile=server.authority),
        )  # fmt: skip
    report = a_report()
    connection.request(
        "POST", f"/v1/reports/{report.report_id}", gzip.compress(encode(report)),
        {"Authorization": f"Bearer {server.sweep_token}", "Content-Type": "application/json",
         "Content-Encoding": "gzip"},
    )  # fmt: skip
    answer = connection.getresponse()
    answer.read()
    connection.close()
    return answer


def warned(server: CollectorServer, words: str) -> bool:
    return any(words in event["message"] for event in server.events())


@pytest.mark.parametrize("tls", [[], ["127.0.0.1"]], ids=["plain", "TLS"])
class TestSilence:
    def test_of_one_address_under_the_usual_limit_keeps_nobody_else_out(
        self, serve: Serve, tls: list[str]
    ) -> None:
        server = serve(tls=tls, files="-Sn 1024")
        assert any("raised from 1,024" in event["message"] for event in server.events())
        with ExitStack() as stack:
            silent(server, stack, "127.0.0.9", 1100)
            for _ in range(3):
                assert asked(server, "127.0.0.2").status == 201
            assert warned(server, "too many connections of one address")

    def test_of_many_under_a_limit_that_cannot_be_raised_ends_with_its_time(
        self, serve: Serve, tls: list[str]
    ) -> None:
        server = serve("--head-timeout", "2", tls=tls, files="-n 512")
        assert warned(server, "the limit of open files")
        with ExitStack() as stack:
            for number in range(8):
                silent(server, stack, f"127.0.1.{number}", 75)
            wait_for(lambda: warned(server, "too many connections"))
            wait_for(lambda: asked_at_last(server))

    def test_that_is_too_much_is_answered_honestly(self, serve: Serve, tls: list[str]) -> None:
        server = serve("--max-connections", "8", "--max-per-address", "4", tls=tls)
        with ExitStack() as stack:
            silent(server, stack, "127.0.0.9", 4)
            answer = asked(server, "127.0.0.9")
            assert answer.status == 503
            assert 5 <= int(answer.headers["Retry-After"]) <= 30
            assert asked(server, "127.0.0.2").status == 201
        wait_for(lambda: asked(server, "127.0.0.9").status == 201)
        figures = server.get("/metrics", token=server.reader_token).text
        assert 'refusals_total{kind="connections of one address"} ' in figures
        assert 'refusals_total{kind="connections of one address"} 0.0' not in figures


def asked_at_last(server: CollectorServer) -> bool:
    try:
        return asked(server, "127.0.0.2").status == 201
    except OSError:  # closed without a word: there was no place to say one in
        return False


class TestHandshake:
    def test_that_does_not_come_has_the_time_of_a_head(self, serve: Serve) -> None:
        server = serve("--head-timeout", "1", tls=["127.0.0.1"])
        for begin in (b"", b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03"):
            with socket.create_connection(("127.0.0.1", server.port), 20) as connection:
                connection.sendall(begin)
                assert until_closed(connection) == b""

        def late() -> int:
            whys = [event.get("why") for event in server.events()]
            return whys.count("a TLS handshake did not arrive in time")

        wait_for(lambda: late() == 2)

    def test_that_is_none_is_counted_and_ends(self, serve: Serve) -> None:
        server = serve(tls=["127.0.0.1"])
        with socket.create_connection(("127.0.0.1", server.port), 20) as connection:
            connection.sendall(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
            assert 200 not in statuses(until_closed(connection))
        figures = server.get("/metrics", token=server.reader_token).text
        assert 'refusals_total{kind="handshake"} 1.0' in figures

    def test_that_is_under_way_does_not_hold_up_a_stop(self, serve: Serve) -> None:
        server = serve(tls=["127.0.0.1"])
        with socket.create_connection(("127.0.0.1", server.port), 20) as connection:
            connection.sendall(b"\x16")
            assert server.stop() == 0
            assert until_closed(connection) == b""
        assert not warned(server, "Cancel")

    def test_and_the_request_may_come_in_one_piece(self, serve: Serve) -> None:
        server = serve(tls=["127.0.0.1"])
        for _ in range(20):
            answers = server.exchange(
                b"GET /healthz HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"
            )
            assert statuses(answers) == [200]


def test_the_log_says_where_it_runs_once_it_does(serve: Serve) -> None:
    """In the words that those who start it have waited for until now."""
    server = serve()
    said = [event["message"] for event in server.events()]
    assert said.index(f"Uvicorn running on {server.url}") > said.index(f"serving at {server.url}")
