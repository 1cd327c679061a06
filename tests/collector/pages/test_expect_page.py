"""The list of expected hosts, sent by a form: as the command reads it, and by an administrator."""

from __future__ import annotations

import re
from typing import Any

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from collector.pages import uploading
from collector.pages.site import Refused
from collector.pages.uploading import Part, parts_of
from tests.collector.pages.conftest import Pages
from tests.collector.pages.seed import SWEEP

PAGE = f"/sweeps/{SWEEP}/expect"
LIST = b"Computer Name;Site\r\nNEW-1;Rome\r\nNEW-1.corp.example;\r\nNEW-2;Oslo\r\n"


async def _token(pages: Pages, role: str) -> str:
    return await pages.store.create_token("reader", role=role, label=role, who="t")


@pytest.fixture
def boss(pages: Pages) -> Pages:
    pages.log_in(pages.run(_token, pages, "administrator"))
    return pages


def send(pages: Pages, data: bytes, name: str = "hosts.csv", **more: Any) -> httpx.Response:
    fields = {"csrf": pages.csrf("/"), **more.pop("fields", {})}
    return pages.post(PAGE, data=fields, files={"list": (name, data, "text/csv")}, **more)


def test_a_list_is_added_and_told_as_by_the_command(boss: Pages) -> None:
    before = boss.run(boss.store.counts, SWEEP).expected
    assert PAGE in boss.text(f"/sweeps/{SWEEP}/missing")
    form = boss.text(PAGE)
    assert 'enctype="multipart/form-data"' in form
    answer = send(boss, LIST)
    assert answer.status_code == 200
    told = re.sub(r"<[^>]+>", " ", answer.text)
    assert "2 new expected hosts, of 3 lines with a name." in told
    assert "1 name is the same host as another: NEW-1 is NEW-1.corp.example" in told
    assert boss.run(boss.store.counts, SWEEP).expected == before + 2
    assert "Rome" in boss.text(f"/sweeps/{SWEEP}/missing?q=new-1")
    line = boss.run(boss.store.audit_log)[0]
    assert (line.action, line.subject) == ("import expected hosts", SWEEP)
    assert line.who.startswith("administrator")


@pytest.mark.parametrize(
    ("data", "told"),
    [
        (b"A-1\nA-2\nno host\n", "hosts.csv:3: "),
        (b"", "No list was chosen, or it is empty."),
        (b"\xff\xfe\x00", "no UTF-8 or UTF-16 text"),
        (b'a\n"' + b"x" * 200_000, "hosts.csv:2: "),
    ],
)
def test_one_that_is_none_changes_nothing(boss: Pages, data: bytes, told: str) -> None:
    before = boss.run(boss.store.counts, SWEEP).expected
    answer = send(boss, data, "C:\\\\lists\\hosts.csv")
    assert answer.status_code == 400
    assert told in answer.text
    assert "Nothing was changed." in answer.text
    assert boss.run(boss.store.counts, SWEEP).expected == before


def test_its_name_is_shown_and_never_believed(boss: Pages) -> None:
    answer = send(boss, b"no host\n", "<b>\x1b.csv")
    assert answer.status_code == 400
    assert "<b>" not in answer.text
    assert "&lt;b&gt;" in answer.text


def test_one_that_is_too_large_is_not_read_to_its_end(
    boss: Pages, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(uploading, "MAX_UPLOAD", 1000)
    answer = send(boss, b"host\n" * 20_000)
    assert answer.status_code == 413


def test_only_an_administrator_is_taken_by_the_form_of_the_session(boss: Pages) -> None:
    wrong = boss.post(PAGE, data={"csrf": "0" * 64}, files={"list": ("a", LIST)})
    assert wrong.status_code == 403
    assert boss.post(PAGE, files={"list": ("a", LIST)}).status_code == 403
    other = send(boss, LIST, headers={"sec-fetch-site": "cross-site"})
    assert other.status_code == 403
    assert boss.post(PAGE, data={"csrf": boss.csrf("/")}).status_code == 415
    secret = boss.run(_token, boss, "administrator")
    bearer = {"authorization": f"Bearer {secret}"}
    boss.client.cookies.clear()
    assert boss.post(PAGE, files={"list": ("a", LIST)}).status_code == 401
    assert boss.post(PAGE, files={"list": ("a", LIST)}, headers=bearer).status_code in (401, 403)
    for role in ("analyst", "reader"):
        boss.log_in(boss.run(_token, boss, role))
        assert send(boss, LIST).status_code == 403
        assert boss.get(PAGE).status_code == 403
        assert PAGE not in boss.text(f"/sweeps/{SWEEP}/missing")
        assert boss.run(boss.store.audit_log)[0].action == "refused by role"
    assert "NEW-2" not in boss.run(boss.store.missing, SWEEP)


def test_of_another_sweep_there_is_none(boss: Pages) -> None:
    answer = boss.post(
        "/sweeps/none/expect", data={"csrf": boss.csrf("/")}, files={"list": ("a", LIST)}
    )
    assert answer.status_code == 404


def test_parts_of_a_form_are_found_whatever_stands_in_them() -> None:
    whole = (
        b'--x\r\nContent-Disposition: form-data; name="csrf"\r\n\r\nabc\r\n'
        b'--x\r\ncontent-disposition: form-data; name="list"; filename="a b.csv"\r\n'
        b"Content-Type: text/csv\r\n\r\na\r\n\r\nb--x\r\n\r\n--x--\r\n"
    )
    assert parts_of(whole, b"x") == {
        "csrf": Part("", b"abc"), "list": Part("a b.csv", b"a\r\n\r\nb--x\r\n"),
    }  # fmt: skip
    for cut in (whole[:-6], whole[5:], b""):
        with pytest.raises(Refused):
            parts_of(cut, b"x")


@given(st.binary(max_size=400), st.binary(min_size=1, max_size=5))
def test_any_bytes_are_a_form_or_refused(body: bytes, boundary: bytes) -> None:
    try:
        found = parts_of(b"--" + boundary + b"\r\n" + body + b"\r\n--" + boundary + b"--", boundary)
    except Refused as refused:
        assert refused.status == 400
    else:
        assert sum(len(part.data) for part in found.values()) <= len(body)
