"""Microsoft Sentinel by the Logs Ingestion API, into our own table and the ASIM alert table.

Sources: Azure Monitor "Logs Ingestion API" (``POST {endpoint}/dataCollectionRules/{immutable id}/
streams/{stream}?api-version=2023-01-01``, a JSON array, 204 when taken) and "Azure Monitor service
limits" (1 MB per call before and after compression; 429 with Retry-After); Microsoft identity
platform "OAuth 2.0 client credentials flow" (``POST {login}/{tenant}/oauth2/v2.0/token``).

With two streams a batch that fails in the second is sent again to both: see ``DocumentId``.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from urllib.parse import quote, urlencode

import msgspec

from agent.model.report import Strength
from agent.output.mapping import sentinel
from agent.output.mapping.document import Document

from .batch import Encoded, encoded, items_of, packed
from .dead_letter import DeadLetters
from .http import Answer, Http, Unreachable
from .output import Item, Output, TryAgain
from .secret import Secret

MAX_BYTES = 900_000
"""Of one call before compression; the service's bound is 1 MB."""
MAX_ROWS = 500
SCOPE = "https://monitor.azure.com//.default"
_RENEW_BEFORE_S = 300.0
_KINDS = {"finding": sentinel.finding_row, "alert": sentinel.asim_alert_row}


class Sentinel(Output):
    """See :class:`~.output.Output`."""

    def __init__(
        self,
        name: str,
        http: Http,
        dead_letters: DeadLetters,
        *,
        endpoint: str,
        rule: str,
        tenant: str,
        client_id: str,
        client_secret: Secret,
        finding_stream: str | None = sentinel.CUSTOM_STREAM,
        alert_stream: str | None = None,
        login_url: str = "https://login.microsoftonline.com",
        weakest: Strength = Strength.WEAK,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        super().__init__(name, dead_letters, weakest)
        self._http = http
        streams = f"{endpoint}/dataCollectionRules/{quote(rule, safe='')}/streams"
        self._streams = [
            (kind, f"{streams}/{quote(stream, safe='')}?api-version=2023-01-01")
            for kind, stream in (("finding", finding_stream), ("alert", alert_stream))
            if stream
        ]
        self._token_url = f"{login_url}/{quote(tenant, safe='')}/oauth2/v2.0/token"
        self._client_id = client_id
        self._client_secret = client_secret
        self._clock = clock
        self._token: Secret | None = None
        self._token_until = 0.0

    async def send(self, items: Sequence[Item]) -> None:
        left = list(items)
        while left:
            batch, rest = left[:MAX_ROWS], left[MAX_ROWS:]
            for kind, url in self._streams:
                try:
                    await self._stream(kind, url, batch)
                except TryAgain as error:
                    raise TryAgain(
                        error.reason,
                        [*(error.left if kind == self._streams[-1][0] else batch), *rest],
                        retry_after_s=error.retry_after_s,
                    ) from error
            left = rest

    async def close(self) -> None:
        await self._http.close()

    async def _stream(self, kind: str, url: str, items: Sequence[Item]) -> None:
        rows = await encoded(items, lambda item: msgspec.json.encode(_row(kind, item)))
        todo = list(packed(rows, max_bytes=MAX_BYTES, max_items=MAX_ROWS, between=1))
        while todo:
            pack = todo.pop(0)
            body = b"[" + b",".join(one.data for one in pack) + b"]"
            try:
                answer = await self._post(url, body)
            except Unreachable as error:
                raise TryAgain(str(error), items_of([pack, *todo])) from error
            if answer.status == 413:
                todo[:0] = self._halves(kind, pack, answer)
            elif not answer.ok:
                raise TryAgain(
                    answer.reason(), items_of([pack, *todo]), retry_after_s=answer.retry_after_s
                )

    def _halves(self, kind: str, pack: list[Encoded], answer: Answer) -> list[list[Encoded]]:
        if len(pack) == 1:
            item = pack[0].item
            self.dead_letters.bury(item, answer.reason(), _row(kind, item))
            return []
        middle = len(pack) // 2
        return [pack[:middle], pack[middle:]]

    async def _post(self, url: str, body: bytes) -> Answer:
        answer = await self._post_with(await self._access_token(), url, body)
        if answer.status == 401:  # revoked, or the clocks differ: once more with a new one
            self._token = None
            answer = await self._post_with(await self._access_token(), url, body)
        return answer

    async def _post_with(self, token: Secret, url: str, body: bytes) -> Answer:
        headers = {"Authorization": f"Bearer {token.reveal()}", "Content-Type": "application/json"}
        return await self._http.post(url, body, headers, compress=True)

    async def _access_token(self) -> Secret:
        """Raises Unreachable, with the error's code when the login refuses."""
        if self._token is not None and self._clock() < self._token_until:
            return self._token
        form = {
            "grant_type": "client_credentials",
            "client_id": self._client_id,
            "client_secret": self._client_secret.reveal(),
            "scope": SCOPE,
        }
        answer = await self._http.post(
            self._token_url,
            urlencode(form).encode("ascii"),
            {"Content-Type": "application/x-www-form-urlencoded"},
        )
        body = answer.body if isinstance(answer.body, dict) else {}
        token = body.get("access_token")
        if answer.status != 200 or not isinstance(token, str) or not token.isascii():
            # Only the code: a login page may repeat what it was sent.
            code = str(body.get("error", ""))[:64]
            raise Unreachable(f"login: HTTP {answer.status} {code}".strip())
        lifetime = body.get("expires_in")
        seconds = float(lifetime) if isinstance(lifetime, int) else 3600.0
        self._token = Secret(token)
        self._token_until = self._clock() + max(seconds - _RENEW_BEFORE_S, 30.0)
        return self._token


def _row(kind: str, item: Item) -> Document:
    return _KINDS[kind](item.report, item.finding, limited=item.limits, signed=item.signed)
