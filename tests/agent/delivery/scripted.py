"""A collector on loopback that answers by a script, a proxy in front of it, and a clock without time."""

from __future__ import annotations

import contextlib
import gzip
import json
import socket
import ssl
import struct
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest
from msgspec import Struct, structs

from agent.commands import send as sending
from agent.commands import sweep as sweeping
from agent.delivery import route
from agent.delivery.courier import Clock


class Answer(Struct):
    status: int
    headers: dict[str, str] = {}
    text: bytes = b""
    how: str = ""
    """``half``: hang up after half the body; ``early``: refuse before reading the body and hang up;
    ``mute``: take it all and hang up without a word."""


def acknowledgement(status: int, report_id: str) -> bytes:
    """What a collector says to 200 and 201."""
    result = {200: "known", 201: "new"}[status]
    return json.dumps({"result": result, "report_id": report_id}).encode()


class Received(Struct):
    report_id: str
    headers: dict[str, str]
    body: bytes

    @property
    def json(self) -> bytes:
        packed = self.headers.get("Content-Encoding") == "gzip"
        return gzip.decompress(self.body) if packed else self.body


class Scripted:
    """What it was sent whole, and what it has still to answer; 201 when the script is over."""

    def __init__(self) -> None:
        self.url = ""
        self.script: list[Answer] = []
        self.received: list[Received] = []
        self.asked = 0
        self.max_body: int | None = None
        """A longer one is refused by its Content-Length, as proxies do it."""

    def answers(self, *answers: Answer | int) -> None:
        self.script = [a if isinstance(a, Answer) else Answer(a) for a in answers]

    @property
    def ids(self) -> list[str]:
        return [received.report_id for received in self.received]


def _handler(server: Scripted) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            server.asked += 1
            answer = server.script.pop(0) if server.script else Answer(201)
            length = int(self.headers["Content-Length"])
            if server.max_body is not None and length > server.max_body:
                answer = Answer(413, how="early")
            if answer.how == "half":
                self.rfile.read(length // 2)
                self._hang_up()
                return
            if answer.how != "early":
                body = self.rfile.read(length)
                server.received.append(
                    Received(self.path.rpartition("/")[2], dict(self.headers), body)
                )
            if answer.how == "mute":
                self.close_connection = True
                return
            text = answer.text
            if answer.status in (200, 201) and not text:
                text = acknowledgement(answer.status, self.path.rpartition("/")[2])
            self.send_response(answer.status)
            for name, value in answer.headers.items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(text)))
            self.send_header("Connection", "close")
            self.end_headers()
            with contextlib.suppress(OSError):
                self.wfile.write(text)
            if answer.how == "early":
                self._hang_up()

        def _hang_up(self) -> None:
            """With a reset: what is under way is lost on both sides."""
            self.close_connection = True
            self.wfile.flush()
            self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            self.connection.close()

        def log_message(self, *arguments: object) -> None:
            pass

    return Handler


class _Quiet(ThreadingHTTPServer):
    daemon_threads = True

    def server_bind(self) -> None:
        """With little room: no sender is more than a few MiB ahead of what was read."""
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 64 << 10)
        super().server_bind()

    def handle_error(self, request: object, client_address: object) -> None:
        """A client that hangs up is part of the script."""


@contextlib.contextmanager
def scripted(tls: ssl.SSLContext | None = None, name: str = "127.0.0.1") -> Iterator[Scripted]:
    state = Scripted()
    server = _Quiet(("127.0.0.1", 0), _handler(state))
    if tls is not None:
        # The handshake belongs to the connection's thread, or one that stalls would stop them all.
        server.socket = tls.wrap_socket(
            server.socket, server_side=True, do_handshake_on_connect=False
        )
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    state.url = f"{'https' if tls else 'http'}://{name}:{server.server_address[1]}"
    try:
        yield state
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


@contextlib.contextmanager
def connect_proxy(target_port: int, *, drip: bool = False) -> Iterator[tuple[str, list[bytes]]]:
    """A CONNECT proxy to a port on loopback, whatever name was asked for; with ``drip`` its answer
    comes a byte now and then and never ends."""
    ended = threading.Event()
    seen: list[bytes] = []
    listening = socket.create_server(("127.0.0.1", 0))
    listening.settimeout(0.05)

    def pump(source: socket.socket, sink: socket.socket) -> None:
        with contextlib.suppress(OSError):
            while data := source.recv(65536):
                sink.sendall(data)
        with contextlib.suppress(OSError):
            sink.shutdown(socket.SHUT_WR)

    def one(client: socket.socket) -> None:
        with client, contextlib.suppress(OSError):
            head = b""
            while b"\r\n\r\n" not in head:
                head += client.recv(65536)
            seen.append(head)
            if drip:
                client.sendall(b"HTTP/1.1 200 OK\r\n")
                while not ended.wait(0.05):
                    client.sendall(b"X: y\r\n")
                return
            with socket.create_connection(("127.0.0.1", target_port)) as server:
                client.sendall(b"HTTP/1.1 200 OK\r\n\r\n")
                back = threading.Thread(target=pump, args=(server, client), daemon=True)
                back.start()
                pump(client, server)
                back.join(10)

    def serve() -> None:
        while not ended.is_set():
            with contextlib.suppress(TimeoutError):
                client, _ = listening.accept()
                client.settimeout(10)
                threading.Thread(target=one, args=(client,), daemon=True).start()

    thread = threading.Thread(target=serve)
    thread.start()
    try:
        yield f"http://127.0.0.1:{listening.getsockname()[1]}", seen
    finally:
        ended.set()
        thread.join()
        listening.close()


class StillClock:
    """Time passes only by sleeping; chance is always the most."""

    def __init__(self, chance: float = 1.0) -> None:
        self.time = 0.0
        self.slept: list[float] = []
        self._chance = chance

    def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.time += seconds

    @property
    def clock(self) -> Clock:
        return Clock(now=lambda: self.time, sleep=self.sleep, chance=lambda: self._chance)


def without_time(clock: StillClock, monkeypatch: pytest.MonkeyPatch) -> None:
    """Lets the commands deliver by this clock."""
    route_of = route.route_of

    def timed(*arguments: Any) -> Any:
        found = route_of(*arguments)
        return found and structs.replace(found, clock=clock.clock)

    monkeypatch.setattr(sweeping, "route_of", timed)
    monkeypatch.setattr(sending, "route_of", timed)
