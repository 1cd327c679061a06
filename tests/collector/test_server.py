"""The server as a fleet and its enemies meet it: a real process, a real socket."""

from __future__ import annotations

import gzip
import hashlib
import json
import os
import pwd
import re
import socket
import sqlite3
import ssl
import stat
import threading
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import requests
import trustme

from agent import __version__
from agent.model.codec import encode
from tests.collector.pages.seed import a_finding, a_report
from tests.collector.postgres_server import PostgresServer, postgres_server
from tests.collector.server import (
    CollectorServer,
    Serve,
    _serving,
    administer,
    free_port,
    one_answer,
    serve,
    server,
    statuses,
    until_closed,
    wait_for,
)

__all__ = ["postgres_server", "serve", "server"]

MIB = 1 << 20


@pytest.fixture(scope="module", params=["sqlite", "postgresql"])
def either(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[CollectorServer]:
    """A server on each engine."""
    database = ""
    if request.param == "postgresql":
        cluster: PostgresServer = request.getfixturevalue("postgres_server")
        database = cluster.create_database()
    for start in _serving(tmp_path_factory.mktemp(request.param)):
        yield start(database=database)


def is_well(server: CollectorServer) -> bool:
    """It still takes a report."""
    return server.send(a_report()).status_code == 201


def result(answer: requests.Response) -> tuple[int, str]:
    return answer.status_code, answer.json()["result"]


class TestReports:
    def test_a_report_is_new_once_and_known_ever_after(self, either: CollectorServer) -> None:
        report = a_report()
        assert result(either.send(report)) == (201, "new")
        assert [result(either.send(report)) for _ in range(3)] == [(200, "known")] * 3

    def test_the_answer_names_the_report(self, either: CollectorServer) -> None:
        report = a_report()
        for _ in range(2):
            assert either.send(report).json()["report_id"] == report.report_id

    def test_the_same_report_in_another_compression_is_known(self, either: CollectorServer) -> None:
        report = a_report()
        assert result(either.send(report)) == (201, "new")
        plain = either.ask(
            "POST", f"/v1/reports/{report.report_id}", token=either.sweep_token,
            headers={"Content-Type": "application/json"}, data=encode(report),
        )  # fmt: skip
        assert result(plain) == (200, "known")

    def test_another_report_under_a_known_id_is_refused_and_the_first_stays(
        self, either: CollectorServer
    ) -> None:
        first = a_report("WS-0421")
        replay = a_report("WS-9999", report_id=first.report_id)
        assert result(either.send(first)) == (201, "new")
        assert result(either.send(replay)) == (409, "conflict")
        kept = either.get(f"/reports/{first.report_id}.json", token=either.reader_token)
        assert kept.json()["host"]["name"] == "WS-0421"

    def test_a_report_of_another_sweep_is_refused_with_the_reason_not_called_known(
        self, either: CollectorServer
    ) -> None:
        report = a_report("WS-0421")
        assert result(either.send(report)) == (201, "new")
        token = either.run("sweep", "create", "Another", "--id", "another").stdout.split()[-1]
        answer = either.send(report, token=token)
        assert result(answer) == (409, "refused")
        assert "for another sweep" in answer.json()["why"]
        assert result(either.send(report)) == (200, "known")
        mine = a_report("WS-0422")
        assert [result(either.send(mine, token=token)) for _ in range(2)] == [
            (201, "new"), (200, "known")
        ]  # fmt: skip

    def test_what_was_sent_can_be_read_to_the_byte(self, either: CollectorServer) -> None:
        report = a_report("WS-0421", a_finding())
        assert either.send(report).status_code == 201
        kept = either.get(f"/reports/{report.report_id}.json", token=either.reader_token)
        assert kept.content == encode(report)

    def test_a_report_sent_by_twenty_at_once_is_new_to_one_of_them(
        self, either: CollectorServer
    ) -> None:
        report, answers = a_report(), []
        data, path = gzip.compress(encode(report)), f"/v1/reports/{report.report_id}"
        request = either.head(
            path, "Content-Encoding: gzip", f"Content-Length: {len(data)}", "Connection: close"
        )
        senders = [
            threading.Thread(target=lambda: answers.append(either.exchange(request + data)))
            for _ in range(20)
        ]
        for sender in senders:
            sender.start()
        for sender in senders:
            sender.join()
        assert sorted(statuses(b"".join(answers))) == [200] * 19 + [201]

    @pytest.mark.parametrize("schema", ["iocsweep.report/1", "iocsweep.report/2"])
    def test_what_is_no_report_is_refused_with_the_reason(
        self, either: CollectorServer, schema: str
    ) -> None:
        answer = either.send_bytes(str(uuid.uuid4()), f'{{"schema": "{schema}"}}'.encode())
        assert result(answer) == (422, "refused")
        assert "missing required field" in answer.json()["why"]

    def test_a_report_of_a_later_schema_waits_for_its_collector(
        self, either: CollectorServer
    ) -> None:
        answer = either.send_bytes(str(uuid.uuid4()), b'{"schema": "iocsweep.report/3"}')
        assert result(answer) == (409, "refused")
        assert answer.json()["why"] == (
            "a report of the schema iocsweep.report/3, not iocsweep.report/1 or iocsweep.report/2"
        )

    def test_hostile_strings_are_taken_and_shown_harmless(self, either: CollectorServer) -> None:
        name = "WS\0\x1b[31m\u202e\ud800<script>"
        report = a_report(name)
        assert result(either.send(report)) == (201, "new")
        page = either.get(f"/reports/{report.report_id}", token=either.reader_token)
        assert page.status_code == 200
        assert "<script>" not in page.text.replace("<script src", "")
        assert "\x1b" not in page.text


class TestTokens:
    @pytest.mark.parametrize(
        "header",
        [
            None,
            "",
            "Bearer",
            "Bearer ",
            "Bearer x",
            "Bearer {token}x",
            "Bearer {short}",
            "Bearer {lower}",
            "Bearer {reader}",
            "Basic {token}",
            "{token}",
            "Bearer {token} {token}",
            "Bearer " + "x" * 5000,
            "Bearer \xff\xfe",
            "Bearer ' OR 1=1 --",
        ],
    )
    def test_nothing_but_a_sweeps_whole_token_brings_reports(
        self, server: CollectorServer, header: str | None
    ) -> None:
        report = a_report()
        made = {"Content-Type": "application/json"}
        if header is not None:
            made["Authorization"] = header.format(
                token=server.sweep_token, short=server.sweep_token[:-1],
                lower=server.sweep_token.swapcase(), reader=server.reader_token,
            )  # fmt: skip
        path = f"/v1/reports/{report.report_id}"
        answer = server.ask("POST", path, headers=made, data=encode(report))
        assert result(answer) == (401, "refused")
        assert answer.headers["www-authenticate"] == "Bearer"
        assert (
            server.get(f"/reports/{report.report_id}", token=server.reader_token).status_code == 404
        )

    def test_the_scheme_is_read_in_any_case(self, server: CollectorServer) -> None:
        report = a_report()
        answer = server.ask(
            "POST", f"/v1/reports/{report.report_id}", data=encode(report),
            headers={"Authorization": f"bearer {server.sweep_token}",
                     "Content-Type": "application/json"},
        )  # fmt: skip
        assert answer.status_code == 201

    def test_a_large_body_without_a_token_is_told_so_all_the_same(
        self, server: CollectorServer
    ) -> None:
        answer = server.ask("POST", f"/v1/reports/{uuid.uuid4()}", data=bytes(8 * MIB))
        assert answer.status_code == 401

    def test_an_expired_token_opens_nothing(self, server: CollectorServer) -> None:
        for expires, status in (("1d", 201), ("1s", 401)):
            made = server.run("token", "create", "--sweep", "first", "--expires", expires)
            token = made.stdout.strip()
            wait_for(lambda: server.send(a_report(), token=token).status_code == status)  # noqa: B023

    def test_a_revoked_token_opens_nothing_soon(self, server: CollectorServer) -> None:
        token = server.run("token", "create", "--sweep", "first").stdout.strip()
        assert server.send(a_report(), token=token).status_code == 201
        digest = hashlib.sha256(token.encode()).hexdigest()
        assert server.run("token", "revoke", digest[:16]).returncode == 0
        wait_for(lambda: server.send(a_report(), token=token).status_code == 401)

    def test_a_token_made_beside_the_server_works_at_once(self, server: CollectorServer) -> None:
        made = server.run("sweep", "create", "A second question", "--id", "second")
        token = made.stdout.split()[-1]
        assert server.send(a_report(), token=token).status_code == 201

    def test_the_first_tokens_are_told_at_the_first_start_only(self, serve: Serve) -> None:
        server = serve()
        first = server.sweep_token
        assert first
        assert server.stop() == 0
        server.start()
        assert server.told() == ""
        assert server.send(a_report(), token=first).status_code == 201


class TestMethods:
    @pytest.mark.parametrize(
        "method", ["GET", "HEAD", "PUT", "DELETE", "PATCH", "OPTIONS", "TRACE"]
    )
    def test_reports_are_brought_by_post_only(self, server: CollectorServer, method: str) -> None:
        answer = server.ask(method, f"/v1/reports/{uuid.uuid4()}", token=server.sweep_token)
        assert answer.status_code == 405
        assert answer.headers["allow"] == "POST"
        assert is_well(server)

    @pytest.mark.parametrize("path", ["/healthz", "/metrics", "/openapi.json"])
    def test_what_is_there_to_read_is_not_written_to(
        self, server: CollectorServer, path: str
    ) -> None:
        assert server.ask("POST", path, token=server.reader_token).status_code == 405
        head = server.ask("HEAD", path, token=server.reader_token)
        assert (head.status_code, head.content) == (200, b"")

    def test_no_other_site_is_let_in_by_a_browser(self, server: CollectorServer) -> None:
        answer = server.ask(
            "OPTIONS", f"/v1/reports/{uuid.uuid4()}",
            headers={"Origin": "https://evil.example", "Access-Control-Request-Method": "POST"},
        )  # fmt: skip
        assert not [name for name in answer.headers if name.lower().startswith("access-control")]


class TestSizes:
    @pytest.mark.parametrize("size", [4 * MIB + 1, 32 * MIB])
    def test_a_body_that_is_said_to_be_too_large_is_told_so(
        self, server: CollectorServer, size: int
    ) -> None:
        answer = server.ask(
            "POST", f"/v1/reports/{uuid.uuid4()}", token=server.sweep_token, data=bytes(size)
        )
        assert result(answer) == (413, "refused")

    def test_it_is_told_so_before_it_sends_anything(self, server: CollectorServer) -> None:
        head = server.head(f"/v1/reports/{uuid.uuid4()}", f"Content-Length: {10**15}")
        with server.connect() as connection:
            connection.sendall(head)
            assert connection.recv(1 << 16).startswith(b"HTTP/1.1 413 ")

    def test_a_body_that_does_not_say_its_length_is_bounded_as_it_comes(
        self, server: CollectorServer
    ) -> None:
        answer = server.ask(
            "POST", f"/v1/reports/{uuid.uuid4()}", token=server.sweep_token,
            data=iter([bytes(MIB)] * 8),
        )  # fmt: skip
        assert result(answer) == (413, "refused")

    def test_a_report_may_come_in_chunks(self, server: CollectorServer) -> None:
        report = a_report()
        data = encode(report)
        answer = server.ask(
            "POST", f"/v1/reports/{report.report_id}", token=server.sweep_token,
            headers={"Content-Type": "application/json"},
            data=iter([data[n : n + 100] for n in range(0, len(data), 100)]),
        )  # fmt: skip
        assert answer.status_code == 201

    def test_a_gzip_bomb_is_refused(self, server: CollectorServer) -> None:
        assert server.send_bytes(str(uuid.uuid4()), bytes(64 * MIB)).status_code == 413

    def test_the_bounds_are_the_administrators(self, serve: Serve) -> None:
        server = serve("--max-body", "1", "--max-json", "1")
        report = a_report(samples=("x" * 900_000,) * 2, gap="access denied")
        assert server.send(report).status_code == 413

    @pytest.mark.parametrize(
        "head",
        [
            "X: " + "x" * 100_000 + "\r\n\r\n",
            "X: y\r\n" * 20_000 + "\r\n",
        ],
    )
    def test_a_huge_head_is_refused(self, server: CollectorServer, head: str) -> None:
        answers = server.exchange(b"GET /healthz HTTP/1.1\r\nHost: x\r\n" + head.encode())
        assert statuses(answers) in ([400], [])  # cut off, if it was still being sent
        assert is_well(server)

    def test_a_huge_address_is_refused(self, server: CollectorServer) -> None:
        answers = server.exchange(b"GET /" + b"x" * 100_000 + b" HTTP/1.1\r\nHost: x\r\n\r\n")
        assert statuses(answers) in ([400], [])
        assert is_well(server)

    @pytest.mark.parametrize(
        "begin",
        [
            b"GET /",
            b"GET / HTTP/1.1\r\nX: ",
            b"GET / HTTP/1.1\r\n",
            b"POST /login HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n0\r\nX: ",
            b"POST /login HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n1;",
        ],
    )
    def test_a_head_or_a_trailer_without_end_is_cut_off(self, serve: Serve, begin: bytes) -> None:
        # here the size alone may end it: there is all the time in the world
        server = serve("--head-timeout", "3600", "--body-timeout", "3600")
        piece = b"X: y\r\n" * 10_000 if begin.endswith(b"\n") else b"x" * 60_000
        with server.connect() as connection, pytest.raises(OSError, match=r"reset|pipe"):
            connection.sendall(begin + piece * (64 * MIB // len(piece)))
        assert is_well(server)


class TestSlowSenders:
    """The server of these tests waits a second for a head and a second for a body."""

    @pytest.mark.parametrize(
        "begin",
        [
            b"",
            b"P",
            b"POST /v1/reports/x HTTP/1.1\r\n",
            b"POST /v1/reports/x HTTP/1.1\r\nAuthorization: Bearer",
            b"\r\n",
        ],
    )
    def test_a_head_that_does_not_come_is_not_waited_for(
        self, server: CollectorServer, begin: bytes
    ) -> None:
        assert statuses(server.exchange(begin)) == []

    def test_a_head_that_trickles_is_not_waited_for(self, server: CollectorServer) -> None:
        with server.connect() as connection:
            connection.sendall(b"GET /healthz HTTP/1.1\r\n")
            ended = threading.Event()
            thread = threading.Thread(target=_trickle, args=(connection, b"X: y\r\n", ended))
            thread.start()
            assert statuses(until_closed(connection)) == []
            ended.set()
            thread.join()

    def test_a_reports_body_that_does_not_come_is_told_so(self, server: CollectorServer) -> None:
        head = server.head(f"/v1/reports/{uuid.uuid4()}", "Content-Length: 1000")
        assert statuses(server.exchange(head + b"x")) == [408]

    def test_a_reports_body_that_trickles_is_told_so(self, server: CollectorServer) -> None:
        head = server.head(f"/v1/reports/{uuid.uuid4()}", "Transfer-Encoding: chunked")
        with server.connect() as connection:
            connection.sendall(head)
            ended = threading.Event()
            thread = threading.Thread(target=_trickle, args=(connection, b"1\r\nx\r\n", ended))
            thread.start()
            assert statuses(until_closed(connection)) == [408]
            ended.set()
            thread.join()

    @pytest.mark.parametrize("path", ["/login", "/healthz", "/no/such/page", "/v1/reports/x"])
    def test_a_body_for_any_address_has_its_time_without_a_token_too(
        self, server: CollectorServer, path: str
    ) -> None:
        head = f"POST {path} HTTP/1.1\r\nHost: x\r\nContent-Length: 1000\r\nContent-Type: application/x-www-form-urlencoded\r\n\r\n"
        with server.connect() as connection:
            connection.sendall(head.encode())
            ended = threading.Event()
            thread = threading.Thread(target=_trickle, args=(connection, b"x", ended))
            thread.start()
            until_closed(connection)  # returns: that is what is asked
            ended.set()
            thread.join()

    def test_a_line_end_after_an_answer_holds_no_connection(self, server: CollectorServer) -> None:
        with server.connect() as connection:
            connection.sendall(b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n")
            assert statuses(one_answer(connection)) == [200]
            connection.sendall(b"\r\n")
            assert until_closed(connection) == b""

    def test_two_hundred_silent_connections_keep_nobody_out(self, server: CollectorServer) -> None:
        silent = [server.connect() for _ in range(200)]
        assert is_well(server)
        for connection in silent:
            assert until_closed(connection) == b""
            connection.close()

    def test_senders_that_vanish_in_the_middle_leave_nothing_behind(
        self, server: CollectorServer
    ) -> None:
        report = a_report()
        head = server.head(f"/v1/reports/{report.report_id}", "Content-Length: 1000000")
        for _ in range(50):
            with server.connect() as connection:
                connection.sendall(head + encode(report)[:500])
                connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
        assert result(server.send(report)) == (201, "new")


def _trickle(connection: socket.socket, piece: bytes, ended: threading.Event) -> None:
    try:
        while not ended.wait(0.1):
            connection.sendall(piece)
    except OSError:
        pass  # it is closed, as it should be


class TestOddRequests:
    @pytest.mark.parametrize(
        "place",
        [
            "",
            "x",
            "../../../../etc/passwd",
            "..%2f..%2f..%2fetc%2fpasswd",
            "%2e%2e/%2e%2e/healthz",
            "..\\..\\windows\\win.ini",
            "%00",
            "%ff%fe",
            "%ED%A0%80",
            "{id}/",
            "{id}/..",
            "{id}%00",
            "{id}%0a",
            "/{id}",
            "{{{id}}}",
            "'; DROP TABLE report; --".replace(" ", "%20"),
            "%7b7*7%7d",
            "x" * 8000,
        ],
    )
    def test_an_odd_id_is_refused_and_named_no_file(
        self, server: CollectorServer, place: str
    ) -> None:
        report = a_report()
        data = encode(report)
        path = "/v1/reports/" + place.format(id=report.report_id)
        request = server.head(path, f"Content-Length: {len(data)}", "Connection: close")
        answer = server.exchange(request + data)
        assert statuses(answer) == [422]
        assert b"root:" not in answer
        assert is_well(server)

    def test_a_query_after_the_id_is_no_part_of_it(self, server: CollectorServer) -> None:
        report = a_report()
        path = f"/v1/reports/{report.report_id}?x=/../y"
        answer = server.ask(
            "POST", path, token=server.sweep_token, data=encode(report),
            headers={"Content-Type": "application/json"},
        )  # fmt: skip
        assert answer.status_code == 201

    @pytest.mark.parametrize(
        "request_",
        [
            b"nonsense\r\n\r\n",
            b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + b"\0" * 500,  # TLS to a plain port
            b"GET /healthz HTTP/9.9\r\n\r\n",
            b"GET /\xff\xfe HTTP/1.1\r\nHost: x\r\n\r\n",
            b"GET /healthz HTTP/1.1\r\nHost: x\r\nX\x00Y: z\r\n\r\n",
            b"GET /healthz HTTP/1.1\r\nHost: x\r\n folded\r\n\r\n",
            b"POST /login HTTP/1.1\r\nHost: x\r\nContent-Length: -1\r\n\r\n",
            b"POST /login HTTP/1.1\r\nHost: x\r\nContent-Length: " + b"9" * 5000 + b"\r\n\r\n",
            b"POST /login HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nxx",
            b"POST /login HTTP/1.1\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
            b"POST /login HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
            b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
        ],
    )
    def test_what_is_no_http_is_refused(self, server: CollectorServer, request_: bytes) -> None:
        assert 200 not in statuses(server.exchange(request_))
        assert is_well(server)

    def test_an_upgrade_is_not_taken(self, server: CollectorServer) -> None:
        answer = server.exchange(
            b"GET /healthz HTTP/1.1\r\nHost: x\r\nConnection: upgrade, close\r\nUpgrade: websocket\r\n"
            b"Sec-WebSocket-Key: x\r\nSec-WebSocket-Version: 13\r\n\r\n"
        )
        assert 101 not in statuses(answer)
        assert is_well(server)

    def test_pipelined_requests_are_answered_in_their_order(self, server: CollectorServer) -> None:
        first, second = a_report(), a_report()
        requests_ = b""
        for report in (first, second, first):
            data = gzip.compress(encode(report))
            requests_ += (
                server.head(
                    f"/v1/reports/{report.report_id}", "Content-Encoding: gzip",
                    f"Content-Length: {len(data)}",
                )
                + data
            )  # fmt: skip
        end = b"GET /nowhere HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"
        assert statuses(server.exchange(requests_ + end)) == [201, 201, 200, 404]

    def test_a_connection_goes_on_after_a_refusal(self, server: CollectorServer) -> None:
        report = a_report()
        data = encode(report)
        path = f"/v1/reports/{report.report_id}"
        requests_ = (
            server.head(path, f"Content-Length: {len(data)}", token="wrong") + data
            + server.head(path, f"Content-Length: {5 * MIB}") + bytes(5 * MIB)
            + server.head("/v1/reports/x", f"Content-Length: {len(data)}") + data
            + server.head(path, f"Content-Length: {len(data)}", "Connection: close") + data
        )  # fmt: skip
        assert statuses(server.exchange(requests_)) == [401, 413, 422, 201]

    def test_a_sender_that_asks_first_is_told_to_go_on(self, server: CollectorServer) -> None:
        report = a_report()
        data = encode(report)
        fields = (f"Content-Length: {len(data)}", "Expect: 100-continue", "Connection: close")
        with server.connect() as connection:
            connection.sendall(server.head(f"/v1/reports/{report.report_id}", *fields))
            assert statuses(connection.recv(1 << 16)) == [100]
            connection.sendall(data)
            assert statuses(until_closed(connection)) == [201]

    def test_a_sender_that_asks_first_and_may_not_is_not_waited_for(
        self, server: CollectorServer
    ) -> None:
        fields = ("Content-Length: 100", "Expect: 100-continue")
        head = server.head(f"/v1/reports/{uuid.uuid4()}", *fields, token="wrong")
        assert statuses(server.exchange(head)) == [401]


class TestSource:
    def test_a_sender_cannot_say_who_it_is(self, server: CollectorServer) -> None:
        assert _source(server, {"X-Forwarded-For": "10.9.8.7"}) == "127.0.0.1"

    def test_a_trusted_proxy_can(self, serve: Serve) -> None:
        server = serve("--trust-proxy", "127.0.0.1")
        assert _source(server, {"X-Forwarded-For": "10.9.8.7"}) == "10.9.8.7"
        assert _source(server, {}) == "127.0.0.1"
        assert _source(server, {"X-Forwarded-For": "\x80\xa0<b>"}).isprintable()


def _source(server: CollectorServer, headers: dict[str, str]) -> str:
    report = a_report()
    answer = server.ask(
        "POST", f"/v1/reports/{report.report_id}", token=server.sweep_token, data=encode(report),
        headers={"Content-Type": "application/json", **headers},
    )  # fmt: skip
    assert answer.status_code == 201
    with sqlite3.connect(f"file:{server.home}/collector.db?mode=ro", uri=True) as database:
        row = database.execute(
            "SELECT source FROM report WHERE report_id = ?", (report.report_id,)
        ).fetchone()
    database.close()
    return str(row[0])


class TestHealth:
    def test_health_is_for_everyone_and_says_no_more_than_that(
        self, either: CollectorServer
    ) -> None:
        answer = either.get("/healthz")
        assert (answer.status_code, answer.json()) == (
            200,
            {"status": "ok", "version": __version__},
        )

    def test_figures_are_for_readers(self, either: CollectorServer) -> None:
        for token in ("", "x", either.sweep_token):
            answer = either.get("/metrics", token=token)
            assert (answer.status_code, b"iocsweep" in answer.content) == (401, False)
        before = _figure(either, 'iocsweep_collector_reports_total{result="new"}')
        assert is_well(either)
        assert _figure(either, 'iocsweep_collector_reports_total{result="new"}') == before + 1

    def test_refusals_are_counted_by_kind(self, server: CollectorServer) -> None:
        def refused(kind: str) -> float:
            return _figure(server, f'iocsweep_collector_refusals_total{{kind="{kind}"}}')

        first, headers = a_report(), {"Content-Type": "application/json"}
        assert server.send(first).status_code == 201
        path = f"/v1/reports/{first.report_id}"
        acts: dict[str, Callable[[], requests.Response]] = {
            "token": lambda: server.send(first, token="x"),
            "method": lambda: server.get(path),
            "no report": lambda: server.send_bytes(first.report_id, b"{}"),
            "another schema": lambda: server.send_bytes(
                first.report_id, b'{"schema": "iocsweep.report/3"}'
            ),
            "another report of this id": lambda: server.send(
                a_report("WS-9999", report_id=first.report_id)
            ),
            "too large": lambda: server.ask(
                "POST", path, token=server.sweep_token, data=bytes(5 * MIB), headers=headers
            ),
            "encoding": lambda: server.ask(
                "POST", path, token=server.sweep_token, data=b"{}",
                headers={**headers, "Content-Encoding": "br"},
            ),
            "log-in": lambda: server.ask("POST", "/login", data={"token": "x"}),
        }  # fmt: skip
        for kind, act in acts.items():
            before = refused(kind)
            assert act().status_code >= 400
            assert refused(kind) == before + 1, kind


def _figure(server: CollectorServer, name: str) -> float:
    text = server.get("/metrics", token=server.reader_token).text
    (line,) = [line for line in text.splitlines() if line.startswith(f"{name} ")]
    return float(line.rpartition(" ")[2])


class TestStarting:
    def test_a_second_server_on_the_same_home_is_refused(self, serve: Serve) -> None:
        server = serve()
        second = administer(
            "serve", "--home", str(server.home), "--listen", f"127.0.0.1:{free_port()}"
        )
        assert second.returncode == 1
        assert "another collector" in second.stderr
        assert "Traceback" not in second.stderr
        assert is_well(server)

    @pytest.mark.parametrize("address", ["0.0.0.0", "[::]", "192.0.2.1", "collector.example"])
    def test_beyond_loopback_there_is_no_plain_http(self, tmp_path: Path, address: str) -> None:
        done = administer("serve", "--home", str(tmp_path / "home"), "--listen", f"{address}:8440")
        assert done.returncode == 1
        assert "beyond loopback" in done.stderr
        assert "iocsweep-collector certificate" in done.stderr
        assert not (tmp_path / "home").exists()

    @pytest.mark.parametrize("listen", ["127.0.0.1", "127.0.0.1:x", "127.0.0.1:65536", ":-1", ""])
    def test_an_address_needs_its_port(self, tmp_path: Path, listen: str) -> None:
        done = administer("serve", "--home", str(tmp_path / "home"), "--listen", listen)
        assert done.returncode == 2
        assert "ADDRESS:PORT" in done.stderr

    def test_a_port_that_is_taken_is_said(self, tmp_path: Path) -> None:
        with socket.socket() as taken:
            taken.bind(("127.0.0.1", 0))
            taken.listen()
            port = taken.getsockname()[1]
            done = administer(
                "serve", "--home", str(tmp_path / "home"), "--listen", f"127.0.0.1:{port}"
            )
        assert done.returncode == 1
        assert "address already in use" in done.stderr
        assert "Traceback" not in done.stderr

    def test_a_certificate_that_is_none_is_said(self, tmp_path: Path) -> None:
        none = tmp_path / "none.pem"
        none.write_text("no certificate")
        for certificate, key in ((none, none), (tmp_path / "missing.pem", none)):
            done = administer(
                "serve", "--home", str(tmp_path / "home"), "--listen", f"127.0.0.1:{free_port()}",
                "--certificate", str(certificate), "--key", str(key),
            )  # fmt: skip
            assert done.returncode == 1
            assert certificate.name in done.stderr
            assert "Traceback" not in done.stderr

    def test_a_certificate_without_its_key_is_said(self, tmp_path: Path) -> None:
        done = administer(
            "serve", "--home", str(tmp_path / "home"), "--listen", f"127.0.0.1:{free_port()}",
            "--certificate", __file__,
        )  # fmt: skip
        assert (done.returncode, "--key" in done.stderr) == (1, True)

    def test_a_damaged_database_is_said(self, tmp_path: Path) -> None:
        (tmp_path / "collector.db").write_bytes(b"no database, " * 1000)
        done = administer("serve", "--home", str(tmp_path), "--listen", f"127.0.0.1:{free_port()}")
        assert done.returncode == 1
        assert "collector.db" in done.stderr
        assert "Traceback" not in done.stderr

    @pytest.mark.parametrize("tls", [[], ["127.0.0.1"]])
    def test_what_it_writes_is_its_owners_alone(self, serve: Serve, tls: list[str]) -> None:
        server = serve(tls=tls)
        assert is_well(server)
        assert server.run("backup", str(server.home / "copy.db")).returncode == 0
        open_to_others = {
            path.name
            for path in server.home.iterdir()
            if stat.S_IMODE(path.stat().st_mode) & (stat.S_IRWXG | stat.S_IRWXO)
        }
        there = {path.name for path in server.home.iterdir()}
        assert {"collector.db", "collector.db-wal", "collector.db.socket", "copy.db"} <= there
        assert open_to_others == ({"certificate.pem", "ca.pem"} if tls else set())
        assert stat.S_IMODE(server.home.stat().st_mode) == 0o700


class TestTls:
    def test_agents_that_have_its_authority_trust_it(self, serve: Serve) -> None:
        server = serve(tls=["127.0.0.1", "localhost"])
        assert server.url.startswith("https://")
        assert result(server.send(a_report())) == (201, "new")

    def test_those_that_have_not_do_not(self, serve: Serve) -> None:
        server = serve(tls=["127.0.0.1"])
        with pytest.raises(requests.exceptions.SSLError, match="certificate verify failed"):
            requests.get(f"{server.url}/healthz", timeout=60)

    def test_nor_do_those_that_call_it_by_another_name(self, serve: Serve) -> None:
        server = serve(tls=["127.0.0.1", "collector.corp.example"])
        context = ssl.create_default_context(cafile=server.authority)
        with (
            socket.create_connection(("127.0.0.1", server.port)) as plain,
            pytest.raises(ssl.SSLCertVerificationError, match="mismatch"),
        ):
            context.wrap_socket(plain, server_hostname="other.corp.example")

    def test_it_is_verified_strictly(self, serve: Serve) -> None:
        server = serve(tls=["127.0.0.1"])
        context = ssl.create_default_context(cafile=server.authority)
        context.verify_flags |= ssl.VERIFY_X509_STRICT
        with (
            socket.create_connection(("127.0.0.1", server.port)) as plain,
            context.wrap_socket(plain, server_hostname="127.0.0.1") as channel,
        ):
            assert channel.version() == "TLSv1.3"

    def test_plain_http_gets_no_answer(self, serve: Serve) -> None:
        server = serve(tls=["127.0.0.1"])
        with socket.create_connection(("127.0.0.1", server.port)) as plain:
            plain.sendall(b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n")
            assert statuses(until_closed(plain)) == []
        assert is_well(server)

    @pytest.mark.parametrize("begin", [b"", b"GET /", b"POST /login HTTP/1.1\r\n"])
    def test_slow_senders_are_cut_off_behind_tls_too(self, serve: Serve, begin: bytes) -> None:
        server = serve("--head-timeout", "1", tls=["127.0.0.1"])
        with server.connect() as channel:
            channel.sendall(begin)
            assert statuses(until_closed(channel)) == []

    def test_a_cookie_goes_by_tls_only(self, serve: Serve) -> None:
        server = serve(tls=["127.0.0.1"])
        answer = _log_in(server)
        assert "; Secure" in answer.headers["set-cookie"]

    def test_a_gate_of_client_certificates_lets_in_those_of_its_authority(
        self, serve: Serve, tmp_path: Path
    ) -> None:
        ours, others = trustme.CA(), trustme.CA()
        for name, authority in (("ours", ours), ("others", others)):
            made = authority.issue_cert("agent.corp.example")
            made.cert_chain_pems[0].write_to_path(tmp_path / f"{name}.pem")
            made.private_key_pem.write_to_path(tmp_path / f"{name}.key")
        ours.cert_pem.write_to_path(tmp_path / "clients.pem")
        files = [
            (str(tmp_path / f"{n}.pem"), str(tmp_path / f"{n}.key")) for n in ("ours", "others")
        ]
        server = serve(
            "--client-ca", str(tmp_path / "clients.pem"), tls=["127.0.0.1"], client=files[0]
        )
        assert is_well(server)
        for client in (None, files[1]):
            with pytest.raises(requests.ConnectionError):
                requests.get(
                    f"{server.url}/healthz", cert=client, verify=str(server.authority), timeout=60
                )


class TestStopping:
    def test_a_report_in_flight_is_answered_and_durable(self, serve: Serve) -> None:
        server = serve()
        report = a_report()
        data = encode(report)
        process = server.process
        assert process is not None
        with server.connect() as connection:
            head = server.head(f"/v1/reports/{report.report_id}", f"Content-Length: {len(data)}")
            connection.sendall(head + data[:100])
            assert is_well(server)  # so the first bytes are there
            process.terminate()
            wait_for(lambda: any(e["message"] == "Shutting down" for e in server.events()))
            connection.sendall(data[100:])
            assert statuses(until_closed(connection)) == [201]
        assert process.wait(60) == 0
        server.process = None
        server.start()
        assert result(server.send(report)) == (200, "known")

    def test_connections_that_only_wait_hold_up_nothing(self, serve: Serve) -> None:
        server = serve("--head-timeout", "3600")
        silent, kept, half = (server.connect() for _ in range(3))
        kept.sendall(b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n")
        assert statuses(one_answer(kept)) == [200]
        half.sendall(b"POST /v1/rep")
        assert server.stop() == 0
        for connection in (silent, kept, half):
            assert until_closed(connection) == b""
            connection.close()

    def test_nothing_of_it_is_left_running(self, serve: Serve) -> None:
        server = serve()
        assert is_well(server)
        assert server.stop() == 0
        # whoever comes next may have the database at once
        server.start()
        assert is_well(server)


def _log_in(server: CollectorServer) -> requests.Response:
    return server.ask(
        "POST", "/login", data={"token": server.reader_token, "next": "/"}, allow_redirects=False
    )


class TestAudit:
    def test_who_did_what_is_kept_and_logged(self, serve: Serve) -> None:
        server = serve()
        name = pwd.getpwuid(os.getuid()).pw_name
        assert server.run("token", "create", "--label", "Jo").returncode == 0
        for token in ("no such", server.reader_token):
            server.ask("POST", "/login", data={"token": token}, allow_redirects=False)
        wanted = [
            ("create reader token", f"command line, {name}", "Jo"),
            ("refuse log-in", "nobody", "from 127.0.0.1"),
            ("log in", "first", "from 127.0.0.1"),
        ]

        def logged() -> set[tuple[str, str, str]]:
            return {
                (event["message"], event["who"], event["detail"])
                for event in server.events()
                if event["logger"] == "collector.audit"
            }

        wait_for(lambda: set(wanted) <= logged(), lambda: str(logged()))
        listed = server.run("audit").stdout
        for action, who, _ in wanted:
            assert re.search(rf"{re.escape(who)}\S*   {action}", listed), listed
        assert server.reader_token not in listed + server.log.read_text()

    def test_a_flood_of_refused_log_ins_writes_few_lines(self, serve: Serve) -> None:
        server = serve()
        for _ in range(20):
            assert server.ask("POST", "/login", data={"token": "x"}).status_code == 401
        assert 1 <= server.run("audit").stdout.count("refuse log-in") <= 3


class TestLogs:
    def test_they_are_json_lines_without_any_secret(self, serve: Serve) -> None:
        server = serve()
        secrets = [server.sweep_token, server.reader_token, "a-wrong-token-of-someone"]
        secrets.append(server.run("token", "create", "--sweep", "first").stdout.strip())
        report = a_report()
        for token in secrets:
            server.send(report, token=token)
            server.get("/metrics", token=token)
        server.send(a_report("other", report_id=report.report_id))
        server.send_bytes(str(uuid.uuid4()), b"{}")
        assert _log_in(server).status_code == 303
        secrets.extend(server.http.cookies.get_dict().values())
        assert len(secrets) == 5  # two first tokens, a wrong one, a new one, a session
        assert server.get("/").status_code == 200
        server.exchange(b"nonsense\r\n\r\n")
        assert server.stop() == 0

        events = server.events()
        assert all({"time", "level", "logger", "message"} <= event.keys() for event in events)
        refused: list[Any] = [event["status"] for event in events if "status" in event]
        assert {401, 422} <= {*refused}
        log = server.log.read_text()
        for secret in secrets:
            assert secret not in log

    def test_what_a_sender_says_cannot_forge_a_line(self, serve: Serve) -> None:
        server = serve()
        forged = '\r\n{"level": "info", "message": "all is well"}'
        server.send_bytes(str(uuid.uuid4()), json.dumps({forged: 1}).encode())
        assert server.stop() == 0
        assert not [event for event in server.events() if event["message"] == "all is well"]
