"""The server's HTTP: reports in, pages and figures out.

Reports take the short way, a plain ASGI function: it is the one path that a fleet takes, and
routing and middleware cost as much there as reading the report. Everything else is Starlette.
"""

from __future__ import annotations

import asyncio
import logging
import random
import time
from collections.abc import AsyncIterator, Awaitable, Callable, MutableMapping
from contextlib import asynccontextmanager
from typing import Any

import msgspec
from msgspec import Struct
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.routing import Route

from agent import __version__
from agent.output.escape import shown

from . import pages
from .expiry import CertificateEnd
from .following import AuditFollower
from .health import Health
from .indexing import Fresh, Indexer, received
from .intake import MAX_BODY, MAX_JSON, Arrival, Refused
from .metrics import Metrics
from .openapi import document
from .outputs.runner import OutputRunner
from .pages.counters import Counters
from .pages.site import HEADERS as SAFE_HEADERS
from .protocol import COME, WHOLE
from .receiving import Receiving
from .records import Counts, Token
from .reopening import Reopener
from .searchable import Searchable
from .store.database import Busy, StoreError, Unstorable
from .store.store import Store, now_ms
from .sweep_keys import KeysOfSweeps
from .tokens import Tokens, bearer

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]

REPORTS = "/v1/reports/"
HEAD_S = 15.0
"""For a request's head to arrive on a connection."""
BODY_S = 60.0
"""For a whole body to arrive; a slow sender must not hold a connection for ever."""
MAX_HEAD = 64 << 10
"""Bytes of a request's head."""
MAX_TOLD = 50
"""Sweeps that the figures tell of, the latest."""
MAX_HERE = 16 << 10
"""Bytes of a body that is read in this process; larger ones keep all connections waiting."""
ELSEWHERE = "this report is kept for another sweep, by whose token it came first"
_KINDS = {
    400: "broken",
    401: "token",
    405: "method",
    408: "too slow",
    413: "too large",
    415: "encoding",
    422: "no report",
}
_LOG = logging.getLogger("collector")


class Limits(Struct, frozen=True, kw_only=True):
    """Bounds, in bytes and seconds."""

    max_body: int = MAX_BODY
    max_json: int = MAX_JSON
    max_head: int = MAX_HEAD
    head_s: float = HEAD_S
    body_s: float = BODY_S


class TooSlow(Exception):
    """The body did not arrive in time."""


class Reports:
    """``POST /v1/reports/{report_id}``: answered only after the commit."""

    def __init__(self, store: Store, metrics: Metrics, limits: Limits, fresh: Fresh) -> None:
        self._store = store
        self._fresh = fresh
        self._metrics = metrics
        self._limits = limits
        self._tokens = Tokens(store, "sweep")
        self._keys = KeysOfSweeps(store)
        self.receiving = Receiving(store.database.form, max_json=limits.max_json)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        started = time.monotonic()
        given: dict[bytes, bytes] = dict(scope["headers"])
        status, answer, more = await self._answer(scope, given, receive)
        self._metrics.results[answer["result"]].inc()
        if status >= 400:
            self._metrics.refuse(_kind(status, answer))
        if status < 300:
            self._metrics.acknowledged.observe(time.monotonic() - started)
        body = msgspec.json.encode(answer)
        # What is left of a refused body is read and dropped, within its time. To close with bytes
        # unread resets the connection, and an agent that still sends would never see this answer.
        if status == 408 or b"expect" in given:
            more.append((b"connection", b"close"))
        length = (b"content-length", b"%d" % len(body))
        headers = [(b"content-type", b"application/json"), length, *more]
        whole = scope.get("extensions", {}).get(WHOLE)
        if whole is not None and whole(status, headers, body):
            return
        await send({"type": "http.response.start", "status": status, "headers": headers})
        await send({"type": "http.response.body", "body": body})

    async def _answer(
        self, scope: Scope, headers: dict[bytes, bytes], receive: Receive
    ) -> tuple[int, dict[str, str], list[tuple[bytes, bytes]]]:
        source = scope["client"][0] if scope.get("client") else ""
        try:
            if scope["method"] != "POST":
                return 405, _refusal("reports are brought by POST"), [(b"allow", b"POST")]
            token = await self._tokens.of(bearer(headers.get(b"authorization")))
            if token is None or token.sweep_id is None:
                _LOG.warning("report refused", extra={"status": 401, "source": source})
                challenge = (b"www-authenticate", b"Bearer")
                return 401, _refusal("no valid token of a sweep"), [challenge]
            result = await self._keep(scope, headers, receive, token, source)
        except Refused as error:
            why = str(error)
            _LOG.warning(
                "report refused", extra={"status": error.status, "source": source, "why": why}
            )
            return error.status, _refusal(why), []
        except TooSlow:
            return 408, _refusal("the body did not arrive in time"), []
        except Busy as error:
            # Apart, so that those told at one moment do not come back at one moment.
            later = error.retry_after_s + random.randint(0, 5 + error.retry_after_s)  # noqa: S311
            return 503, _refusal("busy"), [(b"retry-after", str(later).encode())]
        except Unstorable as error:
            return 422, _refusal(shown(str(error))), []
        except StoreError as error:
            _LOG.error("a report could not be kept: %s", error)
            later = random.randint(5, 30)  # noqa: S311
            return 503, _refusal("the store is down"), [(b"retry-after", str(later).encode())]
        if result == "elsewhere":
            # To say "known" would make the agent forget a report that this sweep never counted.
            return 409, _refusal(ELSEWHERE), []
        status = {"new": 201, "known": 200, "conflict": 409}[result]
        return status, {"result": result, "report_id": _report_id(scope)}, []

    async def _keep(
        self, scope: Scope, headers: dict[bytes, bytes], receive: Receive, token: Token, source: str
    ) -> str:
        assert token.sweep_id is not None
        body = await self._body(scope, headers, receive)
        self._metrics.bytes.inc(len(body))
        keys = await self._keys.all_of(token.sweep_id)
        arrival = Arrival(
            report_id=_report_id(scope),
            sweep_id=token.sweep_id,
            body=body,
            encoding=headers.get(b"content-encoding", b"").decode("latin-1").strip().lower(),
            content_type=headers.get(b"content-type", b"").decode("latin-1"),
            source=source,
            received=now_ms(),
            keys=keys.valid,
            revoked=keys.revoked,
        )
        if len(body) > MAX_HERE:
            report, rows = await self.receiving.read(arrival)
        else:
            form = self._store.database.form
            report, rows = received(arrival, form, max_json=self._limits.max_json)
        kept = await self._fresh.room(rows.count) if rows.count else 0
        try:
            result = await self._store.put(report)
            if result == "new":
                if report.signature.startswith("wrong"):
                    _LOG.warning(
                        "a report is not as it was signed",
                        extra={"report": report.report_id, "source": source,
                               "why": report.signature},
                    )  # fmt: skip
                self._fresh.offer(report, rows, kept)
                kept = 0
        finally:
            self._fresh.give_back(kept)
        if result in ("conflict", "elsewhere"):
            _LOG.warning(
                "another report under a known id" if result == "conflict" else ELSEWHERE,
                extra={"report": report.report_id, "source": source},
            )
        return result

    async def _body(self, scope: Scope, headers: dict[bytes, bytes], receive: Receive) -> bytes:
        limit = self._limits.max_body
        stated = headers.get(b"content-length", b"")
        if stated.isdigit() and int(stated) > limit:
            raise Refused(413, f"a body is at most {limit} bytes")
        come = scope.get("extensions", {}).get(COME)
        body: bytes | None = None if come is None else come()
        if body is None:
            return await _in_time(_read(receive, limit), self._limits.body_s)
        if len(body) > limit:
            raise Refused(413, f"a body is at most {limit} bytes")
        return body


async def _in_time(work: Awaitable[bytes], seconds: float) -> bytes:
    """As asyncio.wait_for, without a task of its own per request. Raises TooSlow."""
    task, late = asyncio.current_task(), False
    assert task is not None

    def stop() -> None:
        nonlocal late
        late = True
        task.cancel()

    timer = asyncio.get_running_loop().call_later(seconds, stop)
    try:
        return await work
    except asyncio.CancelledError as error:
        if not late:
            raise
        if hasattr(task, "uncancel"):  # Python 3.11 counts them
            task.uncancel()
        raise TooSlow from error
    finally:
        timer.cancel()


async def _read(receive: Receive, limit: int) -> bytes:
    parts: list[bytes] = []
    size = 0
    while True:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise Refused(400, "the sender went away")
        part = message.get("body", b"")
        size += len(part)
        if size > limit:
            raise Refused(413, f"a body is at most {limit} bytes")
        parts.append(part)
        if not message.get("more_body", False):
            return parts[0] if len(parts) == 1 else b"".join(parts)


async def _no_such_page(_: Request, error: Exception) -> Response:
    """For addresses and methods that there are none of: locked down like every page."""
    assert isinstance(error, HTTPException)
    headers = {**SAFE_HEADERS, **(error.headers or {})}
    return PlainTextResponse(f"{error.detail}\n", error.status_code, headers)


def _report_id(scope: Scope) -> str:
    path: str = scope["path"]
    return path.removeprefix(REPORTS)


def _kind(status: int, answer: dict[str, str]) -> str:
    """As :data:`~collector.metrics.REFUSALS` has it."""
    if status == 409:
        if answer["result"] == "conflict":
            return "another report of this id"
        return "of another sweep" if answer["why"] == ELSEWHERE else "another schema"
    if status == 503:
        return "busy" if answer["why"] == "busy" else "store"
    return _KINDS[status]


def _refusal(why: str) -> dict[str, str]:
    return {"result": "refused", "why": why}


class Collector:
    """The ASGI application."""

    def __init__(
        self,
        store: Store,
        *,
        key: bytes,
        secure: bool,
        runners: list[OutputRunner] | None = None,
        limits: Limits | None = None,
        certificate: CertificateEnd | None = None,
    ) -> None:
        """``key`` signs the pages' cookies; ``secure``: reached by TLS, with this certificate."""
        self.store = store
        self.metrics = Metrics()
        self._certificate = certificate
        if certificate is not None:
            self.metrics.certificate_ends(certificate.until / 1000)
        self._runners = runners or []
        self.metrics.watch(lambda: [runner.figures() for runner in runners or []])
        self._health_of = Health(store)
        self._readers = Tokens(store, "reader")
        self._fresh = Fresh()
        self._counters = Counters(store, now_ms)
        self._reports = Reports(store, self.metrics, limits or Limits(), self._fresh)
        self._rest = Starlette(
            routes=[
                Route("/healthz", self._health),
                Route("/metrics", self._figures),
                Route("/openapi.json", self._description),
                *pages.routes(
                    store,
                    key,
                    secure=secure,
                    notice=certificate.notice if certificate is not None else str,
                    refused=lambda: self.metrics.refuse("log-in"),
                ),
            ],
            lifespan=self._lifespan,
            exception_handlers={HTTPException: _no_such_page},
        )

    def __call__(self, scope: Scope, receive: Receive, send: Send) -> Awaitable[None]:
        if scope["type"] == "http" and scope["path"].startswith(REPORTS):
            return self._reports(scope, receive, send)
        return self._rest(scope, receive, send)

    @asynccontextmanager
    async def _lifespan(self, _: Starlette) -> AsyncIterator[None]:
        tasks = [
            asyncio.create_task(Indexer(self.store, self._fresh).run()),
            asyncio.create_task(AuditFollower(self.store).run()),
            asyncio.create_task(Searchable(self.store, self._fresh).run()),
            asyncio.create_task(Reopener(self.store).run()),
        ]
        if self._certificate is not None:
            tasks.append(asyncio.create_task(self._certificate.watch()))
        for runner in self._runners:
            runner.start()
        try:
            yield
        finally:
            for runner in self._runners:
                await runner.stop()
            await self._reports.receiving.close()
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
            await self.store.database.close()

    async def _health(self, _: Request) -> Response:
        if why := await self._health_of.why_not():
            _LOG.error("not healthy: %s", why)
            return JSONResponse({"status": "down"}, status_code=503)
        return JSONResponse({"status": "ok", "version": __version__})

    async def _figures(self, request: Request) -> Response:
        """For a reader's token, as the figures tell how many hosts are hit."""
        value = request.headers.get("authorization")
        try:
            token = await self._readers.of(bearer(value.encode("latin-1") if value else None))
        except StoreError:
            return PlainTextResponse("the store is down\n", status_code=503)
        if token is None:
            return PlainTextResponse(
                "a reader's token is needed\n", 401, {"www-authenticate": "Bearer"}
            )
        self.metrics.waiting.set(self.store.database.waiting)
        try:
            self.metrics.tell_hosts(await self._standing(token))
        except StoreError:
            return PlainTextResponse("the store is down\n", status_code=503)
        return Response(self.metrics.text(), media_type="text/plain; version=0.0.4; charset=utf-8")

    async def _standing(self, token: Token) -> list[tuple[str, Counts]]:
        """The counters of the latest sweeps, of one alone for a token that is of it."""
        every = await self.store.sweeps()
        sweeps = [one for one in every if token.sweep_id in (None, one.sweep_id)][:MAX_TOLD]
        return [(one.sweep_id, await self._counters.counts(one.sweep_id)) for one in sweeps]

    async def _description(self, _: Request) -> Response:
        return JSONResponse(document())
