"""Only a reader with a valid token sees anything, and only from its own pages does it change any."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from collector.pages.session import LIFETIME_MS, RECHECK_MS
from collector.store.store import token_digest
from tests.collector.pages.conftest import Pages
from tests.collector.pages.seed import SWEEP, new_sweep

PRIVATE = ["/", f"/sweeps/{SWEEP}", f"/sweeps/{SWEEP}/hosts", f"/sweeps/{SWEEP}/export/hosts.csv",
           "/reports/x", "/reports/x.json"]  # fmt: skip


@pytest.mark.parametrize("path", PRIVATE)
def test_nobody_reads_without_a_token(visitor: Pages, path: str) -> None:
    script = visitor.get(path)
    assert script.status_code == 401
    assert script.headers["www-authenticate"].startswith("Bearer")
    person = visitor.get(path, headers={"accept": "text/html"})
    assert person.status_code == 303
    assert person.headers["location"].startswith("/login?next=%2F")


def test_a_reader_token_opens_a_session(visitor: Pages) -> None:
    answer = visitor.log_in()
    assert (answer.status_code, answer.headers["location"]) == (303, "/")
    cookie = answer.headers["set-cookie"]
    assert cookie.startswith("__Host-iocsweep=")
    for part in ("HttpOnly", "SameSite=strict", "Secure", "Path=/", f"Max-Age={12 * 3600}"):
        assert part in cookie
    assert visitor.secret not in cookie
    assert "cyzfc, all workstations" in visitor.text("/")


def test_every_bad_token_is_answered_alike(visitor: Pages) -> None:
    store = visitor.store
    sweep = visitor.run(store.create_token, "sweep", sweep_id=SWEEP, who="t")
    expired = visitor.run(store.create_token, "reader", expires=visitor.now - 1, who="t")
    revoked = visitor.run(store.create_token, "reader", who="t")
    visitor.run(store.revoke, token_digest(revoked), who="t")
    answers = [visitor.log_in(one) for one in ("no such", sweep, expired, revoked, "\u202e", "é")]
    assert {answer.status_code for answer in answers} == {401}
    assert len({answer.text for answer in answers}) == 1
    assert not any("set-cookie" in answer.headers for answer in answers)


def test_a_bearer_reads_everything_that_is_asked_by_get(visitor: Pages) -> None:
    headers = {"authorization": f"Bearer {visitor.secret}"}
    assert visitor.get("/", headers=headers).status_code == 200
    export = visitor.get(f"/sweeps/{SWEEP}/export/hosts.csv", headers=headers)
    assert export.status_code == 200
    page = visitor.get(f"/sweeps/{SWEEP}/findings/dll-name", headers=headers).text
    assert 'method="post"' not in page, "a bearer sends no forms and is shown none"
    answer = visitor.post(f"/sweeps/{SWEEP}/suppress", data={"csrf": ""}, headers=headers)
    assert answer.status_code == 401


def test_a_sweep_token_never_reads(visitor: Pages) -> None:
    secret = visitor.run(visitor.store.create_token, "sweep", sweep_id=SWEEP, who="t")
    assert visitor.get("/", headers={"authorization": f"Bearer {secret}"}).status_code == 401


def test_a_bad_bearer_is_not_made_up_for_by_a_cookie(pages: Pages) -> None:
    assert pages.get("/", headers={"authorization": "Bearer nonsense"}).status_code == 401
    assert pages.get("/", headers={"authorization": "Basic eDp5"}).status_code == 401


def test_a_session_ends_after_twelve_hours(pages: Pages) -> None:
    pages.later(LIFETIME_MS - 1)
    assert pages.get("/").status_code == 200
    pages.later(1)
    assert pages.get("/").status_code == 401


def test_a_revoked_token_ends_its_sessions(pages: Pages) -> None:
    pages.text("/")
    pages.run(pages.store.revoke, token_digest(pages.secret), who="t")
    pages.later(RECHECK_MS)
    assert pages.get("/").status_code == 401
    assert pages.get("/", headers={"authorization": f"Bearer {pages.secret}"}).status_code == 401


def test_an_expiring_token_ends_its_sessions_at_once(visitor: Pages) -> None:
    secret = visitor.run(visitor.store.create_token, "reader", expires=visitor.now + 100, who="t")
    visitor.log_in(secret)
    visitor.text("/")
    visitor.later(100)
    assert visitor.get("/").status_code == 401


@pytest.mark.parametrize("change", [lambda c: c[:-2] + ("AA" if c[-2:] != "AA" else "BB"),
                                    lambda c: "A" + c[1:] if c[0] != "A" else "B" + c[1:],
                                    lambda c: c + "AAAA", lambda _: "", lambda _: "%00é"])  # fmt: skip
def test_a_cookie_that_was_changed_opens_nothing(
    pages: Pages, change: Callable[[str], str]
) -> None:
    value = pages.client.cookies["__Host-iocsweep"]
    pages.client.cookies.clear()
    header = {"cookie": f"__Host-iocsweep={change(value)}".encode()}
    assert pages.get("/", headers=header).status_code == 401


def test_logging_out_ends_the_session_wherever_its_cookie_went(pages: Pages) -> None:
    cookie = pages.client.cookies["__Host-iocsweep"]
    answer = pages.post("/logout", data={"csrf": pages.csrf("/")})
    assert (answer.status_code, answer.headers["location"]) == (303, "/login")
    pages.client.cookies.clear()
    assert pages.get("/", headers={"cookie": f"__Host-iocsweep={cookie}"}).status_code == 401


def test_a_form_without_its_hidden_field_changes_nothing(pages: Pages) -> None:
    form = {"indicator": "dll-name", "reason": "x", "host": ""}
    for csrf in ("", "0" * 64, "é"):
        answer = pages.post(f"/sweeps/{SWEEP}/suppress", data={**form, "csrf": csrf})
        assert answer.status_code == 403
    assert pages.run(pages.store.suppressions, SWEEP) == []


def test_a_form_of_another_session_or_site_changes_nothing(pages: Pages) -> None:
    csrf = pages.csrf()
    form = {"indicator": "dll-name", "reason": "x", "host": "", "csrf": csrf}
    from_elsewhere = pages.post(
        f"/sweeps/{SWEEP}/suppress", data=form, headers={"sec-fetch-site": "cross-site"}
    )
    assert from_elsewhere.status_code == 403
    pages.log_in()
    assert pages.post(f"/sweeps/{SWEEP}/suppress", data=form).status_code == 403
    assert pages.run(pages.store.suppressions, SWEEP) == []


def test_forms_are_bounded_and_of_one_kind(pages: Pages) -> None:
    post = pages.post
    assert post("/login", data={"token": "x" * 70_000}).status_code == 413
    assert post("/login", json={"token": "x"}).status_code == 415
    many = "&".join(f"a{n}=1" for n in range(100))
    kind = {"content-type": "application/x-www-form-urlencoded"}
    assert post("/login", content=many, headers=kind).status_code == 400


@pytest.mark.parametrize("there", ["//evil.example", "https://evil.example", "/\\evil.example",
                                   "/\tx", "evil", "", "/login", "javascript:alert(1)"])  # fmt: skip
def test_the_log_in_leads_to_this_site_only(visitor: Pages, there: str) -> None:
    answer = visitor.post("/login", data={"token": visitor.secret, "next": there})
    assert answer.headers["location"] == "/"


def test_the_log_in_leads_to_the_page_that_was_asked_for(visitor: Pages) -> None:
    asked = visitor.get(f"/sweeps/{SWEEP}/hosts?state=hit", headers={"accept": "text/html"})
    form = visitor.text(asked.headers["location"])
    assert f'value="/sweeps/{SWEEP}/hosts?state=hit"' in form
    there = f"/sweeps/{SWEEP}/hosts?state=hit"
    answer = visitor.post("/login", data={"token": visitor.secret, "next": there})
    assert answer.headers["location"] == there


def test_a_page_that_refreshes_itself_is_led_to_the_log_in(visitor: Pages) -> None:
    answer = visitor.get(f"/sweeps/{SWEEP}/summary", headers={"hx-request": "true"})
    assert (answer.status_code, answer.headers["hx-redirect"]) == (401, "/login")


def test_a_reader_of_one_sweep_reads_no_other(visitor: Pages) -> None:
    visitor.run(new_sweep, visitor.store, "other")
    secret = visitor.run(visitor.store.create_token, "reader", sweep_id="other", who="t")
    row = visitor.run(visitor.store.hosts, SWEEP)[0]
    visitor.log_in(secret)
    assert visitor.get("/sweeps/other").status_code == 200
    assert f"/sweeps/{SWEEP}" not in visitor.text("/")
    for path in (f"/sweeps/{SWEEP}", f"/sweeps/{SWEEP}/export/hosts.csv",
                 f"/reports/{row.report_id}", f"/reports/{row.report_id}.json"):  # fmt: skip
        assert visitor.get(path).status_code == 404


def test_every_answer_carries_strict_headers(pages: Pages) -> None:
    row = pages.run(pages.store.hosts, SWEEP)[0]
    paths = ["/", "/login", f"/sweeps/{SWEEP}", f"/sweeps/{SWEEP}/summary", "/sweeps/none",
             f"/sweeps/{SWEEP}/export/hosts.csv", f"/reports/{row.report_id}.json",
             f"/reports/{row.report_id}"]  # fmt: skip
    answers = [pages.get(path) for path in paths]
    pages.client.cookies.clear()
    answers += [pages.get("/"), pages.get("/", headers={"accept": "text/html"}), pages.log_in("x")]
    for answer in answers:
        assert answer.headers["content-security-policy"] == (
            "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:;"
            " connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
        )
        assert answer.headers["x-content-type-options"] == "nosniff"
        assert answer.headers["referrer-policy"] == "no-referrer"
        assert answer.headers["cache-control"] == "no-store"
