"""Administrators make and end tokens; nobody else sees them."""

from __future__ import annotations

import re
from typing import Any

import pytest

from collector.records import Token
from tests.collector.pages.conftest import Pages
from tests.collector.pages.seed import SWEEP, new_sweep
from tests.collector.pages.shown import heading, rows_of


def as_one(pages: Pages, role: str, sweep_id: str | None = None) -> Pages:
    """Logged in with a token of this role."""
    secret = pages.run(
        pages.store.create_token, "reader", role=role, sweep_id=sweep_id, label=f"the {role}",
        who="test",
    )  # fmt: skip
    assert pages.log_in(secret).status_code == 303
    return pages


@pytest.fixture
def boss(visitor: Pages) -> Pages:
    return as_one(visitor, "administrator")


def make(pages: Pages, **changed: str) -> Any:
    form = {
        "csrf": pages.csrf("/"), "label": "Lou", "role": "analyst", "sweep": "", "days": "30",
    }  # fmt: skip
    return pages.post("/tokens", data={**form, **changed})


def token(pages: Pages, label: str) -> Token:
    (found,) = [one for one in pages.run(pages.store.tokens) if one.label == label]
    return found


def test_one_is_made_told_once_and_works_until_it_ends(boss: Pages) -> None:
    answer = make(boss)
    assert answer.status_code == 200
    assert answer.headers["cache-control"] == "no-store"
    found = re.search(r'<code id="secret">([\w-]{43})</code>', answer.text)
    assert found
    assert found[1] not in boss.text("/tokens")
    made = token(boss, "Lou")
    assert (made.kind, made.role, made.sweep_id) == ("reader", "analyst", None)
    assert made.expires == boss.now + 30 * 86_400_000
    assert boss.log_in(found[1]).status_code == 303
    actions = [(row.who, row.action, row.detail) for row in boss.run(boss.store.audit_log)]
    assert ("the administrator", "create analyst token", "Lou") in actions


def test_one_that_brings_reports_is_of_a_sweep(boss: Pages) -> None:
    assert make(boss, role="", sweep=SWEEP, days="").status_code == 200
    made = token(boss, "Lou")
    assert (made.kind, made.role, made.sweep_id, made.expires) == ("sweep", "", SWEEP, None)


def test_one_is_ended_and_listed_so(boss: Pages) -> None:
    make(boss)
    form = {"csrf": boss.csrf("/"), "digest": token(boss, "Lou").digest.hex()}
    assert boss.post("/tokens/revoke", data=form).headers["location"] == "/tokens"
    assert token(boss, "Lou").revoked is not None
    text = boss.text("/tokens")
    assert "revoked" in text
    assert form["digest"] not in text
    assert boss.post("/tokens/revoke", data={**form, "digest": "ab"}).status_code == 404


@pytest.mark.parametrize(
    ("changed", "status"),
    [
        ({"label": " "}, 400),
        ({"label": "x" * 101}, 400),
        ({"role": "king"}, 400),
        ({"role": ""}, 400),
        ({"sweep": "none"}, 404),
        ({"sweep": "x\0"}, 400),
        ({"label": "x\0"}, 400),
        ({"days": "0"}, 400),
        ({"days": "3651"}, 400),
        ({"days": "²"}, 400),
    ],
)
def test_what_cannot_be_made_is_told(boss: Pages, changed: dict[str, str], status: int) -> None:
    before = len(boss.run(boss.store.tokens))
    assert make(boss, **changed).status_code == status
    assert len(boss.run(boss.store.tokens)) == before


def test_who_administers_one_sweep_sees_and_makes_its_tokens_alone(visitor: Pages) -> None:
    visitor.run(new_sweep, visitor.store, "other")
    boss = as_one(visitor, "administrator", SWEEP)
    assert rows_of(boss.text("/tokens")) == ["the"]
    assert make(boss).status_code == 403
    assert make(boss, sweep="other").status_code == 404
    (theirs,) = [one for one in boss.run(boss.store.tokens) if one.label == "Jo"]
    form = {"csrf": boss.csrf("/"), "digest": theirs.digest.hex()}
    assert boss.post("/tokens/revoke", data=form).status_code == 404
    assert make(boss, sweep=SWEEP).status_code == 200
    assert token(boss, "Lou").sweep_id == SWEEP


@pytest.mark.parametrize("role", ["reader", "analyst"])
def test_others_see_none_and_make_none(visitor: Pages, role: str) -> None:
    pages = as_one(visitor, role)
    before = pages.run(pages.store.tokens)
    assert 'href="/tokens"' not in pages.text("/")
    digest = before[0].digest.hex()
    for answer in (
        pages.get("/tokens"),
        make(pages, role="administrator"),
        pages.post("/tokens/revoke", data={"csrf": pages.csrf("/"), "digest": digest}),
    ):
        assert answer.status_code == 403
        assert f"has the role {role}, this needs the role administrator" in heading(answer.text)
    assert pages.run(pages.store.tokens) == before
    refused = [row for row in pages.run(pages.store.audit_log) if row.action == "refused by role"]
    assert len(refused) == 3


def test_a_bearer_of_an_administrator_reads_the_list(visitor: Pages) -> None:
    secret = visitor.run(visitor.store.create_token, "reader", role="administrator", who="test")
    answer = visitor.get("/tokens", headers={"authorization": f"Bearer {secret}"})
    assert answer.status_code == 200
    assert 'method="post"' not in answer.text
