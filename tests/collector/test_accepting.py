"""Where the server listens, and what becomes of it when no file is left."""

from __future__ import annotations

import asyncio
import errno
import logging
import socket
from typing import Any

import pytest
import uvicorn

from collector import accepting
from collector.accepting import Accepting, bind
from collector.crowd import Crowd, Room


def test_a_name_is_listened_at_where_it_has_an_address(monkeypatch: pytest.MonkeyPatch) -> None:
    places: list[Any] = []

    def listening(*arguments: Any) -> socket.socket:
        places.append(arguments[3])
        if ":" in arguments[3][0]:
            raise OSError(errno.EADDRNOTAVAIL, "no IPv6 here")
        return made(*arguments)

    async def both(*_: object, **__: object) -> list[Any]:
        kind = (socket.SOCK_STREAM, 6, "")
        return [
            (socket.AF_INET6, *kind, ("::1", 0, 0, 0)), (socket.AF_INET, *kind, ("127.0.0.1", 0))
        ]  # fmt: skip

    async def work() -> list[socket.socket]:
        monkeypatch.setattr(asyncio.get_running_loop(), "getaddrinfo", both)
        return await bind("localhost", 0, 8)

    made = accepting._listening
    monkeypatch.setattr(accepting, "_listening", listening)
    (found,) = asyncio.run(work())
    assert [place[0] for place in places] == ["::1", "127.0.0.1"]
    assert found.getsockname()[0] == "127.0.0.1"
    found.close()


def test_an_address_of_somebody_else_is_an_error() -> None:
    with pytest.raises(OSError, match="assign"):
        asyncio.run(bind("192.0.2.1", 0, 8))


class NoFiles:
    """A listener in a process that has no file left."""

    def __init__(self) -> None:
        self.asked = 0

    def fileno(self) -> int:
        return 0

    def accept(self) -> Any:
        self.asked += 1
        raise OSError(errno.EMFILE, "Too many open files")


def test_without_a_file_it_says_so_and_waits(caplog: pytest.LogCaptureFixture) -> None:
    listener: Any = NoFiles()
    later: list[float] = []

    async def work() -> None:
        loop = asyncio.get_running_loop()
        server = Accepting(uvicorn.Config("x:y"), Crowd(Room(served=8, told=2, per_address=8)), 1.0)
        removed: list[object] = []
        loop.remove_reader = removed.append  # type: ignore[assignment,method-assign]
        loop.call_later = lambda s, *_: later.append(s)  # type: ignore[assignment,method-assign]
        server._accept(listener)
        assert removed == [listener]
        del loop.remove_reader, loop.call_later

    with caplog.at_level(logging.ERROR):
        asyncio.run(work())
    assert (listener.asked, later) == (1, [accepting.PAUSE_S])
    assert "Too many open files" in caplog.text
