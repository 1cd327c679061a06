"""A pack as YARA rules: three engines find by them what the agent finds in the same bytes."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from pathlib import Path

import boreal
import pytest
import yara
import yara_x

from agent.cli import main
from agent.indicators import Indicator
from agent.matching.byte_rules import ByteRules
from agent.matching.matcher import value_of
from agent.packs.loading import Pack, parse_pack
from agent.packs.yara_file import BEGINS, MOST_NAME, Exported
from tests.evidence.files import STAGE_0
from tests.evidence.packs import packs
from tests.evidence.situations import LITERAL

OTHERS = """
pack: iocsweep.pack/1
id: of-others
version: "1"
title: 'What is hard to write: "quotes", \\ and Ж'
references: {R1: 'a "report" of \\share, Ж'}
indicators:
  - {id: name-ж, type: file_name, value: "Договор*.scr", strength: weak, reference: [R1], status: SRC}
  - {id: name-umlaut, type: file_name, value: "Grüße.pif", strength: weak, reference: [R1], status: SRC}
  - {id: name-glob, type: file_name, value: "upd?te_*.dat", strength: weak, reference: [R1], status: SRC}
  - {id: domain-idn, type: domain, value: "bücher-versand.com", strength: strong, reference: [R1], status: SRC}
  - {id: a.b, type: domain, value: "evil-one.net", strength: strong, reference: [R1], status: SRC}
  - {id: a_b, type: domain, value: "evil-two.net", strength: strong, reference: [R1], status: SRC}
  - {id: block, type: address, value: "95.216.0.0/16", strength: weak, reference: [R1], status: SRC}
  - {id: command, type: command_line, value: ["rundll32", "upd.dat", "Start"], strength: strong, reference: [R1], status: SRC}
  - {id: text-ж, type: content, value: "Привет, мир", strength: strong, reference: [R1], status: SRC}
  - {id: expression, type: content, match: regex, value: "key=[0-9a-f]{8}/x", strength: strong, reference: [R1], status: SRC}
"""


@cache
def others() -> Pack:
    text = OTHERS.replace("name-ж", "name-zh").replace("text-ж", "text-zh")
    return parse_pack(text.encode(), "of-others.yaml")


@cache
def exported() -> Exported:
    return Exported([*packs(), others()], "0.1.0")


def indicators() -> list[Indicator]:
    return [one for pack in (*packs(), others()) for one in pack.file.indicators]


@cache
def own_rules() -> ByteRules:
    return ByteRules(indicators())


def by_agent(data: bytes) -> set[str]:
    return {hit.indicator for hit in own_rules().scan(data)}


@cache
def _boreal() -> boreal.Scanner:
    return boreal.compile(source=exported().text)


@cache
def _yara() -> yara.Rules:
    return yara.compile(source=exported().text)


@cache
def _yara_x() -> yara_x.Rules:
    return yara_x.compile(exported().text)


def by_boreal(data: bytes) -> set[str]:
    return {_text(rule.meta["indicator"]) for rule in _boreal().match(data=data)}


def _text(value: object) -> str:
    return value.decode() if isinstance(value, bytes) else str(value)


def by_yara(data: bytes) -> set[str]:
    return {rule.meta["indicator"] for rule in _yara().match(data=data)}


def by_yara_x(data: bytes) -> set[str]:
    found = _yara_x().scan(data).matching_rules
    return {str(dict(rule.metadata)["indicator"]) for rule in found}


ENGINES: dict[str, Callable[[bytes], set[str]]] = {
    "boreal": by_boreal, "yara-python": by_yara, "YARA-X": by_yara_x,
}  # fmt: skip
NOT_ASKED = {"name-umlaut", "domain-idn"}
"""Whose rules say that it is not asked whether they stand alone."""
PLANTED = [
    *(value_of(one) for one in indicators()),
    STAGE_0,
    LITERAL,
    "Договор 17.scr",
    "ДОГОВОР.SCR",
    "GRÜSSE.PIF grüße.pif",
    "update_7.dat and updxte_long.dat",
    "bücher-versand.com",
    "BÜCHER-VERSAND.COM",
    "xn--bcher-versand-dlb.com",
    'RunDll32.exe "C:\\Users\\jo\\upd.dat", Start',
    "rundll32 upd.dat",
    "95.216.7.7",
    "привет, МИР",
    "key=0badcafe/x key=0badcaf/x",
    "notpandorasong.com pandorasong.community",
    "xcyzfc.datx cyzfc.dat.bak",
]
CLOTHES: dict[str, Callable[[str], bytes]] = {
    "UTF-8": lambda text: b"\0\x01" + text.encode() + b"\0",
    "UTF-16": lambda text: b"\0\0" + text.encode("utf-16-le") + b"\0\0",
    "upper case": lambda text: b"\n" + text.upper().encode("utf-16-le") + b"\n\0",
    "within a word": lambda text: b"abc" + text.encode() + b"xyz",
}


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("dressed", CLOTHES)
def test_each_engine_finds_what_the_agent_finds(dressed: str, engine: str) -> None:
    seen: set[str] = set()
    for text in PLANTED:
        data = CLOTHES[dressed](text)
        expected = by_agent(data)
        assert ENGINES[engine](data) - NOT_ASKED == expected - NOT_ASKED, text
        assert ENGINES[engine](data) >= expected, text
        if dressed != "within a word":
            assert ENGINES[engine](data) == expected, text
        seen |= expected
    assert len(seen) > 20


@pytest.mark.parametrize("engine", ENGINES)
def test_of_bytes_that_hold_all_of_it_each_engine_finds_every_rule(engine: str) -> None:
    texts = b"\0\n".join(CLOTHES["UTF-16"](text) for text in PLANTED)
    data = texts + bytes.fromhex("0c333532281a29323f283533321f3d30305c") + b"\0MSSE-1234-server\0"
    found = ENGINES[engine](data)
    assert found == by_agent(data)
    assert found == {one.id for one in indicators()} - {
        identifier for ids in exported().left_out.values() for identifier in ids
    }


@pytest.mark.parametrize("engine", ENGINES)
def test_of_other_bytes_they_find_nothing(engine: str) -> None:
    assert ENGINES[engine](bytes(range(256)) * 64 + "Звичайний текст".encode()) == set()


def test_each_indicator_is_a_rule_or_named_as_none() -> None:
    left = exported().left_out
    assert len(exported().rules) + sum(map(len, left.values())) == len(indicators())
    assert set(left) == {"hash", "pe", "layout", "lnk", "file_path", "certificate", "address"}
    assert left["address"] == ["block"]
    head = exported().text.partition("rule ")[0]
    for kind, ids in left.items():
        assert f"// not carried over, {kind}: {' '.join(ids)}\n" in head
    assert exported().told.startswith(f"{len(exported().rules)} rules; not carried over: ")


def test_names_of_rules_are_names_and_differ() -> None:
    names = [rule.partition("\n")[0].removeprefix("rule ") for rule in exported().rules]
    assert len(set(names)) == len(names)
    assert all(name.replace("_", "").isalnum() and len(name) <= MOST_NAME for name in names)
    assert "iocsweep_of_others_a_b" in names
    assert "iocsweep_of_others_a_b_2" in names


def test_what_a_pack_says_is_text_and_no_rule() -> None:
    text = exported().text
    assert text.isascii()
    assert text.count("not_asked = ") == len(NOT_ASKED)
    assert '// of-others 1: What is hard to write: "quotes", \\ and ?, of-others.yaml' in text
    (rule,) = (one for one in _yara().match(data=b"evil-two.net"))
    assert rule.meta["reference"].encode("latin-1", "replace")
    assert rule.meta["pack"] == "of-others 1"
    assert rule.meta["strength_in_pack"] == "strong"
    assert r'reference = "R1: a \"report\" of \\share, \xd0\x96"' in text


def test_the_command_writes_what_is_built_in(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["packs", "export", "--to", "yara"]) == 0
    shown = capsys.readouterr()
    assert shown.out.startswith(BEGINS)
    assert "58 rules; not carried over: 8 hash, 6 lnk" in shown.err
    out = tmp_path / "cyzfc.yar"
    assert main(["packs", "export", "--to", "yara", "cyzfc-2018-11", "--out", str(out)]) == 0
    assert out.read_text("ascii") + "\n" == shown.out
    assert main(["packs", "export", "--to", "yara", "--out", str(out)]) == 2
    assert "is there already" in capsys.readouterr().err


def test_the_command_writes_a_pack_of_ones_own(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    mine = tmp_path / "mine.yaml"
    mine.write_text(OTHERS.replace("name-ж", "name-zh").replace("text-ж", "text-zh"), "utf-8")
    assert main(["packs", "export", "--to", "yara", str(mine)]) == 0
    assert capsys.readouterr().out.count("\nrule ") == 9
    assert main(["packs", "export", "--to", "yara", str(tmp_path / "no.yaml")]) == 2
    assert "no.yaml" in capsys.readouterr().err


def test_to_what_has_to_be_said(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["packs", "export"]) == 2
    assert "--to" in capsys.readouterr().err
