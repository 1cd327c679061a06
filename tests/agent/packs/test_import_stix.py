"""Bundles of STIX 2 become packs: what patterns mean, what they cannot mean, and who says so."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.indicators import FileHash
from agent.model.report import Strength
from agent.packs.importing.stix_pattern import BadPattern, Comparison, Joined, Observed, parsed
from tests.evidence.imported import Imported, Importer, importer

MD5 = "16bbc967a8b6a365871a05c74a4f345b"
SHA1 = "9858d5cb2a6614be3c48e33911bf9f7978b441bf"
SHA256 = "2cea2a1f53dac3f4fff156eacc2ecc8e98b1a64f0f5b5ee1c42c69d9a226c55c"


@pytest.fixture
def imported(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Importer:
    return importer(tmp_path, capsys)


def indicator(pattern: str, number: int = 1, **more: Any) -> dict[str, Any]:
    return {
        "type": "indicator", "spec_version": "2.1", "pattern": pattern, "pattern_type": "stix",
        "id": f"indicator--00000000-0000-4000-8000-{number:012}",
        "created": "2026-01-01T00:00:00.000Z", "modified": "2026-01-01T00:00:00.000Z",
        "valid_from": "2026-01-01T00:00:00Z", **more,
    }  # fmt: skip


def bundle(*objects: dict[str, Any]) -> dict[str, str]:
    made = {"type": "bundle", "id": "bundle--1", "objects": list(objects)}
    return {"bundle.json": json.dumps(made)}


def of_patterns(imported: Importer, *patterns: str) -> Imported:
    return imported(bundle(*(indicator(one, n) for n, one in enumerate(patterns))))


def test_single_comparisons_become_their_types(imported: Importer) -> None:
    found = of_patterns(
        imported,
        f"[file:hashes.'SHA-256' = '{SHA256.upper()}']",
        f"[file:hashes.MD5 = '{MD5}']",
        "[file:name = 'evil.exe']",
        "[file:name LIKE 'upd%_.dat']",
        "[file:name MATCHES '^evil_(a|b)\\\\.dll$']",
        "[file:parent_directory_ref.path = 'C:\\\\ProgramData' AND file:name = 'x.dll']",
        "[domain-name:value = 'evil-one.net']",
        "[domain-name:value LIKE '%.evil-two.net']",
        "[ipv4-addr:value ISSUBSET '95.216.0.0/16']",
        "[ipv6-addr:value = '2a01:4f8::7']",
        "[url:value = 'http://evil-one.net/a?b=it\\'s']",
        "[process:command_line LIKE '%rundll32%cyz.dat%']",
        "[network-traffic:dst_ref.type = 'ipv4-addr' AND"
        " network-traffic:dst_ref.value = '95.217.1.1' AND network-traffic:dst_port = 443]",
        f"[x509-certificate:hashes.'SHA-256' = '{SHA256}']",
    )
    assert found.left_out() == {}
    assert found.became() == {
        SHA256: ("certificate", "strong"),
        MD5: ("hash", "confirmed"),
        "evil.exe": ("file_name", "weak"),
        "upd*?.dat": ("file_name", "weak"),
        "evil_a.dll": ("file_name", "weak"),
        "evil_b.dll": ("file_name", "weak"),
        r"C:\ProgramData\x.dll": ("file_path", "strong"),
        "evil-one.net": ("domain", "strong"),
        "evil-two.net": ("domain", "strong"),
        "95.216.0.0/16": ("address", "weak"),
        "2a01:4f8::7": ("address", "weak"),
        "http://evil-one.net/a?b=it's": ("url", "strong"),
        "rundll32 … cyz.dat": ("command_line", "strong"),
        "95.217.1.1": ("address", "weak"),
    }
    assert found.pack is not None
    hashed = next(one for one in found.pack.indicators if one.value == SHA256)
    assert hashed.strength is Strength.CONFIRMED


def test_or_and_in_are_alternatives_and_and_is_a_chain(imported: Importer) -> None:
    found = of_patterns(
        imported,
        "[file:name IN ('one.exe', 'two.exe') OR domain-name:value = 'evil-one.net']",
        "[file:name = 'a.dll' AND file:name = 'b.dll']",
        "[domain-name:value = 'evil-two.net'] AND [ipv4-addr:value = '95.216.1.1']",
        f"[file:name = 'c.dll' AND file:hashes.'SHA-1' = '{SHA1}']",
    )
    assert found.became() == {
        "one.exe": ("file_name", "weak"),
        "two.exe": ("file_name", "weak"),
        "evil-one.net": ("domain", "strong"),
        "a.dll": ("file_name", "weak"),
        "b.dll": ("file_name", "weak"),
        "evil-two.net": ("domain", "weak"),
        "95.216.1.1": ("address", "weak"),
        "c.dll": ("file_name", "weak"),
        SHA1: ("hash", "confirmed"),
    }
    assert found.pack is not None
    value = {one.id: one.value for one in found.pack.indicators}
    chains = {
        frozenset(str(value[clause.any[0]]) for clause in rule.all): rule
        for rule in found.pack.chains
    }
    assert set(chains) == {
        frozenset(("a.dll", "b.dll")),
        frozenset(("evil-two.net", "95.216.1.1")),
        frozenset(("c.dll", SHA1)),
    }
    assert chains[frozenset(("a.dll", "b.dll"))].same_file is True
    joined = chains[frozenset(("evil-two.net", "95.216.1.1"))]
    assert (joined.same_file, joined.strength) == (False, Strength.STRONG)


def test_what_is_not_asked_makes_weak_and_is_told(imported: Importer) -> None:
    found = of_patterns(
        imported,
        "[file:name = 'a.dll' AND file:size > 5]",
        f"[file:hashes.MD5 = '{MD5}' AND file:size = 7]",
        "[domain-name:value = 'evil-one.net' AND domain-name:value != 'good.evil-one.net']",
        "[file:parent_directory_ref.path LIKE '%x' AND file:name = 'c.dll']",
        "[domain-name:value = 'evil-two.net'] FOLLOWEDBY [file:name = 'b.dll'] WITHIN 60 SECONDS",
    )
    assert found.became() == {
        "a.dll": ("file_name", "weak"),
        MD5: ("hash", "confirmed"),
        "evil-one.net": ("domain", "weak"),
        "evil-two.net": ("domain", "weak"),
        "b.dll": ("file_name", "weak"),
        "c.dll": ("file_name", "weak"),
    }
    assert found.pack is not None
    assert [one.gate.size for one in found.pack.indicators if isinstance(one, FileHash)] == [7]
    told = [row["told"] for row in found.rows]
    assert told == [
        "> of file:size is not asked: wider, weak",
        "opened by its size",
        "a negation of domain-name:value is not asked: wider, weak",
        "file:parent_directory_ref.path is not asked: wider, weak",
        "which follows which is not asked; WITHIN is not asked; strong together with 1 more",
        "which follows which is not asked; WITHIN is not asked; strong together with 1 more",
    ]


@pytest.mark.parametrize(
    ("pattern", "why"),
    [
        ("[file:name = 'a'", "] is expected at character 17"),
        ('[file:name = "a"]', "'\"' is not expected at character 14"),
        ("file:name = 'a'", "[ is expected at character 1"),
        ("[file:name = 'a'] [file:name = 'b']", "nothing more is expected at character 19"),
        ("[windows-registry-key:key = 'HKLM\\\\a']", "a registry key or value: no indicator type"),
        ("[email-message:subject = 'a']", "about mail: no indicator type"),
        ("[file:name != 'a']", "a negation of file:name"),
        ("[EXISTS file:name]", "EXISTS of file:name"),
        ("[url:value MATCHES '^http']", "MATCHES of url:value"),
        ("[file:name MATCHES 'a(?!b)c']",
         "MATCHES of file:name: it looks ahead, behind or back at what it found"),
        ("[x-tool:thing = 'a']", "no indicator type for x-tool:thing"),
        ("[file:hashes.'SHA-512' = '" + "a" * 128 + "']",
         "SHA-512: only MD5, SHA-1 and SHA-256 are computed"),
        ("[" + "(" * 40 + "file:name = 'a'" + ")" * 40 + "]", "nested too deeply at character 34"),
        ("[" + " AND ".join(["file:name IN ('a', 'b', 'c', 'd')"] * 6) + "]",
         "more than 1,024 alternatives"),
    ],
)  # fmt: skip
def test_a_pattern_that_means_nothing_here_is_left_out_alone(
    imported: Importer, pattern: str, why: str
) -> None:
    found = of_patterns(imported, pattern, "[domain-name:value = 'evil-one.net']")
    assert found.became() == {"evil-one.net": ("domain", "strong")}
    assert list(found.left_out().values()) == [why]


def test_who_says_so_how_sure_and_until_when(imported: Importer) -> None:
    identity = {"type": "identity", "id": "identity--1", "name": "A CERT"}
    found = imported(
        bundle(
            identity,
            indicator(
                "[domain-name:value = 'evil-one.net']", 1, name="C2", created_by_ref="identity--1",
                confidence=15, valid_until="2026-02-01T00:00:00Z",
                external_references=[{"source_name": "blog", "url": "https://blog.example/1"}],
            ),
            indicator("[domain-name:value = 'evil-two.net']", 2, confidence=85),
            indicator("[domain-name:value = 'evil-three.net']", 3, revoked=True),
            indicator("[domain-name:value = 'fine.net']", 4, indicator_types=["benign"]),
            indicator("rule a { condition: true }", 5, pattern_type="yara"),
            {"type": "file", "id": "file--1", "name": "seen.exe"},
        )
    )  # fmt: skip
    assert found.became() == {
        "evil-one.net": ("domain", "weak"),
        "evil-two.net": ("domain", "strong"),
    }
    assert set(found.left_out().values()) == {
        "revoked", "says what is benign", "a rule of another engine: no indicator",
        "no indicator: context",
    }  # fmt: skip
    assert found.pack is not None
    first = found.pack.indicators[0]
    assert "C2; a confidence below 30: weak; valid until 2026-02-01" in first.note
    assert found.pack.references[first.reference[1]] == (
        "STIX indicator--00000000-0000-4000-8000-000000000001; by A CERT; https://blog.example/1;"
        " named in bundle.json"
    )


def test_and_binds_closer_than_or_and_or_than_followedby() -> None:
    a, b, c = (Comparison("file:name", "=", (one,)) for one in "abc")
    inside = parsed("[file:name = 'a' OR file:name = 'b' AND file:name = 'c']")
    assert inside == Observed(Joined("OR", (a, Joined("AND", (b, c)))))
    outside = parsed(
        "[file:name = 'a'] FOLLOWEDBY [file:name = 'b'] OR [file:name = 'c'] REPEATS 2 TIMES"
    )
    assert outside == Joined(
        "FOLLOWEDBY", (Observed(a), Joined("OR", (Observed(b), Observed(c, ("REPEATS",)))))
    )


PIECES = st.sampled_from(
    ["[", "]", "(", ")", "file:name", "=", "'a'", "AND", "OR", "FOLLOWEDBY", "IN", "NOT", "WITHIN",
     "5", "SECONDS", ",", "EXISTS", "'", "\\", "t'x'", ".", "*", "START", "LIKE", "\u0000", "é"]
)  # fmt: skip


@given(st.lists(PIECES, max_size=24))
def test_any_pattern_is_read_or_refused(pieces: list[str]) -> None:
    text = " ".join(pieces)
    try:
        assert isinstance(parsed(text), (Comparison, Joined, Observed))
    except BadPattern as error:
        assert "at character" in str(error)
