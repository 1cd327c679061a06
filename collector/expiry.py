"""When the server's certificate ends, told in time: in the log, on the pages, to Prometheus."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from datetime import datetime, timezone
from pathlib import Path

from .certificate import AUTHORITY, WARNED, end_of, read_chain
from .store.store import now_ms

DAY_S = 86400
_LOG = logging.getLogger("collector.certificate")


class CertificateEnd:
    """Of one server, as it was when it began to serve."""

    def __init__(self, until: int, path: str, clock: Callable[[], int] = now_ms) -> None:
        """``until``: milliseconds UTC; ``path``: of the certificate, for people."""
        self.until = until
        self._path = path
        self._clock = clock

    @classmethod
    def of(cls, certificate: Path) -> CertificateEnd | None:
        """None for a file that OpenSSL reads and we do not. Raises OSError."""
        beside = certificate.with_name(AUTHORITY)
        try:
            chain = read_chain(certificate)
            authorities = read_chain(beside) if beside.is_file() else []
        except ValueError as error:
            _LOG.warning("%s; when it ends is not watched", error)
            return None
        return cls(int(end_of(chain, authorities).timestamp() * 1000), str(certificate))

    def notice(self) -> str:
        """What people are to be told now; empty while there is time."""
        left = self.until - self._clock()
        if left > WARNED.total_seconds() * 1000:
            return ""
        when = datetime.fromtimestamp(self.until / 1000, timezone.utc)
        days = left // (DAY_S * 1000)
        ends = (
            f"ended on {when:%Y-%m-%d %H:%M} UTC: no agent takes it"
            if left <= 0
            else f"ends on {when:%Y-%m-%d}, in {days} day{'' if days == 1 else 's'}"
        )
        return (
            f"The certificate of this server {ends}. If `iocsweep-collector certificate` made it,"
            " `certificate --renew` makes the next."
        )

    async def watch(self) -> None:
        """Say so in the log at once and every day, until it is cancelled."""
        while True:
            if words := self.notice():
                _LOG.warning("%s %s", words, self._path)
            await asyncio.sleep(DAY_S)
