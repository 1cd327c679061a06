"""The HTTP that outputs use: verified, unredirected, bounded."""

from __future__ import annotations

import contextlib
import ssl
import threading
import time
from collections.abc import Iterator
from datetime import datetime, timezone
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
import trustme

from collector.outputs import http
from collector.outputs.http import Http, Unreachable, check_url, retry_after

pytestmark = pytest.mark.anyio
NOW = datetime(2026, 11, 24, 14, 0, tzinfo=timezone.utc)


class Handler(BaseHTTPRequestHandler):
    def do_POST(self) -> None:
        if self.path == "/drip":
            self.send_response(200)
            self.end_headers()
            with contextlib.suppress(OSError):
                while True:
                    self.wfile.write(b" ")
                    time.sleep(0.05)
        size = 1000 if self.path == "/large" else 2
        self.send_response(302 if self.path == "/away" else 200)
        self.send_header("Location", "/elsewhere")
        self.send_header("Content-Length", str(size))
        self.end_headers()
        self.wfile.write(b"[" + b" " * (size - 2) + b"]")

    def log_message(self, *_: Any) -> None:
        pass


@pytest.fixture(scope="module")
def ca(tmp_path_factory: pytest.TempPathFactory) -> tuple[trustme.CA, Path]:
    authority = trustme.CA()
    path = tmp_path_factory.mktemp("ca") / "ca.pem"
    authority.cert_pem.write_to_path(path)
    return authority, path


@pytest.fixture(scope="module")
def server(ca: tuple[trustme.CA, Path]) -> Iterator[int]:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    ca[0].issue_cert("127.0.0.1").configure_cert(context)
    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.socket = context.wrap_socket(server.socket, server_side=True)
    thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
    thread.start()
    yield server.server_address[1]
    server.shutdown()
    server.server_close()


async def post(port: int, path: str = "/", host: str = "127.0.0.1", **settings: Any) -> http.Answer:
    client = Http(timeout_s=5, **settings)
    try:
        return await client.post(f"https://{host}:{port}{path}", b"x", {})
    finally:
        await client.close()


async def test_a_certificate_of_the_own_authority_is_trusted(
    server: int, ca: tuple[trustme.CA, Path]
) -> None:
    assert (await post(server, ca_file=str(ca[1]))).body == []


async def test_a_certificate_nobody_vouches_for_is_not(server: int) -> None:
    with pytest.raises(Unreachable, match="CERTIFICATE_VERIFY_FAILED"):
        await post(server)


async def test_nor_is_one_of_another_name(server: int, ca: tuple[trustme.CA, Path]) -> None:
    with pytest.raises(Unreachable, match="CERTIFICATE_VERIFY_FAILED"):
        await post(server, host="localhost", ca_file=str(ca[1]))


async def test_redirects_are_not_followed(server: int, ca: tuple[trustme.CA, Path]) -> None:
    answer = await post(server, "/away", ca_file=str(ca[1]))
    assert answer.status == 302
    assert not answer.ok


async def test_an_endless_answer_is_cut_off(
    server: int, ca: tuple[trustme.CA, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(http, "MAX_ANSWER", 500)
    with pytest.raises(Unreachable, match="longer than 500"):
        await post(server, "/large", ca_file=str(ca[1]))


async def test_an_answer_a_byte_at_a_time_is_given_up(
    server: int, ca: tuple[trustme.CA, Path]
) -> None:
    client = Http(ca_file=str(ca[1]), timeout_s=0.2)
    with pytest.raises(Unreachable, match="no whole answer within"):
        await client.post(f"https://127.0.0.1:{server}/drip", b"", {})
    await client.close()


async def test_proxies_of_the_environment_are_not_used(
    server: int, ca: tuple[trustme.CA, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HTTPS_PROXY", "http://127.0.0.1:9")
    monkeypatch.setenv("SSL_CERT_FILE", "/nonexistent")
    assert (await post(server, ca_file=str(ca[1]))).ok


@pytest.mark.parametrize(
    ("value", "seconds"),
    [
        ("7", 7), ("0", 0), ("999999", 3600), ("", None), ("soon", None), ("-5", None),
        ("Tue, 24 Nov 2026 14:01:00 GMT", 60), ("Tue, 24 Nov 2026 13:00:00 GMT", 0),
        ("Tue, 24 Nov 2099 13:00:00 GMT", 3600),
    ],
)  # fmt: skip
def test_retry_after_is_read_as_seconds_or_a_date(value: str, seconds: float | None) -> None:
    assert retry_after(value, NOW) == seconds


@pytest.mark.parametrize(
    "url",
    ["http://siem.example", "ftp://x", "siem.example:8088", "https://u:p@siem.example", "https://"],
)
def test_addresses_that_are_not_safe_are_refused(url: str) -> None:
    with pytest.raises(ValueError):
        check_url(url)


@pytest.mark.parametrize("url", ["http://127.0.0.1:9", "http://[::1]:9", "https://siem.example/x"])
def test_safe_addresses_are_taken(url: str) -> None:
    assert check_url(url + "/") == url


def test_plain_http_must_be_asked_for() -> None:
    assert check_url("http://es:9200", plain_http=True) == "http://es:9200"
