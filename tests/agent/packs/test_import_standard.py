"""The examples of the STIX 2.1 standard: what becomes of each, in one bundle, with its table."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.evidence.imported import Importer, importer

SHA256 = "4bac27393bdd9777ce02453256c5577cd02275510b2227f473d03f533924f877"
FOUND: dict[str, dict[str, tuple[str, str]]] = {
    # 4.7.2
    f"[ file:hashes.'SHA-256' = '{SHA256}' ]": {SHA256: ("hash", "confirmed")},
    # 9.8
    "[file:name = 'foo.dll' AND file:parent_directory_ref.path = 'C:\\\\Windows\\\\System32']":
        {r"C:\Windows\System32\foo.dll": ("file_path", "strong")},
    "[url:value = 'http://example.com/foo' OR url:value = 'http://example.com/bar']": {
        "http://example.com/foo": ("url", "strong"), "http://example.com/bar": ("url", "strong")},
    "[domain-name:value = 'www.5z8.info' AND domain-name:resolves_to_refs[*].value ="
    " '198.51.100.1']": {
        "www.5z8.info": ("domain", "weak"), "198.51.100.1": ("address", "weak")},
    "[file:hashes.MD5 = '79054025255fb1a26e4bc422aef54eb4'] FOLLOWEDBY"
    " [windows-registry-key:key = 'HKEY_LOCAL_MACHINE\\\\foo\\\\bar'] WITHIN 300 SECONDS":
        {"79054025255fb1a26e4bc422aef54eb4": ("hash", "confirmed")},
}  # fmt: skip
"""Patterns that a pack has something for: values to type and strength."""
NOTHING = (
    (
        "[network-traffic:dst_ref.type = 'domain-name' AND network-traffic:dst_ref.value ="
        " 'example.com'] REPEATS 5 TIMES WITHIN 1800 SECONDS"
    ),
    (
        "[user-account:account_type = 'unix' AND user-account:user_id = '1007' AND"
        " user-account:account_login = 'Peter']"
    ),
    "[file:extensions.'windows-pebinary-ext'.sections[*].entropy > 7.0]",
    (
        "[artifact:mime_type = 'application/vnd.tcpdump.pcap' AND artifact:payload_bin MATCHES"
        " '\\\\xd4\\\\xc3\\\\xb2\\\\xa1\\\\x02\\\\x00\\\\x04\\\\x00']"
    ),
    (
        "[x509-certificate:issuer = 'CN=WEBMAIL' AND x509-certificate:serial_number ="
        " '4c:0b:1d:19:74:86:a7:66:b4:1a:bf:40:27:21:76:28']"
    ),
)
"""Those that it has nothing for; ``example.com`` is a name that harmless texts have."""


@pytest.fixture
def imported(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Importer:
    return importer(tmp_path, capsys)


def bundle(*patterns: str) -> str:
    """As in 4.7.2, with the identity that the indicator was made by."""
    by = "identity--f431f809-377b-45e0-aa1c-6a4751cae5ff"
    objects = [
        {
            "type": "indicator", "spec_version": "2.1",
            "id": f"indicator--8e2e2d2b-17d4-4cbf-938f-98ee46b3cd{number:02x}",
            "created_by_ref": by, "created": "2016-04-06T20:03:48.000Z",
            "modified": "2016-04-06T20:03:48.000Z", "indicator_types": ["malicious-activity"],
            "name": "Poison Ivy Malware", "description": "This file is part of Poison Ivy",
            "pattern": pattern, "pattern_type": "stix", "valid_from": "2016-01-01T00:00:00Z",
        }
        for number, pattern in enumerate(patterns)
    ]  # fmt: skip
    identity = {"type": "identity", "spec_version": "2.1", "id": by, "name": "ACME"}
    return json.dumps({"type": "bundle", "id": "bundle--1", "objects": [*objects, identity]})


@pytest.mark.parametrize("pattern", FOUND)
def test_a_pattern_of_the_standard_becomes(imported: Importer, pattern: str) -> None:
    made = imported({"bundle.json": bundle(pattern)})
    assert made.became() == FOUND[pattern]


def test_all_of_them_are_one_bundle_with_its_table(imported: Importer) -> None:
    made = imported({"bundle.json": bundle(*FOUND, *NOTHING)})
    assert made.became() == {value: one for some in FOUND.values() for value, one in some.items()}
    left = made.left_out()
    assert set(NOTHING) <= set(left)
    assert all(left.values())
    assert made.pack is not None
    assert any("by ACME" in text for text in made.pack.references.values())
    assert {row["where"] for row in made.rows} >= {
        f"indicator--8e2e2d2b-17d4-4cbf-938f-98ee46b3cd{number:02x}"
        for number in range(len(FOUND) + len(NOTHING))
    }
