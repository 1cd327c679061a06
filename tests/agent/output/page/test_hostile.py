"""Names of a host on a page: whatever they are, they are texts."""

from __future__ import annotations

import json

from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec import structs

from agent.model.codec import ReportError, encode
from agent.model.objects import Destination, Dns, File, Parent, Process, Url, User
from agent.model.observation import Claim, Place
from agent.model.remembered import Behaviour, Recorded, Remembered
from agent.model.report import (
    CoveragePart,
    Evidence,
    IndicatorCount,
    IndicatorRef,
    Report,
    Scope,
    Strength,
)
from agent.output.page import is_made_here, page, page_of
from agent.output.page.told import Told
from tests.evidence.reports import finding, report

from .reading import Read

PIECES = (
    "<script>alert(1)</script>", "</script>", "<!--", "-->", "]]>", "</style>", "</title>", "</svg>",
    '" onload="alert(1)', "' x='", "&lt;", "&#x3c;", "\0", "\r\n", "\x1b[2J", "\u202e", "\u2028", "\ud800",
    "\udfff", "javascript:alert(1)", "{}", "@import", "\\", "`", "é", "מ", "\U0001f600", "%s", "{{7*7}}",
)  # fmt: skip
HOSTILE = st.lists(st.sampled_from(PIECES) | st.text(max_size=8), max_size=8).map("".join)
TAGS = {
    "html", "head", "meta", "title", "style", "body", "main", "nav", "ul", "ol", "li", "a", "p", "div", "section",
    "article", "h1", "h2", "h3", "h4", "dl", "dt", "dd", "table", "caption", "thead", "tbody", "tr", "th", "td",
    "span", "strong", "bdi", "time", "figure", "figcaption", "svg", "g", "path", "line", "text", "script",
}  # fmt: skip


def of(text: str) -> Report:
    """A report that has this text wherever a report can have one."""
    one = structs.replace(
        finding(title=text),
        reasons=[text],
        indicator=IndicatorRef(id=text, type=text, value=text, pack=text, reference=[text]),
        file=File(path=text, stream=text, member_of=text, zone_url=[text], signer=text),
        process=Process(
            name=text,
            executable=text,
            command_line=text,
            user=User(name=text),
            parent=[Parent(name=text)],
        ),
        dns=Dns(question=text, answers=[text]),
        destination=Destination(domain=text, state=text),
        url=Url(full=text),
    )
    seen = one.evidence[0]
    one.evidence = [
        seen,
        Evidence(
            source=text, seen=text, claim=Claim.VISITED, indicator=text, strength=Strength.WEAK,
            place=Place(text=text, path=text, record=text, view=text, owner=text), moments=seen.moments,
            detail=text, url=Url(full=text + "x"),
        ),
    ]  # fmt: skip
    told = report(
        one, structs.replace(finding(Strength.WEAK, text), id="w"), gap=text or "x", host=text
    )
    told.coverage[0].source = text
    told.coverage[0].reasons[0].samples = [text]
    told.coverage[0].notes = told.coverage[0].reasons
    told.coverage[0].parts = [CoveragePart(name=text)]
    told.host.fqdn = told.host.domain = told.host.id = text
    return structs.replace(
        told,
        report_id=text,
        sweep_id=text,
        scope=Scope(whole_host=False, limited_to=[text]),
        options={text: text, "more": [text]},
        indicators=[IndicatorCount(id=text, tested=1, matched=1)],
        target=structs.replace(told.target, paths=[text]),
        packs=[structs.replace(told.packs[0], id=text, version=text, origin=text)],
        remembered=[
            Remembered(
                behaviour=Behaviour.RAN,
                state=Recorded.UNKNOWN,
                source="x",
                part=text or "x",
                why=text,
            )
        ],
    )


def check(data: bytes, told: Report, reports: int) -> None:
    read = Read(data)
    assert {tag for tag, _ in read.elements} <= TAGS
    assert len(read.scripts) == reports
    assert [json.loads(one) for one in read.scripts] == [json.loads(encode(told))] * reports
    for tag, given_ in read.elements:
        assert not any(name.startswith("on") or name in ("style", "src") for name in given_), tag
        assert given_.get("href", "#").startswith("#")
    assert data.count(b"<script") == data.count(b"</script>") == reports
    assert data.count(b"<style>") == data.count(b"</style>") == 1
    text = data.decode("utf-8")
    assert not [char for char in text if not char.isprintable() and char != "\n"]


@settings(max_examples=60, deadline=None)
@given(HOSTILE)
def test_no_text_of_a_host_becomes_markup(text: str) -> None:
    told = of(text)
    try:
        encode(told)
    except ReportError:
        return
    data = page(told)
    check(data, told, 1)
    case = page_of([Told(told, encode(told), text), Told(told, encode(told), text)])
    check(case, told, 2)


def test_every_piece_is_shown_as_what_it_is() -> None:
    told = of("".join(PIECES).replace("\ud800\udfff", ""))
    read = Read(page(told))
    for piece in ("<script>alert(1)</script>", "</style>", "&lt;", "\\x1b[2J", "\\u202e", "\\x00"):
        assert piece in read.by_id["finding-1"]


def test_a_page_of_hostile_names_is_known_again() -> None:
    assert is_made_here(page(of("".join(PIECES[:12]))))


def test_what_stands_at_the_foot_of_a_sheet_ends_no_string_of_it() -> None:
    told = report(host='a"; } body { display: none } @import url(//x) \\')
    style = page(told).decode().split("<style>")[1].split("</style>")[0]
    foot = style.split('@bottom-left{content:"')[1].split('"')[0]
    assert "display" in foot
    assert not set(foot) & set('";{}()\\<>/:@')
    assert style.rstrip().endswith('";font:8pt sans-serif;color:#333}}')


def test_data_in_other_spellings_of_json_is_the_same_inside() -> None:
    told = report(finding(title="é <\U0001f600> מ"))
    pretty = json.dumps(json.loads(encode(told)), indent=1, ensure_ascii=False).encode()
    (inside,) = Read(page_of([Told(told, pretty, "x")])).scripts
    assert inside.isascii()
    assert json.loads(inside) == json.loads(encode(told))
