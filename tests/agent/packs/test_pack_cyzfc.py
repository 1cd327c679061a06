"""The campaign's pack holds every sourced fact, nothing unsourced, and rules that can fire."""

from __future__ import annotations

import re
import struct
from pathlib import Path
from typing import Any

import msgspec
import pytest
import yaml

import iocs
from agent.indicators import (
    Address,
    ChainRule,
    CommandLine,
    Content,
    Domain,
    FileHash,
    FileName,
    Indicator,
    Layout,
    PackFile,
    PeTrait,
    Pipe,
)
from agent.model.report import Strength

PACK_PATH = Path(iocs.__file__).parent / "cyzfc.yaml"

SOURCES = {
    "processes", "modules", "memory", "pipes", "connections", "dns_cache", "hosts_file", "files",
}  # fmt: skip

QUERY_3 = "-noni -ep bypass $zk='JHB0Z3Q9MHgwMDA1ZTJiZTskdmNxPTB4MDAwNjIzYjY7JHRiPSJ"

SOURCED = [
    # type, value, strength, status
    ("hash", "9858d5cb2a6614be3c48e33911bf9f7978b441bf", "confirmed", "SRC"),
    ("hash", "16bbc967a8b6a365871a05c74a4f345b", "confirmed", "SRC"),
    ("hash", "6ed0020b0851fb71d5b0076f4ee95f3c", "confirmed", "SRC"),
    (
        "hash",
        "2cea2a1f53dac3f4fff156eacc2ecc8e98b1a64f0f5b5ee1c42c69d9a226c55c",
        "confirmed",
        "SRC",
    ),
    ("hash", "3fccf531ff0ae6fedd7c586774b17a2d", "confirmed", "SRC"),
    ("hash", "cd92f19d3ad4ec50f6d19652af010fe07dca55e1", "confirmed", "SRC"),
    ("hash", "658c6fe38f95995fa8dc8f6cfe41df7b", "strong", "SRC"),
    ("hash", "313f4808aa2a2073005d219bc68971cd", "weak", "SRC"),
    ("pe", "PointFunctionCall", "strong", "SRC"),
    ("lnk", "user-pc", "weak", "SRC"),
    ("lnk", "08:00:27:92:24:e5", "weak", "SRC"),
    ("lnk", "C4B2-BD1C", "weak", "SRC"),
    ("lnk", "2016-10-06T17:03:04Z", "weak", "SRC"),
    ("content", "S-1-5-21-1764276529-1526541935-4264456457-1000", "weak", "SRC"),
    ("file_name", "cyzfc.dat", "weak", "SRC"),
    ("file_name", "ds7002.lnk", "weak", "SRC"),
    ("file_name", "ds7002.zip", "weak", "SRC"),
    ("file_name", "ds7001.zip", "weak", "SRC"),
    ("file_name", "ds7002.pdf", "weak", "SRC"),
    ("file_name", "Temp1_ds7002.zip", "weak", "SRC"),
    ("file_path", r"%LOCALAPPDATA%\cyzfc.dat", "strong", "SRC"),
    ("file_path", r"%APPDATA%\cyzfc.dat", "strong", "DRV"),
    ("file_path", r"%TEMP%\cyzfc.dat", "strong", "DRV"),
    ("file_path", r"%TEMP%\ds7002.PDF", "weak", "SRC"),
    ("file_path", r"%APPDATA%\ds7002.PDF", "weak", "DRV"),
    ("file_path", r"%TEMP%\**\ds7002.lnk", "strong", "SRC"),
    # The hunting queries: 1 and 5 are hashes, 2 the domain.
    ("command_line", QUERY_3, "strong", "SRC"),
    ("command_line", "https://www.jmj.com/personal/nauerthn_state_gov", "weak", "SRC"),
    ("command_line", "cyzfc.dat, PointFunctionCall", "strong", "SRC"),
    ("command_line", "-noni -ep bypass $", "weak", "SRC"),
    ("command_line", "'FromBase'+0x40+'String'", "weak", "SRC"),
    ("content", QUERY_3, "weak", "SRC"),
    ("content", "$ptgt=0x0005e2be", "weak", "DRV"),
    ("content", "$vcq=0x000623b6", "weak", "DRV"),
    *(
        ("content", f"function {name}(", "weak", "SRC")
        for name in ("lylyvve", "abejxg", "wcvqrx", "vurfoe", "bygtqi", "myayxvj")
    ),
    *(
        ("content", f"${name}", "weak", "SRC")
        for name in ("oufgke", "wabxu", "edblcez", "yhcgpw", "lblij", "gibisec", "jzffhy")
    ),
    ("content", r"%APPDATA%\$cbwsczt", "weak", "DRV"),
    ("content", r"%TEMP%\$cbwsczt", "weak", "DRV"),
    ("content", "[native.win]::ShowWindow", "weak", "SRC"),
    ("domain", "pandorasong.com", "strong", "SRC"),
    ("address", "95.216.59.92", "weak", "SRC"),
    (
        "certificate",
        "ff081d0526721b9217295e809e30fcea66e31f2ab0e0fc6699af222a24f5f6cc",
        "strong",
        "SRC",
    ),
    (
        "certificate",
        "216fda88168f10f19d5b217d5d718b90c950176224d24a97fcb2eea71a153f39",
        "strong",
        "SRC",
    ),
    ("url", "https://www.jmj.com/personal/nauerthn_state_gov", "weak", "SRC"),
    ("url", "https://www.jmj.com/personal/nauerthn_state_gov/TUJE7QJl", "weak", "SRC"),
    ("content", "DOSOneDriveNotifications-svCT-Mailbox", "weak", "SRC"),
    ("domain", "mx1.era.citon.com", "weak", "SRC"),
    ("address", "216.251.161.198", "weak", "SRC"),
    ("content", "TP18-DS7002", "weak", "SRC"),
]

UNSOURCED = [
    # What nobody has shown (UNVERIFIED), and what belongs to somebody else.
    "VFVKRTdRSm",
    "/radio/xmlrpc/v45",
    "/radio/xmlrpc/v35",
    "GET /access/",
    "__utma",
    "310066733",
    "msagent_",
    "sysnative",
    "syswow64",
    "watermark",
    "ZnVuY3Rpb24gbHlseXZ2ZSg",
    "AudioSes",
    "f713d5df826c6051e65f995e57d6817d",
    "IAStorIcon",
    "1582502724",
    "audio-sv5-t1-3",
    "0x0005edee",
]


@pytest.fixture(scope="module")
def text() -> str:
    return PACK_PATH.read_text(encoding="ascii")


@pytest.fixture(scope="module")
def pack(text: str) -> PackFile:
    return msgspec.convert(yaml.safe_load(text), PackFile)


def kind(indicator: Indicator) -> str:
    return str(msgspec.to_builtins(indicator)["type"])


def by_id(pack: PackFile) -> dict[str, Any]:
    return {indicator.id: indicator for indicator in pack.indicators}


def chain(pack: PackFile, rule: str) -> ChainRule:
    return next(found for found in pack.chains if found.id == rule)


def test_the_loader_takes_it() -> None:
    packs = pytest.importorskip("agent.packs.loading")
    packs.load_pack(PACK_PATH)


@pytest.mark.parametrize(("type_", "value", "strength", "status"), SOURCED)
def test_every_sourced_fact_is_there(
    pack: PackFile, type_: str, value: str, strength: str, status: str
) -> None:
    found = [i for i in pack.indicators if kind(i) == type_ and i.value == value]
    assert [(Strength(i.strength).value, i.status) for i in found] == [(strength, status)]


@pytest.mark.parametrize("value", UNSOURCED)
def test_nothing_unsourced_is_there(text: str, value: str) -> None:
    assert value.casefold() not in text.casefold()


def test_every_reference_exists_and_is_used(pack: PackFile) -> None:
    assert {key for i in pack.indicators for key in i.reference} == set(pack.references)


def test_ids_are_unique(pack: PackFile) -> None:
    ids = [part.id for part in (*pack.indicators, *pack.chains)]
    assert len(ids) == len(set(ids))


def test_no_fact_is_listed_twice(pack: PackFile) -> None:
    facts = [(kind(i), str(i.value).casefold(), getattr(i, "field", "")) for i in pack.indicators]
    assert len(facts) == len(set(facts))


def test_hashes_have_the_length_of_an_algorithm(pack: PackFile) -> None:
    hashes = [i.value for i in pack.indicators if isinstance(i, FileHash)]
    assert {len(value) for value in hashes} == {32, 40, 64}
    assert all(value == value.lower() for value in hashes)


def test_chains_name_what_exists(pack: PackFile) -> None:
    known = by_id(pack)
    for rule in pack.chains:
        for clause in rule.all:
            assert set(clause.any) <= set(known), rule.id
            assert set(clause.sources) <= SOURCES, rule.id


def test_only_the_campaigns_own_file_is_confirmed_by_itself(pack: PackFile) -> None:
    confirmed = {kind(i) for i in pack.indicators if Strength(i.strength) is Strength.CONFIRMED}
    assert confirmed == {"hash", "layout"}


def test_a_bare_name_and_a_bare_address_are_weak(pack: PackFile) -> None:
    for indicator in pack.indicators:
        if isinstance(indicator, FileName | Address):
            assert Strength(indicator.strength) is Strength.WEAK, indicator.id


def test_third_parties_are_weak_and_never_accused(pack: PackFile) -> None:
    third_parties = re.compile(
        r"jmj\.com|svCT-Mailbox|citon\.com|216\.251\.161\.198|Stevenson|Nauert\b"
    )
    found = [i for i in pack.indicators if third_parties.search(str(i.value))]
    assert len(found) == 8
    for indicator in found:
        assert Strength(indicator.strength) is Strength.WEAK, indicator.id
        assert "istorical, never block or accuse" in " ".join(indicator.note.split()), indicator.id


def test_third_parties_sites_are_no_domains(pack: PackFile) -> None:
    domains = {i.value for i in pack.indicators if isinstance(i, Domain)}
    assert domains == {"pandorasong.com", "mx1.era.citon.com"}


def test_the_domain_knows_its_address(pack: PackFile) -> None:
    known = by_id(pack)
    assert [known[name].value for name in known["c2-domain"].resolves_to] == ["95.216.59.92"]


def test_the_layout_is_what_the_loaders_constants_say(pack: PackFile) -> None:
    (layout,) = (i for i in pack.indicators if isinstance(i, Layout))
    end_of_link, pdf, script, end = 0xDD8, 0x48BD8, 0x5E2BE, 0x623B6
    parts = {int(offset, 0): bytes.fromhex(value) for offset, value in layout.parts.items()}
    assert parts == {
        0: struct.pack("<I", 0x4C) + bytes.fromhex("01140200"),
        end_of_link: bytes(byte ^ 0x5C for byte in b"MZ"),
        pdf: bytes(byte ^ 0x5C for byte in b"%PDF"),
    }
    assert layout.gate.min_size == end
    known = by_id(pack)
    assert (
        known["dll-sha1"].gate.size == known["dll-export"].gate.size == pdf - end_of_link == 294_400
    )
    assert known["pdf-md5"].gate.size == script - pdf == 87_782
    assert known["lnk-md5"].gate.min_size == end == 402_358


def test_the_least_archive_that_can_hold_the_shortcut(pack: PackFile) -> None:
    name = len("ds7002.lnk")
    deflated = -(-402_358 // 1032)
    least = 30 + name + deflated + 46 + name + 22
    known = by_id(pack)
    assert known["zip-md5-3fcc"].gate.min_size == least == 508
    # Those that may be the harmless archive are not held to the shortcut's size.
    assert (
        known["zip-sha1"].gate.min_size
        == known["zip-md5-658c"].gate.min_size
        == 30 + 1 + 46 + 1 + 22
    )


def test_the_export_is_the_only_one_of_a_64_bit_dll(pack: PackFile) -> None:
    (trait,) = (i for i in pack.indicators if isinstance(i, PeTrait))
    assert trait.only_export
    assert trait.gate.machine == "amd64"


def test_the_pipe_takes_the_numbers_0_to_9897_and_no_others(pack: PackFile) -> None:
    (pipe,) = (i for i in pack.indicators if isinstance(i, Pipe))
    expression = re.compile(pipe.value)
    taken = [n for n in range(100_000) if expression.fullmatch(f"MSSE-{n}-server")]
    assert taken == list(range(9898))
    assert expression.fullmatch(pipe.example)
    for other in ("MSSE--server", "MSSE-007-server", "MSSE-1-servant", "msagent-1-server"):
        assert not expression.fullmatch(other)


def test_published_queries_do_not_hold_what_only_the_sample_holds(pack: PackFile) -> None:
    """A hunting script that quotes them is not mistaken for the loader."""
    rework = (
        "$zk=' JHB0Z3Q9MHgwMDA1ZTJiZTskdmNxPTB4MDAwNjIzYjY7JHRiPSJkczcwMDIubG5rIjtpZiAo"
        "LW5vdChUZXN0LVBhdGggJHRiKSl7JG9lPUdldC1DaGlsZEl0"
    )
    strong = [
        i.value
        for i in pack.indicators
        if isinstance(i, Content)
        and i.match == "text"
        and Strength(i.strength) is not Strength.WEAK
    ]
    assert len(strong) == 3
    for published in (QUERY_3, rework):
        assert not [value for value in strong if value.casefold() in published.casefold()]


def test_every_content_indicator_is_gated_by_the_forms_it_comes_in(pack: PackFile) -> None:
    for indicator in pack.indicators:
        if isinstance(indicator, Content):
            assert indicator.gate.extensions or indicator.gate.size, indicator.id


def test_the_hunting_queries_stand_in_the_notes(pack: PackFile) -> None:
    notes = " ".join(indicator.note for indicator in pack.indicators).casefold()
    for number in range(1, 6):
        assert f"hunting query {number}" in notes
    for name in ("apt unidentified nov 18", "apt unidentified nov 18 (1)", "apt29 thinktanks"):
        assert name in notes


def test_confirmed_chains_need_the_campaigns_own_dll(pack: PackFile) -> None:
    """The lab's cyzfc.dat, loaded by rundll32, is not enough."""
    confirmed = [rule for rule in pack.chains if Strength(rule.strength) is Strength.CONFIRMED]
    assert {rule.id for rule in confirmed} == {
        "rundll32-runs-cyzfc", "cyzfc-with-export", "rundll32-loaded-export",
    }  # fmt: skip
    own = {
        "cmd-cyzfc-pointfunctioncall", "cmd-pointfunctioncall", "dll-export", "dll-sha1", "dll-md5",
    }  # fmt: skip
    for rule in confirmed:
        assert any(set(clause.any) <= own for clause in rule.all), rule.id


def test_lnk_metadata_is_strong_only_all_together(pack: PackFile) -> None:
    rule = chain(pack, "lnk-made-there")
    assert rule.same_file
    assert [clause.any for clause in rule.all] == [
        ["lnk-machine-id"], ["lnk-mac"], ["lnk-volume-serial"], ["lnk-droid-time"],
    ]  # fmt: skip


def test_command_lines_carry_no_unprintable_characters(pack: PackFile) -> None:
    """The published query block begins with a zero-width space."""
    for indicator in pack.indicators:
        if isinstance(indicator, CommandLine):
            pieces = [indicator.value] if isinstance(indicator.value, str) else indicator.value
            assert all(piece.isascii() and piece.isprintable() for piece in pieces), indicator.id
