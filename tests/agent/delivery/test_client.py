"""What each answer of a collector means, over real connections on loopback."""

from __future__ import annotations

import secrets
import socket
import ssl
import uuid
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import pytest
import trustme
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    PrivateFormat,
    load_pem_private_key,
)

from agent.delivery.client import post
from agent.delivery.collector import (
    Collector,
    DeliveryError,
    check_client_cert,
    check_url,
    proxies_of,
    read_ca,
    read_token,
)
from agent.delivery.outcome import Action, Kind, Outcome, meaning
from tests.agent.delivery.scripted import Answer, connect_proxy, scripted

ID = str(uuid.UUID(int=7))


def collector(url: str, ca: Path | None = None, **more: Any) -> Collector:
    return Collector(url=url, token="secret", ca=None if ca is None else read_ca(ca), **more)


def send(url: str, ca: Path | None = None, timeout: float = 5, **more: object) -> Outcome:
    return post(collector(url, ca, **more), ID, b"x", timeout=timeout)


@pytest.mark.parametrize(
    ("status", "kind"),
    [
        (200, Kind.UNREACHABLE),
        (201, Kind.UNREACHABLE),
        (204, Kind.UNREACHABLE),
        (301, Kind.WRONG_ADDRESS),
        (400, Kind.REJECTED),
        (401, Kind.UNAUTHORIZED),
        (403, Kind.BLOCKED),
        (404, Kind.WRONG_ADDRESS),
        (408, Kind.BUSY),
        (409, Kind.CONFLICT),
        (413, Kind.TOO_LARGE),
        (415, Kind.NOT_UNPACKED),
        (418, Kind.REJECTED),
        (422, Kind.INVALID),
        (429, Kind.BUSY),
        (500, Kind.SERVER_ERROR),
        (503, Kind.BUSY),
        (599, Kind.SERVER_ERROR),
    ],
)
def test_each_status_has_its_meaning(status: int, kind: Kind) -> None:
    headers = {"Retry-After": "17", "Location": "http://127.0.0.1:9/"}
    with scripted() as server:
        server.answers(Answer(status, headers, b"because " * 20_000 if status != 204 else b""))
        outcome = send(server.url)
    assert (outcome.kind, outcome.status) == (kind, status)
    waits = kind in (Kind.BUSY, Kind.SERVER_ERROR, Kind.BLOCKED)
    assert outcome.retry_after_s == (17 if waits else None)
    assert len(outcome.reason) < 400


OTHER = str(uuid.UUID(int=8))


@pytest.mark.parametrize("status", [200, 201])
def test_the_collectors_answer_that_names_the_report_is_an_acknowledgement(status: int) -> None:
    with scripted() as server:
        server.answers(status)
        assert send(server.url).acknowledged


@pytest.mark.parametrize(
    "text",
    [
        "",
        "200 ok",
        "{}",
        "[]",
        '{"status": "ok"}',
        '{"result": "ok"}',
        '{"result": "new"',
        '{"result": ["new"]}',
        "[" * 60_000,
        f'"{ID}"',
        f'{{"report_id": "{ID}"}}',
        f'{{"schema": "iocsweep.report/2", "report_id": "{ID}", "verdict": "hit"}}',
        f'{{"result": "refused", "report_id": "{ID}"}}',
        f'{{"result": "new", "report_id": "{OTHER}"}}',
        f'{{"result": "known", "report_id": "{ID.replace("7", "9")}"}}',
    ],
)
@pytest.mark.parametrize("status", [200, 201, 202, 206])
def test_whoever_else_says_2xx_has_acknowledged_nothing(status: int, text: str) -> None:
    headers = {"Content-Type": "application/json"}
    outcome = meaning(status, headers, text, ID)
    assert (outcome.kind, outcome.kind.action) == (Kind.UNREACHABLE, Action.AGAIN)
    assert "no collector's answer" in outcome.reason


@pytest.mark.parametrize(("status", "result"), [(201, "new"), (200, "known")])
def test_an_earlier_collector_names_no_report_which_then_stays(status: int, result: str) -> None:
    outcome = meaning(status, {}, f'{{"result":"{result}"}}', ID)
    assert outcome.kind.action is Action.STAYS
    assert "update it" in outcome.reason


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({"Retry-After": "0"}, 0),
        ({"Retry-After": "99999999999999"}, 86400),
        ({"Retry-After": "-1"}, None),
        ({"Retry-After": "soon"}, None),
        ({}, None),
        (
            {
                "Date": "Tue, 01 Jan 2019 00:00:00 GMT",
                "Retry-After": "Tue, 01 Jan 2019 00:01:30 GMT",
            },
            90,
        ),
        (
            {
                "Date": "Tue, 01 Jan 2019 00:00:00 GMT",
                "Retry-After": "Mon, 31 Dec 2018 00:00:00 GMT",
            },
            0,
        ),
    ],
)
def test_retry_after_is_seconds_or_a_date_by_the_collectors_own_clock(
    headers: dict[str, str], seconds: int | None
) -> None:
    assert meaning(503, headers, "", ID).retry_after_s == seconds


def test_nobody_listening_is_unreachable() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
    assert send(f"http://127.0.0.1:{port}", timeout=2).kind is Kind.UNREACHABLE


def test_somebody_who_never_answers_is_unreachable() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        url = f"http://127.0.0.1:{server.getsockname()[1]}"
        outcome = send(url, timeout=0.3)
    assert outcome.kind is Kind.UNREACHABLE


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> tuple[ssl.SSLContext, Path]:
    folder = tmp_path_factory.mktemp("ca")
    authority = trustme.CA()
    authority.cert_pem.write_to_path(str(folder / "ca.pem"))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("127.0.0.1").configure_cert(context)
    return context, folder / "ca.pem"


def test_a_certificate_of_ones_own_authority_is_taken(
    authority: tuple[ssl.SSLContext, Path],
) -> None:
    context, ca = authority
    with scripted(context) as server:
        assert send(server.url, ca).acknowledged


def test_a_certificate_that_nobody_vouches_for_is_refused(
    authority: tuple[ssl.SSLContext, Path], tmp_path: Path
) -> None:
    context, _ = authority
    trustme.CA().cert_pem.write_to_path(str(tmp_path / "other.pem"))
    with scripted(context) as server:
        wrong = send(server.url, tmp_path / "other.pem")
        system = send(server.url)
    assert wrong.kind is Kind.TLS
    assert system.kind is Kind.TLS
    assert "--ca FILE" in system.reason


@pytest.mark.parametrize(
    ("name", "lasts", "hint"),
    [
        ("collector.example", timedelta(days=1), "--collector takes a name"),
        ("192.0.2.1", timedelta(days=1), "--collector takes a name"),
        ("127.0.0.1", timedelta(days=-1), "has to be renewed"),
    ],
    ids=["another name", "another address", "ended"],
)
def test_a_certificate_that_does_not_hold_here_is_said_with_what_to_mend(
    name: str, lasts: timedelta, hint: str, tmp_path: Path
) -> None:
    authority = trustme.CA()
    authority.cert_pem.write_to_path(str(tmp_path / "ca.pem"))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    ends = datetime.now(timezone.utc) + lasts
    authority.issue_cert(name, not_after=ends).configure_cert(context)
    with scripted(context) as server:
        outcome = send(server.url, tmp_path / "ca.pem")
    assert outcome.kind is Kind.TLS
    assert hint in outcome.reason
    assert "--ca FILE" not in outcome.reason


def test_a_handshake_that_breaks_off_may_do_better_next_time() -> None:
    with scripted() as server:  # answers plain HTTP, as a half-dead load balancer does
        outcome = send(server.url.replace("http:", "https:"))
    assert outcome.kind is Kind.UNREACHABLE


def test_certificates_to_trust_come_as_pem_or_der_and_are_checked_at_once(
    authority: tuple[ssl.SSLContext, Path], tmp_path: Path
) -> None:
    context, ca = authority
    der = tmp_path / "ca.cer"
    der.write_bytes(ssl.PEM_cert_to_DER_cert(ca.read_text()))
    with scripted(context) as server:
        assert send(server.url, der).acknowledged
    for bad in (b"", b"nothing", b"-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"):
        der.write_bytes(bad)
        with pytest.raises(DeliveryError, match="no certificates to trust"):
            read_ca(der)
    with pytest.raises(DeliveryError, match="No such file"):
        read_ca(tmp_path / "none.pem")


@pytest.fixture
def client_cert(tmp_path: Path) -> tuple[trustme.CA, Path]:
    authority = trustme.CA()
    issued = authority.issue_cert("host@example.org")
    path = tmp_path / "client.pem"
    issued.private_key_and_cert_chain_pem.write_to_path(str(path))
    return authority, path


def test_a_collector_that_asks_for_a_client_certificate_gets_one(
    client_cert: tuple[trustme.CA, Path], tmp_path: Path
) -> None:
    clients, path = client_cert
    servers = trustme.CA()
    ca = tmp_path / "ca.pem"
    servers.cert_pem.write_to_path(str(ca))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    servers.issue_cert("127.0.0.1").configure_cert(context)
    context.verify_mode = ssl.CERT_REQUIRED
    context.maximum_version = ssl.TLSVersion.TLSv1_2  # later ones may hang up before they say why
    clients.configure_trust(context)
    check_client_cert(path)
    with scripted(context) as server:
        assert send(server.url, ca, client_cert=path).acknowledged
        refused = send(server.url, ca)
    assert refused.kind is Kind.TLS
    assert "--client-cert" in refused.reason


def test_a_client_certificate_without_its_key_or_with_a_locked_one_is_refused_at_once(
    client_cert: tuple[trustme.CA, Path], tmp_path: Path
) -> None:
    authority, path = client_cert
    issued = authority.issue_cert("x@example.org")
    key = load_pem_private_key(issued.private_key_pem.bytes(), None)
    locked = key.private_bytes(
        Encoding.PEM, PrivateFormat.PKCS8, BestAvailableEncryption(b"password")
    )
    for pem in (b"", issued.cert_chain_pems[0].bytes(), locked + issued.cert_chain_pems[0].bytes()):
        path.write_bytes(pem)
        with pytest.raises(DeliveryError, match="not PEM with a certificate"):
            check_client_cert(path)
    with pytest.raises(DeliveryError):
        check_client_cert(tmp_path / "none.pem")


@pytest.fixture(scope="module")
def elsewhere(tmp_path_factory: pytest.TempPathFactory) -> tuple[ssl.SSLContext, Path]:
    """A collector whose name only the proxy can resolve."""
    folder = tmp_path_factory.mktemp("ca")
    authority = trustme.CA()
    authority.cert_pem.write_to_path(str(folder / "ca.pem"))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("collector.example").configure_cert(context)
    return context, folder / "ca.pem"


def test_a_report_goes_through_the_proxy_that_was_named(
    elsewhere: tuple[ssl.SSLContext, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    context, ca = elsewhere
    monkeypatch.setenv("https_proxy", "http://127.0.0.1:9")
    with scripted(context, "collector.example") as server:
        port = int(server.url.rpartition(":")[2])
        with connect_proxy(port) as (proxy, seen):
            proxies = proxies_of(proxy, {"IOCSWEEP_PROXY_CREDENTIALS": "jo:p@ss:word"})
            assert send(server.url, ca, proxies=proxies).acknowledged
    assert server.ids == [ID]
    assert seen[0].startswith(f"CONNECT collector.example:{port} ".encode())
    assert b"Proxy-Authorization: Basic am86cEBzczp3b3Jk" in seen[0]
    assert b"secret" not in seen[0]


def test_no_proxy_is_asked_when_none_is_wanted(monkeypatch: pytest.MonkeyPatch) -> None:
    with connect_proxy(9) as (proxy, seen):
        monkeypatch.setenv("https_proxy", proxy)
        monkeypatch.delenv("no_proxy", raising=False)
        assert send("https://collector.invalid", proxies={}, timeout=2).kind is Kind.UNREACHABLE
    assert seen == []


def test_a_proxy_that_drips_is_given_up_in_time(elsewhere: tuple[ssl.SSLContext, Path]) -> None:
    with connect_proxy(9, drip=True) as (proxy, seen):
        to = collector("https://collector.example", elsewhere[1], proxies={"https": proxy})
        outcome = post(to, ID, b"x", timeout=5, deadline=0.4)
    assert outcome.kind is Kind.UNREACHABLE
    assert "within 0.4 s" in outcome.reason
    assert len(seen) == 1


@pytest.mark.parametrize(
    "url",
    ["socks5://x:1", "proxy:3128", "http://", "http://u:p@x:1", "http://x:1/path", "http://x:y"],
)
def test_a_proxy_that_cannot_be_one_is_refused(url: str) -> None:
    with pytest.raises(DeliveryError):
        proxies_of(url, {})


def test_what_a_collector_echoes_never_shows_a_secret() -> None:
    with scripted() as server:
        server.answers(Answer(422, text=b"bad: Bearer secret"))
        outcome = send(server.url)
    assert outcome.reason == "HTTP 422, invalid: bad: Bearer ***"
    assert "secret" not in repr(collector("http://127.0.0.1:1"))


def test_a_connection_that_is_cut_while_sending_is_told_from_one_that_never_was() -> None:
    with scripted() as server:
        server.answers(Answer(0, how="half"), Answer(0, how="mute"))
        cut = post(collector(server.url), ID, b"x" * (32 << 20), timeout=5)
        mute = post(collector(server.url), ID, b"x", timeout=5)
    assert cut.kind is Kind.CUT
    assert mute.kind is Kind.UNREACHABLE


@pytest.mark.parametrize(
    "url",
    [
        "http://collector.example",
        "ftp://x",
        "https://",
        "https://u:p@x",
        "https://x:99999",
        "https://x/?token=y",
        "https://x/#y",
    ],
)
def test_an_unsafe_address_is_refused_before_anything_is_sent(url: str) -> None:
    with pytest.raises(DeliveryError):
        check_url(url)


def test_plain_http_is_for_loopback(tmp_path: Path) -> None:
    assert check_url("http://localhost:1/") == "http://localhost:1"
    assert check_url("http://[::1]:1") == "http://[::1]:1"


def test_a_token_comes_from_file_or_environment_and_is_plain(tmp_path: Path) -> None:
    path = tmp_path / "token"
    path.write_text("abc\r\n")
    assert read_token(path, {}) == "abc"
    assert read_token(None, {"IOCSWEEP_TOKEN": " x "}) == "x"
    for bad in ("", "a\nX-Evil: 1", "ä", "x" * 5000):
        path.write_text(bad)
        with pytest.raises(DeliveryError):
            read_token(path, {})
    with pytest.raises(DeliveryError, match="none"):
        read_token(tmp_path / "none", {})


def test_a_token_in_the_place_of_its_file_is_not_told_on() -> None:
    issued = secrets.token_urlsafe(32)
    with pytest.raises(DeliveryError) as error:
        read_token(Path(issued), {})
    assert str(error.value) == "a token itself is in the place of its file's name"
