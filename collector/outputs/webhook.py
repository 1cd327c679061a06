"""A JSON POST when somebody should look: a host's first hit of a sweep, and the other alerts.

A hit once per host and sweep: the runner passes on only the report with the lowest number among the
host's reports with a strong or confirmed finding (so the order of commits decides, and a restart
changes nothing), and again the first with an open one after all before were suppressed. It may come
twice if the collector is killed between the receiver's answer and the cursor's move, with the same
``X-Iocsweep-Delivery``. The other events: :mod:`.alerts`.

Signature, as with Stripe's and GitHub's webhooks: ``X-Iocsweep-Signature: t=UNIXTIME,v1=HEX`` where
HEX is HMAC-SHA256 of ``UNIXTIME.BODY`` under the shared secret. A receiver refuses old times.
"""

from __future__ import annotations

import hashlib
import hmac
import time
from collections.abc import Callable, Iterable, Sequence
from datetime import datetime, timezone
from typing import Any

import msgspec

from agent.model.report import Strength
from agent.output.mapping import webhook

from .alerts import EVENTS, Alert, Alerting, Event, link
from .dead_letter import DeadLetters, Letter
from .http import Answer, Http, Unreachable
from .output import Item, TryAgain, by_report
from .secret import Secret

_REFUSED = frozenset({400, 413, 422})
"""The receiver will never take this one; everything else may be put right."""


class Webhook(Alerting):
    """See :class:`~.output.Output`."""

    def __init__(
        self,
        name: str,
        http: Http,
        dead_letters: DeadLetters,
        *,
        url: str,
        secret: Secret,
        events: Iterable[Event] = EVENTS,
        public_url: str = "",
        clock: Callable[[], float] = time.time,
    ) -> None:
        super().__init__(name, dead_letters, Strength.STRONG)
        self.events = frozenset(events)
        self._http = http
        self._url = url
        self._secret = secret
        self.public_url = public_url
        self._clock = clock
        self._together = 0

    @property
    def dead(self) -> int:
        return self.dead_letters.count + self._together

    async def send(self, items: Sequence[Item]) -> None:
        position = 0
        for group in by_report(items):
            report = group[0].report
            where = link(self.public_url, "reports", report.report_id)
            payload = webhook.payload(
                report, link=where, limited=group[0].limits, signed=group[0].signed
            )
            answer = await self._post(group[0].id, payload, items[position:])
            if answer.status in _REFUSED:
                self.dead_letters.bury(group[0], answer.reason(), payload)
                self._together += len(group) - 1
            position += len(group)

    async def alert(self, alert: Alert) -> None:
        where = link(self.public_url, *alert.path)
        payload = webhook.alert(
            alert.event, alert.text, sweep_id=alert.sweep_id, link=where, facts=alert.facts
        )
        await self.deliver(alert.id, payload)

    async def deliver(self, delivery: str, payload: Any) -> None:
        """One that is no report's: kept aside if it is refused. Raises TryAgain."""
        answer = await self._post(delivery, payload, [])
        if answer.status in _REFUSED:
            self.dead_letters.keep(
                Letter(
                    time=datetime.fromtimestamp(self._clock(), timezone.utc), output=self.name,
                    seq=0, document_id=delivery, reason=answer.reason(), document=payload,
                )
            )  # fmt: skip

    async def close(self) -> None:
        await self._http.close()

    async def _post(self, delivery: str, payload: Any, left: Sequence[Item]) -> Answer:
        """The receiver's last word. Raises TryAgain with what is left."""
        body = msgspec.json.encode(payload)
        headers = {
            "Content-Type": "application/json",
            "X-Iocsweep-Delivery": delivery,
            "X-Iocsweep-Signature": signature(self._secret, int(self._clock()), body),
        }
        try:
            answer = await self._http.post(self._url, body, headers)
        except Unreachable as error:
            raise TryAgain(str(error), left) from error
        if not answer.ok and answer.status not in _REFUSED:
            raise TryAgain(answer.reason(), left, retry_after_s=answer.retry_after_s)
        return answer


def signature(secret: Secret, unix_time: int, body: bytes) -> str:
    """The header's value."""
    signed = b"%d." % unix_time + body
    code = hmac.new(secret.reveal().encode(), signed, hashlib.sha256).hexdigest()
    return f"t={unix_time},v1={code}"
