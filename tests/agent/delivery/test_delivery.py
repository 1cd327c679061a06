"""What each answer of a collector means, over real connections on loopback."""

from __future__ import annotations

import contextlib
import gzip
import os
import socket
import ssl
import threading
import uuid
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
import trustme

from agent.delivery.client import (
    DeliveryError,
    Kind,
    check_url,
    deliver,
    read_token,
    send_pending,
)
from agent.delivery.spool import Spool, SpoolError

ID = str(uuid.UUID(int=7))


def serving(status: int, headers: dict[str, str] | None = None, tls: ssl.SSLContext | None = None):  # type: ignore[no-untyped-def]
    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            self.rfile.read(int(self.headers["Content-Length"]))
            self.send_response(status)
            for name, value in (headers or {}).items():
                self.send_header(name, value)
            self.end_headers()
            with contextlib.suppress(OSError):
                self.wfile.write(b"because " * 20_000)

        def log_message(self, *arguments: object) -> None:
            pass

    @contextlib.contextmanager
    def run() -> Iterator[str]:
        server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        if tls is not None:
            server.socket = tls.wrap_socket(server.socket, server_side=True)
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        scheme = "https" if tls else "http"
        try:
            yield f"{scheme}://127.0.0.1:{server.server_address[1]}"
        finally:
            server.shutdown()
            thread.join()
            server.server_close()

    return run()


@pytest.mark.parametrize(
    ("status", "kind"),
    [
        (200, Kind.ACKNOWLEDGED),
        (201, Kind.ACKNOWLEDGED),
        (204, Kind.ACKNOWLEDGED),
        (301, Kind.REJECTED),
        (401, Kind.REFUSED),
        (403, Kind.REFUSED),
        (409, Kind.CONFLICT),
        (413, Kind.TOO_LARGE),
        (415, Kind.REJECTED),
        (422, Kind.REJECTED),
        (429, Kind.BUSY),
        (500, Kind.SERVER_ERROR),
        (503, Kind.BUSY),
    ],
)
def test_each_status_has_its_meaning(status: int, kind: Kind) -> None:
    headers = {"Retry-After": "17", "Location": "http://127.0.0.1:9/"}
    with serving(status, headers) as url:
        outcome = deliver(url, "t", ID, b"x", timeout=5)
    assert (outcome.kind, outcome.status) == (kind, status)
    assert outcome.retry_after_s == (17 if kind is Kind.BUSY else None)
    assert len(outcome.reason) < 300


def test_nobody_listening_is_unreachable() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
    assert deliver(f"http://127.0.0.1:{port}", "t", ID, b"x", timeout=2).kind is Kind.UNREACHABLE


def test_somebody_who_never_answers_is_unreachable() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        url = f"http://127.0.0.1:{server.getsockname()[1]}"
        outcome = deliver(url, "t", ID, b"x", timeout=0.3)
    assert outcome.kind is Kind.UNREACHABLE


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> tuple[ssl.SSLContext, Path]:
    folder = tmp_path_factory.mktemp("ca")
    authority = trustme.CA()
    authority.cert_pem.write_to_path(str(folder / "ca.pem"))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("127.0.0.1").configure_cert(context)
    return context, folder / "ca.pem"


def test_a_certificate_of_ones_own_authority_is_taken(
    authority: tuple[ssl.SSLContext, Path],
) -> None:
    context, ca = authority
    with serving(201, tls=context) as url:
        assert deliver(url, "t", ID, b"x", ca=ca, timeout=5).acknowledged


def test_a_certificate_that_nobody_vouches_for_is_refused(
    authority: tuple[ssl.SSLContext, Path], tmp_path: Path
) -> None:
    context, _ = authority
    trustme.CA().cert_pem.write_to_path(str(tmp_path / "other.pem"))
    with serving(201, tls=context) as url:
        wrong = deliver(url, "t", ID, b"x", ca=tmp_path / "other.pem", timeout=5)
        system = deliver(url, "t", ID, b"x", timeout=5)
    assert wrong.kind is Kind.TLS
    assert system.kind is Kind.TLS
    assert "--ca FILE" in system.reason


def test_a_ca_file_that_is_not_there_is_told(tmp_path: Path) -> None:
    outcome = deliver("https://127.0.0.1:9", "t", ID, b"x", ca=tmp_path / "none.pem", timeout=1)
    assert outcome.kind is Kind.TLS


@pytest.mark.parametrize(
    "url", ["http://collector.example", "ftp://x", "https://", "https://u:p@x", "https://x:99999"]
)
def test_an_unsafe_address_is_refused_before_anything_is_sent(url: str) -> None:
    with pytest.raises(DeliveryError):
        check_url(url)


def test_plain_http_is_for_loopback(tmp_path: Path) -> None:
    assert check_url("http://localhost:1/") == "http://localhost:1"
    assert check_url("http://[::1]:1") == "http://[::1]:1"


def test_a_token_comes_from_file_or_environment_and_is_plain(tmp_path: Path) -> None:
    path = tmp_path / "token"
    path.write_text("abc\r\n")
    assert read_token(path, {}) == "abc"
    assert read_token(None, {"IOCSWEEP_TOKEN": " x "}) == "x"
    for bad in ("", "a\nX-Evil: 1", "ä", "x" * 5000):
        path.write_text(bad)
        with pytest.raises(DeliveryError):
            read_token(path, {})
    with pytest.raises(DeliveryError, match="none"):
        read_token(tmp_path / "none", {})


def test_the_spool_keeps_what_it_was_given_until_it_is_done(tmp_path: Path) -> None:
    spool = Spool(tmp_path / "spool")
    path = spool.put(ID, b"{}")
    assert gzip.decompress(spool.read(ID)) == b"{}"
    assert spool.pending() == [(ID, path)]
    assert (tmp_path / "spool").stat().st_mode & 0o777 == 0o700
    assert path.stat().st_mode & 0o077 == 0
    spool.done(ID)
    assert spool.pending() == []
    with pytest.raises(SpoolError):
        spool.read(ID)


@pytest.mark.parametrize("name", ["../x", "", "a" * 36, ID.upper() + "x", "/etc/passwd"])
def test_an_id_that_is_a_path_is_refused(tmp_path: Path, name: str) -> None:
    with pytest.raises(SpoolError, match="is no report id"):
        Spool(tmp_path).put(name, b"")


def test_a_full_spool_says_so(tmp_path: Path) -> None:
    spool = Spool(tmp_path / "s", max_bytes=100)
    with pytest.raises(SpoolError, match="full, 0 of 100 bytes used"):
        spool.put(ID, os.urandom(500))


def test_a_spool_in_the_place_of_a_file_says_so(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(SpoolError, match="file"):
        Spool(tmp_path / "file")


def test_strangers_in_the_spool_are_left_alone(tmp_path: Path) -> None:
    spool = Spool(tmp_path / "s")
    (tmp_path / "s" / "readme.json.gz").write_text("x")
    assert spool.pending() == []


def test_sending_stops_when_the_collector_cannot_be_had(tmp_path: Path) -> None:
    spool = Spool(tmp_path / "s")
    for number in range(3):
        spool.put(str(uuid.UUID(int=number)), b"{}")
    with serving(503) as url:
        assert [o.kind for _, o in send_pending(spool, url, "t", timeout=5)] == [Kind.BUSY]
    with serving(409) as url:
        assert [o.kind for _, o in send_pending(spool, url, "t", timeout=5)] == [Kind.CONFLICT] * 3
    assert len(spool.pending()) == 3
    with serving(200) as url:
        assert all(o.acknowledged for _, o in send_pending(spool, url, "t", timeout=5))
    assert spool.pending() == []
