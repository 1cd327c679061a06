"""MISP's events become packs: what is meant for detection, composites, objects, doubts."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from agent.indicators import FileHash
from tests.evidence.imported import Importer, importer

MD5 = "16bbc967a8b6a365871a05c74a4f345b"
SHA1 = "9858d5cb2a6614be3c48e33911bf9f7978b441bf"
SHA256 = "2cea2a1f53dac3f4fff156eacc2ecc8e98b1a64f0f5b5ee1c42c69d9a226c55c"


@pytest.fixture
def imported(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Importer:
    return importer(tmp_path, capsys)


def attribute(kind: str, value: str, *, to_ids: bool = True, **more: Any) -> dict[str, Any]:
    return {
        "uuid": f"5e{len(value):06x}-0000-4000-8000-000000000000", "type": kind, "value": value,
        "to_ids": to_ids, "category": "Payload delivery", "comment": "", "deleted": False, **more,
    }  # fmt: skip


def event(*attributes: dict[str, Any], **more: Any) -> dict[str, Any]:
    return {
        "Event": {
            "uuid": "5f0c2d4e-0000-4000-8000-000000000001", "info": "Evil campaign",
            "date": "2026-01-02", "threat_level_id": "1", "Orgc": {"name": "A CERT"},
            "Galaxy": [{"name": "Threat Actor", "GalaxyCluster": [{"value": "EVIL BEAR"}]}],
            "Attribute": list(attributes), **more,
        }
    }  # fmt: skip


def test_what_is_meant_for_detection_is_taken_with_its_event(imported: Importer) -> None:
    found = imported(
        {
            "event.json": json.dumps(
                event(
                    attribute("sha256", SHA256.upper(), comment="the loader"),
                    attribute("filename|sha1", f"evil loader.exe|{SHA1}"),
                    attribute("ip-dst|port", "95.216.1.1|443"),
                    attribute("domain|ip", "evil-one.net|95.216.1.2"),
                    attribute("hostname|port", "c2.evil-two.net|8443"),
                    attribute("url", "http://evil-one.net/a"),
                    attribute("named pipe", r"\\.\pipe\evil-7.a", to_ids=False),
                    attribute("malware-sample", f"cyz.dat|{MD5}"),
                    attribute("domain", "context.example.net", to_ids=False),
                    attribute("regkey|value", "HKLM\\Run|evil"),
                    attribute("ssdeep", "3:abc:def"),
                    attribute("link", "https://blog.example/1", to_ids=False),
                    attribute("domain", "gone.example.net", deleted=True),
                    attribute("filename|sha1", "nothing else"),
                    attribute("bank-account-nr", "1"),
                )
            )
        }
    )
    assert found.became() == {
        SHA256: ("hash", "confirmed"),
        "evil loader.exe": ("file_name", "weak"),
        SHA1: ("hash", "confirmed"),
        "95.216.1.1": ("address", "weak"),
        "evil-one.net": ("domain", "strong"),
        "95.216.1.2": ("address", "weak"),
        "c2.evil-two.net": ("domain", "strong"),
        "http://evil-one.net/a": ("url", "strong"),
        r"[Ee][Vv][Ii][Ll]-7\.[Aa]": ("pipe", "weak"),
        "cyz.dat": ("file_name", "weak"),
        MD5: ("hash", "confirmed"),
    }
    assert "3 hashes of files of no known size: a sweep asks them of programs" in found.shown
    assert found.left_out() == {
        "context.example.net": "to_ids is not set: context, not for detection",
        "HKLM\\Run|evil": "a registry key or value: no indicator type",
        "3:abc:def": "a fuzzy or import hash: no indicator type",
        "https://blog.example/1": "a text for people: no indicator",
        "gone.example.net": "deleted",
        "nothing else": "not two values, as filename|sha1 wants",
        "1": "no indicator type for bank-account-nr",
    }
    assert found.pack is not None
    first = found.pack.indicators[0]
    assert "the loader" in first.note
    assert found.pack.references[first.reference[1]] == (
        "MISP event 5f0c2d4e-0000-4000-8000-000000000001: Evil campaign; by A CERT; 2026-01-02;"
        " galaxies EVIL BEAR; named in event.json"
    )


def test_attributes_of_objects_know_their_relation(imported: Importer) -> None:
    of_file = {
        "name": "file",
        "Attribute": [
            attribute("filename", "evil.exe", object_relation="filename"),
            attribute("md5", MD5, object_relation="md5"),
            attribute("size-in-bytes", "294400", object_relation="size-in-bytes", to_ids=False),
        ],
    }
    of_process = {
        "name": "process",
        "Attribute": [
            attribute("text", "evil.exe -run now", object_relation="command-line"),
            attribute("text", "just words", object_relation="name"),
        ],
    }
    gone = {"name": "file", "deleted": True, "Attribute": [attribute("md5", "0" * 32)]}
    found = imported({"event.json": json.dumps(event(Object=[of_file, of_process, gone]))})
    assert found.became() == {
        "evil.exe": ("file_name", "weak"),
        MD5: ("hash", "confirmed"),
        "evil.exe -run now": ("command_line", "strong"),
    }
    assert found.left_out() == {
        "294400": "a size alone: no indicator",
        "just words": "a text for people: no indicator",
    }
    assert found.rows[0]["kind"] == "file filename: filename"
    assert found.pack is not None
    assert [one.gate.size for one in found.pack.indicators if isinstance(one, FileHash)] == [294400]
    assert "hashes of files of no known size" not in found.shown


def test_what_a_list_or_a_tag_doubts_is_weak(imported: Importer) -> None:
    listed = attribute("domain", "evil-one.net", warnings=[{"name": "Top 1000"}])
    tagged = attribute("url", "http://a.net/b", Tag=[{"name": 'false-positive:risk="high"'}])
    sure = attribute("domain", "evil-two.net", Tag=[{"name": "tlp:white"}])
    found = imported({"event.json": json.dumps(event(listed, tagged, sure))})
    assert found.became() == {
        "evil-one.net": ("domain", "weak"),
        "http://a.net/b": ("url", "weak"),
        "evil-two.net": ("domain", "strong"),
    }
    assert found.told() == {
        "evil-one.net": "on MISP's warning list Top 1000: weak",
        "http://a.net/b": 'tagged false-positive:risk="high": weak',
    }


@pytest.mark.parametrize("shape", ["search", "list", "attributes"])
def test_answers_of_the_server_are_read_as_well(imported: Importer, shape: str) -> None:
    one = attribute("domain", "evil-one.net")
    answers: dict[str, Any] = {
        "search": {"response": [event(one)]},
        "list": [event(one)],
        "attributes": {"response": {"Attribute": [one]}},
    }
    found = imported({"answer.json": json.dumps(answers[shape])})
    assert found.became() == {"evil-one.net": ("domain", "strong")}


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ('{"Event": ', "no JSON: Input data was truncated"),
        ('{"a": 1}', "JSON of no known form"),
        ("[" * 100_000, "no JSON: "),
    ],
)
def test_other_json_is_refused(imported: Importer, text: str, why: str) -> None:
    found = imported({"event.json": text})
    assert found.code == 2
    assert why in found.said


def test_odd_parts_of_an_event_never_lose_the_rest(imported: Importer) -> None:
    odd: list[Any] = [None, 7, {}, {"type": ["md5"], "value": {}}, {"type": "md5", "value": 7}]
    made = event(attribute("domain", "evil-one.net"))
    made["Event"]["Attribute"] = [*odd, *made["Event"]["Attribute"]]
    made["Event"]["Galaxy"] = "none"
    found = imported({"event.json": json.dumps(made)})
    assert found.became() == {"evil-one.net": ("domain", "strong")}
    assert len(found.rows) == 4


def test_half_of_a_character_loses_its_own_value_alone(imported: Importer) -> None:
    text = json.dumps(event(attribute("filename", "a\ud800.exe"), attribute("filename", "b.exe")))
    assert "\\ud800" in text
    found = imported({"event.json": text})
    assert found.became() == {"b.exe": ("file_name", "weak")}
    assert list(found.left_out().values()) == ["half of a character stands in it"]
