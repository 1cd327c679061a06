"""What goes wrong on the way to a collector ends in an outcome, and the token stays where it belongs."""

from __future__ import annotations

import contextlib
import socket
import ssl
import threading
import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest

from agent.delivery.client import DEADLINE_S, _verifying_adapter, post
from agent.delivery.collector import Collector
from agent.delivery.outcome import Action, Kind, Outcome, meaning
from tests.agent.delivery.scripted import acknowledgement

ID = str(uuid.UUID(int=7))
_WORDS = acknowledgement(201, ID)
TAKEN = b"HTTP/1.1 201 Created\r\nContent-Length: %d\r\n\r\n%s" % (len(_WORDS), _WORDS)


def deliver(url: str, token: str, *, timeout: float, deadline: float = DEADLINE_S) -> Outcome:
    collector = Collector(url=url, token=token)
    return post(collector, ID, b"x", timeout=timeout, deadline=deadline)


@contextlib.contextmanager
def answering(
    *pieces: bytes, pause: float = 0.0, stall: bool = False
) -> Iterator[tuple[str, list[bytes]]]:
    """A server that reads one request and sends these bytes, slowly or without ever closing."""
    ended = threading.Event()
    requests: list[bytes] = []
    server = socket.create_server(("127.0.0.1", 0))
    server.settimeout(0.05)

    def serve() -> None:
        connection = None
        while connection is None and not ended.is_set():
            with contextlib.suppress(TimeoutError):
                connection, _ = server.accept()
        with contextlib.suppress(OSError):
            if connection is None:
                return
            connection.settimeout(5)
            with connection:
                requests.append(connection.recv(65536))
                for piece in pieces:
                    connection.sendall(piece)
                    ended.wait(pause)
                if stall:
                    ended.wait(10)

    thread = threading.Thread(target=serve)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.getsockname()[1]}", requests
    finally:
        ended.set()
        thread.join()
        server.close()


def test_a_chunked_answer_that_breaks_off_is_no_crash() -> None:
    with answering(b"HTTP/1.1 500 No\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n") as (url, _):
        assert deliver(url, "t", timeout=2).kind is Kind.SERVER_ERROR


def test_a_refusal_whose_body_never_comes_counts_by_its_status_and_nothing_else_does() -> None:
    head = b"Content-Length: 100\r\n\r\nabc"
    with answering(b"HTTP/1.1 201 Created\r\n" + head, stall=True) as (url, _):
        assert deliver(url, "t", timeout=0.3).kind is Kind.UNREACHABLE
    with answering(b"HTTP/1.1 409 Conflict\r\n" + head, stall=True) as (url, _):
        assert deliver(url, "t", timeout=0.3).kind is Kind.CONFLICT


def test_what_is_not_http_is_unreachable() -> None:
    with answering(b"\0\1\2\r\n\r\n") as (url, _):
        assert deliver(url, "t", timeout=2).kind is Kind.UNREACHABLE


def test_an_answer_that_drips_is_given_up_in_time() -> None:
    drops = [b"HTTP/1.1 201 Created\r\n", *[b"X: y\r\n"] * 200]
    with answering(*drops, pause=0.1) as (url, _):
        outcome = deliver(url, "t", timeout=5, deadline=0.5)
    assert outcome.kind is Kind.UNREACHABLE
    assert "within 0.5 s" in outcome.reason


def test_the_login_page_of_a_proxy_is_no_acknowledgement() -> None:
    page = b"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nContent-Length: 4\r\n\r\n<ht>"
    with answering(page) as (url, _):
        outcome = deliver(url, "t", timeout=2)
    assert not outcome.acknowledged
    assert "web page" in outcome.reason


def test_the_reason_of_a_collector_cannot_act_on_the_terminal() -> None:
    with answering(b"HTTP/1.1 422 No\r\nContent-Length: 5\r\n\r\n\x1b[2J\n") as (url, _):
        assert deliver(url, "t", timeout=2).reason == "HTTP 422, invalid: \\x1b[2J"


def test_a_token_for_loopback_is_never_given_to_a_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    with (
        answering(TAKEN) as (proxy, seen),
        answering(TAKEN) as (url, collector),
    ):
        monkeypatch.setenv("http_proxy", proxy)
        monkeypatch.delenv("no_proxy", raising=False)
        assert deliver(url, "secret", timeout=2).acknowledged
    assert seen == []
    assert b"Authorization: Bearer secret" in collector[0]


def test_an_https_collector_is_reached_through_the_proxy_and_its_token_is_not_shown_to_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    with answering(b"HTTP/1.1 502 No\r\nContent-Length: 0\r\n\r\n") as (proxy, seen):
        monkeypatch.setenv("https_proxy", proxy)
        monkeypatch.delenv("no_proxy", raising=False)
        outcome = deliver("https://collector.example", "secret", timeout=2)
    assert outcome.kind is Kind.UNREACHABLE
    assert seen[0].startswith(b"CONNECT collector.example:443")
    assert b"secret" not in seen[0]


def test_no_netrc_overrides_the_token(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "netrc").write_text("machine 127.0.0.1 login someone password else\n")
    monkeypatch.setenv("NETRC", str(tmp_path / "netrc"))
    with answering(TAKEN) as (url, seen):
        assert deliver(url, "secret", timeout=2).acknowledged
    assert b"Authorization: Bearer secret" in seen[0]


def test_only_the_systems_certificates_are_trusted(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    loaded: list[object] = []
    adapter = _verifying_adapter(Collector(url="https://x", token="t"))
    context = adapter.poolmanager.connection_pool_kw["ssl_context"]
    monkeypatch.setattr(
        type(context), "load_verify_locations", lambda *arguments: loaded.append(arguments)
    )
    (tmp_path / "other.pem").write_text("")
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(tmp_path / "other.pem"))
    with answering(stall=True) as (url, _):
        outcome = deliver(url.replace("http:", "https:"), "t", timeout=0.3)
    assert not outcome.acknowledged
    assert loaded == []
    assert context.verify_mode is ssl.CERT_REQUIRED
    assert context.check_hostname


@pytest.mark.parametrize("status", [400, 409, 422])
def test_a_page_of_somebody_else_sets_no_report_aside(status: int) -> None:
    """A proxy's, a firewall's, another server's at that address."""
    page = meaning(status, {"Content-Type": "text/html; charset=utf-8"}, "<html>", ID)
    assert page.kind.action in (Action.AGAIN, Action.STAYS)
    own = meaning(422, {"Content-Type": "application/json"}, '{"error": "no report"}', ID)
    assert own.kind.action is Action.ASIDE
