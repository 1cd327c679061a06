"""A server with outputs: what it sends, and what it tells of them."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from msgspec import structs

from tests.collector.outputs.reporting import report
from tests.collector.outputs.serving import Destination, Response, serving
from tests.collector.server import Serve, serve, wait_for

__all__ = ["serve"]
pytestmark = pytest.mark.server


@pytest.fixture
def receiver() -> Iterator[Destination]:
    with serving(lambda _: Response(204)) as destination:
        yield destination


@pytest.fixture
def outputs(receiver: Destination, tmp_path: Path) -> Path:
    (tmp_path / "secret").write_text("shared")
    path = tmp_path / "outputs.yaml"
    path.write_text(
        f"outputs: {{chat: {{type: webhook, url: '{receiver.url}', secret_file: {tmp_path}/secret}}}}"
    )
    return path


def test_a_hit_calls_with_a_link_that_readers_can_follow(
    serve: Serve, outputs: Path, receiver: Destination
) -> None:
    server = serve("--outputs", str(outputs), "--public-url", "https://sweep.corp.example:8440")
    one = structs.replace(report("018f6a3c-9a5e-7c11-8a83-5a1f5b3c9d11"), sweep_id=None)
    assert server.send(one).status_code == 201
    wait_for(lambda: bool(receiver.requests), lambda: "nothing came")
    link = json.loads(receiver.requests[0].body)["link"]
    host, path = link[:31], link[31:]
    assert host == "https://sweep.corp.example:8440"
    assert server.get(path, token=server.reader_token).status_code == 200
