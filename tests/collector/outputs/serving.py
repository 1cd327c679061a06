"""A destination of our own on loopback: answers as told, and remembers what it was sent."""

from __future__ import annotations

import gzip
import json
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any


@dataclass
class Request:
    method: str
    path: str
    headers: dict[str, str]
    raw: bytes

    @property
    def body(self) -> bytes:
        packed = self.headers.get("content-encoding") == "gzip"
        return gzip.decompress(self.raw) if packed else self.raw

    @property
    def lines(self) -> list[Any]:
        return [json.loads(line) for line in self.body.splitlines()]


@dataclass
class Response:
    status: int = 200
    body: Any = None
    headers: dict[str, str] = field(default_factory=dict)


Answer = Callable[[Request], Response]


@dataclass
class Destination:
    url: str
    requests: list[Request]
    answer: Answer


@contextmanager
def serving(answer: Answer) -> Iterator[Destination]:
    """Runs until the block ends; ``destination.answer`` may be changed on the way."""
    destination = Destination("", [], answer)

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            raw = self.rfile.read(int(self.headers.get("Content-Length", 0)))
            headers = {name.lower(): value for name, value in self.headers.items()}
            request = Request(self.command, self.path, headers, raw)
            destination.requests.append(request)
            response = destination.answer(request)
            text = (
                response.body
                if isinstance(response.body, bytes)
                else json.dumps(response.body).encode()
            )
            if response.status == 204:
                text = b""
            self.send_response(response.status)
            for name, value in response.headers.items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(text)))
            self.end_headers()
            self.wfile.write(text)

        do_POST = do_PUT = do_GET  # noqa: N815

        def log_message(self, *_: Any) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
    thread.start()
    destination.url = f"http://127.0.0.1:{server.server_address[1]}"
    try:
        yield destination
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
