"""CEF in RFC 5424 messages over TCP or TLS, octet-counted (RFC 6587 section 3.4.1, RFC 5425).

What may be lost: syslog has no acknowledgement. The cursor moves when the receiver's *system* has
taken every byte (on Linux the socket's send queue is asked until it is empty); what lies in the
receiver's socket unread when it is killed, or in its queue, is gone. A batch that broke off is sent
again whole, so a message may come twice: ``iocsweepDocumentId`` is the same. Before each batch the
connection is looked at: a peer that closed it (an idle firewall, a restart) is noticed before
anything is written into the void.

Runs in a thread on a blocking socket: ``sendall`` then knows what the system has taken.
"""

from __future__ import annotations

import asyncio
import contextlib
import socket
import ssl
import struct
import sys
import time
from collections.abc import Sequence

from agent.model.report import Strength
from agent.output.mapping import cef

from .dead_letter import DeadLetters
from .output import Item, Output, TryAgain

BATCH = 200
"""Messages between two looks at the connection."""
_POLL_S = 0.005
_WITHOUT_TLS = "is it a receiver of plain TCP? It takes tls: false"


class PeerClosed(OSError):
    """The receiver has closed the connection."""


class Syslog(Output):
    """See :class:`~.output.Output`."""

    def __init__(
        self,
        name: str,
        *,
        host: str,
        port: int,
        tls: ssl.SSLContext | None,
        weakest: Strength = Strength.WEAK,
        timeout_s: float = 30.0,
    ) -> None:
        super().__init__(name, DeadLetters(None, name), weakest)
        self._host = host
        self._port = port
        self._tls = tls
        self._timeout_s = timeout_s
        self._socket: socket.socket | None = None

    async def send(self, items: Sequence[Item]) -> None:
        for start in range(0, len(items), BATCH):
            try:
                await asyncio.to_thread(self._send, items[start : start + BATCH])
            except OSError as error:  # ssl.SSLError and timeouts are OSErrors
                self._drop()
                reason = f"{self._host}:{self._port}: {error.strerror or error}"
                raise TryAgain(reason, items[start:]) from error

    async def close(self) -> None:
        self._drop()

    def _send(self, items: Sequence[Item]) -> None:
        data = b"".join(
            frame(
                cef.syslog_message(
                    item.report, item.finding, limited=item.limits, signed=item.signed
                )
            )
            for item in items
        )
        connection = self._connected()
        connection.sendall(data)
        _flushed(connection, self._timeout_s)
        if _peer_closed(connection):
            raise PeerClosed("closed by the receiver while sending")

    def _connected(self) -> socket.socket:
        if self._socket is not None and _peer_closed(self._socket):
            self._drop()
        if self._socket is None:
            plain = socket.create_connection((self._host, self._port), timeout=self._timeout_s)
            try:
                plain.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
                self._socket = plain if self._tls is None else self._secured(plain, self._tls)
            except BaseException:
                plain.close()
                raise
        return self._socket

    def _secured(self, plain: socket.socket, context: ssl.SSLContext) -> ssl.SSLSocket:
        """Raises OSError; what answers without TLS, or not at all, is said with what to do."""
        try:
            return context.wrap_socket(plain, server_hostname=self._host)
        except TimeoutError as error:
            raise TimeoutError(f"no TLS within {self._timeout_s:g} s ({_WITHOUT_TLS})") from error
        except ssl.SSLError as error:
            if error.reason != "WRONG_VERSION_NUMBER":
                raise
            raise OSError(f"no TLS there ({_WITHOUT_TLS})") from error

    def _drop(self) -> None:
        connection, self._socket = self._socket, None
        if connection is not None:
            with contextlib.suppress(OSError):
                connection.shutdown(socket.SHUT_WR)
            connection.close()


def frame(message: str) -> bytes:
    """``MSG-LEN SP MSG``; the length in octets."""
    data = message.encode("utf-8")
    return b"%d %s" % (len(data), data)


def _peer_closed(connection: socket.socket) -> bool:
    """Whether an end of the stream, or a reset, is waiting to be read. A receiver sends no data."""
    before = connection.gettimeout()
    connection.settimeout(0)
    try:
        return connection.recv(1) == b""
    except (BlockingIOError, ssl.SSLWantReadError, ssl.SSLWantWriteError):
        return False
    except OSError:
        return True
    finally:
        connection.settimeout(before)


def _flushed(connection: socket.socket, timeout_s: float) -> None:
    """Until the peer's system has acknowledged every byte (Linux ``SIOCOUTQ``, tcp(7))."""
    if sys.platform != "linux":
        return
    import fcntl
    import termios

    end = time.monotonic() + timeout_s
    while True:
        answer = fcntl.ioctl(connection.fileno(), termios.TIOCOUTQ, struct.pack("i", 0))
        if struct.unpack("i", answer)[0] == 0:
            return
        if time.monotonic() > end:
            raise TimeoutError("the receiver takes nothing any more")
        time.sleep(_POLL_S)
