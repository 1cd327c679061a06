"""A JSON POST when a host reports its first hit of a sweep.

Once per host and sweep: the runner passes on only the report with the lowest number among the
host's reports with a strong or confirmed finding (so the order of commits decides, and a restart
changes nothing); it may come twice if the collector is killed between the receiver's answer and
the cursor's move, with the same ``X-Iocsweep-Delivery``. A hit that was suppressed before still
counts as the first.

Signature, as with Stripe's and GitHub's webhooks: ``X-Iocsweep-Signature: t=UNIXTIME,v1=HEX`` where
HEX is HMAC-SHA256 of ``UNIXTIME.BODY`` under the shared secret. A receiver refuses old times.
"""

from __future__ import annotations

import hashlib
import hmac
import time
from collections.abc import Callable, Sequence

import msgspec

from agent.model.report import Strength
from agent.output.mapping import webhook

from .dead_letter import DeadLetters
from .http import Http, Unreachable
from .output import Item, TryAgain, by_report
from .secret import Secret

_REFUSED = frozenset({400, 413, 422})
"""The receiver will never take this one; everything else may be put right."""


class Webhook:
    """See :class:`~.output.Output`."""

    first_hits = True

    def __init__(
        self,
        name: str,
        http: Http,
        dead_letters: DeadLetters,
        *,
        url: str,
        secret: Secret,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self.name = name
        self.weakest = Strength.STRONG
        self._http = http
        self._dead_letters = dead_letters
        self._url = url
        self._secret = secret
        self._clock = clock
        self._dead = 0

    @property
    def dead(self) -> int:
        return self._dead

    async def send(self, items: Sequence[Item]) -> None:
        position = 0
        for group in by_report(items):
            report = group[0].report
            payload = webhook.payload(report)
            body = msgspec.json.encode(payload)
            headers = {
                "Content-Type": "application/json",
                "X-Iocsweep-Delivery": group[0].id,
                "X-Iocsweep-Signature": signature(self._secret, int(self._clock()), body),
            }
            try:
                answer = await self._http.post(self._url, body, headers)
            except Unreachable as error:
                raise TryAgain(str(error), items[position:]) from error
            if answer.status in _REFUSED:
                self._dead += len(group)
                self._dead_letters.bury(group[0], answer.reason(), payload)
            elif not answer.ok:
                raise TryAgain(
                    answer.reason(), items[position:], retry_after_s=answer.retry_after_s
                )
            position += len(group)

    async def close(self) -> None:
        await self._http.close()


def signature(secret: Secret, unix_time: int, body: bytes) -> str:
    """The header's value."""
    signed = b"%d." % unix_time + body
    code = hmac.new(secret.reveal().encode(), signed, hashlib.sha256).hexdigest()
    return f"t={unix_time},v1={code}"
