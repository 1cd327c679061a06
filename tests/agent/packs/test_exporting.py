"""Packs in the forms of others: read again they say the same, and what a form cannot hold is named."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from agent.cli import main
from agent.indicators import Pipe
from agent.matching.matcher import type_of, value_of
from agent.packs.importing.kusto_conditions import Compared, Joined, Negated, Node
from agent.packs.importing.kusto_syntax import read_queries
from agent.packs.loading import load_pack
from agent.sources.catalog import NAMES
from tests.evidence.kusto_service import TABLES

SHA1 = "9858d5cb2a6614be3c48e33911bf9f7978b441bf"
PLAIN: list[tuple[str, str, str]] = [
    ("file_name", "evil_loader.exe", "weak"),
    ("file_path", r"C:\ProgramData\up\date.exe", "strong"),
    ("hash", SHA1, "confirmed"),
    ("hash", "ab" * 32, "confirmed"),
    ("hash", "cd" * 16, "confirmed"),
    ("domain", "evil-one.net", "strong"),
    ("address", "95.216.1.1", "weak"),
    ("command_line", "evil.dat,RunMe", "strong"),
]
"""What every form but YARA holds: type, value, strength."""
OF_FORM = {
    "csv": [("url", "https://evil-two.net/a/", "strong"), ("pipe", "evilpipe", "strong"),
            ("address", "95.216.2.0/24", "weak"), ("domain", "evil-weak.net", "weak"),
            ("file_path", r"%TEMP%\**\evil?.dll", "strong"), ("file_name", "evil*.dll", "weak")],
    "stix": [("url", "https://evil-two.net/a/", "strong"), ("address", "95.216.2.0/24", "weak"),
             ("domain", "evil-weak.net", "weak"), ("file_name", "evil*.dll", "weak")],
    "misp": [("url", "https://evil-two.net/a/", "strong"), ("domain", "evil-weak.net", "weak"),
             ("file_path", r"%TEMP%\**\evil?.dll", "strong"),
             ("address", "95.216.2.0/24", "weak"), ("file_name", "evil*.dll", "weak")],
    "sigma": [("pipe", "evilpipe", "strong"), ("domain", "evil-weak.net", "weak"),
              ("file_name", "evil?.dll", "weak")],
    "kql": [("url", "https://evil-two.net/a/", "strong"), ("address", "95.216.2.0/24", "weak")],
}  # fmt: skip
"""What a form holds besides."""


def indicator(number: int, kind: str, value: Any, strength: str, **more: Any) -> dict[str, Any]:
    if kind == "pipe":
        more, value = {"example": value}, "".join(f"[{c.upper()}{c}]" for c in value)
    return {
        "id": f"i{number}", "type": kind, "value": value, "strength": strength, "status": "SRC",
        "reference": ["R1"], "note": f"note {number}", **more,
    }  # fmt: skip


def written(folder: Path, indicators: list[dict[str, Any]], name: str = "p.yaml") -> Path:
    path = folder / name
    pack = {
        "pack": "iocsweep.pack/1", "id": "made", "version": "1", "title": "Made up",
        "references": {"R1": "somebody's report, https://blog.example/1"},
        "indicators": indicators,
    }  # fmt: skip
    path.write_text(json.dumps(pack) if name.endswith(".json") else yaml.safe_dump(pack))
    return path


def exported(pack: Path, form: str) -> Path:
    ending = {"csv": "csv", "kql": "kql", "misp": "json", "stix": "json", "sigma": "yml"}[form]
    out = pack.with_name(f"{pack.stem}-out.{ending}")
    assert main(["packs", "export", str(pack), "--to", form, "--out", str(out)]) == 0
    return out


def read_again(path: Path) -> dict[tuple[str, str], str]:
    """Types and values to strengths."""
    out = path.with_name("again.yaml")
    assert main(["packs", "import", str(path), "--out", str(out), "--force"]) == 0
    found = {}
    for one in load_pack(out, NAMES).file.indicators:
        value = one.example if isinstance(one, Pipe) else value_of(one)
        found[type_of(one), value] = one.strength.value
    return found


@pytest.mark.parametrize("form", sorted(OF_FORM))
def test_what_a_form_holds_is_the_same_pack_when_it_is_read_again(
    form: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    values = [*PLAIN, *OF_FORM[form]]
    pack = written(tmp_path, [indicator(n, *one) for n, one in enumerate(values)])
    out = exported(pack, form)
    assert f"{len(values)} indicators; not carried over: nothing" in capsys.readouterr().err
    again = read_again(out)
    assert again == {(kind, value): strength for kind, value, strength in values}
    assert "blog.example/1" in out.read_text() or form == "kql"


def test_the_size_of_a_hash_is_in_the_pattern_of_stix(tmp_path: Path) -> None:
    pack = written(tmp_path, [indicator(0, "hash", SHA1, "confirmed", gate={"size": 4711})])
    out = exported(pack, "stix")
    read_again(out)
    (one,) = load_pack(tmp_path / "again.yaml", NAMES).file.indicators
    assert one.gate.size == 4711  # type: ignore[union-attr]


HARD = [
    indicator(0, "content", "4d5a9000", "strong", match="hex"),
    indicator(1, "file_path", r"%TEMP%\**\evil.dll", "strong"),
    indicator(2, "address", "95.216.2.0/24", "weak"),
    indicator(3, "command_line", ["evil_a", "evil_b"], "strong"),
    indicator(4, "certificate", "ab" * 32, "strong"),
    indicator(5, "file_name", "evil_%*.dll", "weak"),
]


@pytest.mark.parametrize(
    ("form", "left"),
    [
        ("csv", "1 content, 1 command_line, 1 certificate"),
        ("stix", "1 content, 1 file_path, 1 command_line, 1 file_name"),
        ("misp", "1 content, 1 command_line"),
        ("sigma", "1 content, 1 file_path, 1 certificate, 1 address"),
        ("kql", "1 content, 1 certificate"),
    ],
)
def test_what_a_form_cannot_hold_is_named(
    form: str, left: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = exported(written(tmp_path, HARD), form)
    assert f"not carried over: {left}\n" in capsys.readouterr().err
    if form in ("sigma", "kql"):
        assert "not carried over, content: i0" in out.read_text()


@pytest.mark.parametrize("form", sorted(OF_FORM))
def test_the_pack_that_is_built_in_is_written_and_read(form: str, tmp_path: Path) -> None:
    ending = {"csv": "csv", "kql": "kql", "sigma": "yml"}.get(form, "json")
    out = tmp_path / f"out.{ending}"
    assert main(["packs", "export", "--to", form, "--out", str(out)]) == 0
    again = read_again(out)
    assert again["hash", SHA1] == "confirmed"
    assert ("domain", "pandorasong.com") in again


def test_a_value_with_quotes_and_backslashes_is_read_as_it_was(tmp_path: Path) -> None:
    odd = r"""run "C:\a\b.exe" 'it's' \\x *.? %TEMP%"""
    pack = written(tmp_path, [indicator(0, "command_line", odd, "strong")])
    for form in ("csv", "misp", "sigma", "kql"):
        out = exported(pack, form)
        assert list(read_again(out)) == [("command_line", odd)], form
        out.unlink()


# MISP, there and back


def event_of(pack: Path) -> bytes:
    out = exported(pack, "misp")
    data = out.read_bytes()
    out.unlink()
    return data


def came_back(data: bytes, folder: Path, name: str = "made.yaml") -> Path:
    event, out = folder / "event.json", folder / name
    event.write_bytes(data)
    assert main(["packs", "import", str(event), "--out", str(out), "--force"]) == 0
    return out


def test_a_pack_that_comes_back_from_misp_is_exported_to_the_same_bytes(tmp_path: Path) -> None:
    values = [*PLAIN, *OF_FORM["misp"], ("file_name", "only-here.exe", "strong"),
              ("pipe", "evilpipe", "strong")]  # fmt: skip
    first = event_of(written(tmp_path, [indicator(n, *one) for n, one in enumerate(values)]))
    again = came_back(first, tmp_path)
    assert event_of(again) == first
    pack = load_pack(again, NAMES).file
    assert pack.version == "1"
    assert {one.id: one.strength.value for one in pack.indicators} == {
        f"i{number}": strength for number, (*_, strength) in enumerate(values)
    }
    assert {one.note for one in pack.indicators} == {f"note {n}" for n in range(len(values))}


def test_what_was_changed_in_misp_is_no_longer_the_packs_own(tmp_path: Path) -> None:
    values = [("file_name", "evil-one.exe", "strong"), ("domain", "evil-two.net", "strong"),
              ("domain", "evil-three.net", "strong")]  # fmt: skip
    event = json.loads(
        event_of(written(tmp_path, [indicator(n, *one) for n, one in enumerate(values)]))
    )
    first, second, _ = event["Event"]["Attribute"]
    first["value"] = "other.exe"
    second["Tag"] = [{"name": 'false-positive:risk="medium"'}]
    pack = load_pack(came_back(json.dumps(event).encode(), tmp_path), NAMES).file
    name, doubted, kept = pack.indicators
    assert (name.id[:15], name.strength.value) == ("made/file_name-", "weak")
    assert (doubted.id[:12], doubted.strength.value) == ("made/domain-", "weak")
    assert (kept.id, kept.strength.value) == ("i2", "strong")
    assert pack.version != "1"


def test_under_another_id_it_is_another_pack(tmp_path: Path) -> None:
    event = event_of(written(tmp_path, [indicator(0, "file_name", "evil-one.exe", "strong")]))
    (one,) = load_pack(came_back(event, tmp_path, "feed.yaml"), NAMES).file.indicators
    assert (one.id[:15], one.strength.value) == ("feed/file_name-", "weak")
    assert "i0 (strong)" in one.note


@pytest.mark.parametrize(
    ("version", "epoch", "day"),
    [
        ("2026.11.29", None, "2026-11-29"),
        ("2026.11.29", "86400", "2026-11-29"),
        ("1", "86400", "1970-01-02"),
        ("1", None, "2018-01-01"),
        ("1", "yesterday", "2018-01-01"),
    ],
)
def test_an_event_has_no_day_but_the_packs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, version: str, epoch: str | None, day: str
) -> None:
    if epoch is None:
        monkeypatch.delenv("SOURCE_DATE_EPOCH", raising=False)
    else:
        monkeypatch.setenv("SOURCE_DATE_EPOCH", epoch)
    pack = written(tmp_path, [indicator(0, "file_name", "evil-one.exe", "weak")])
    pack.write_text(pack.read_text().replace("version: '1'", f"version: '{version}'"))
    assert json.loads(event_of(pack))["Event"]["date"] == day


# Kusto

ASKED = {
    "DeviceFileEvents", "DeviceProcessEvents", "DeviceImageLoadEvents", "DeviceNetworkEvents",
    "DnsEvents", "CommonSecurityLog", "find",
}  # fmt: skip
HASHES = {"MD5", "SHA1", "SHA256"}


def columns(node: Node) -> set[str]:
    if isinstance(node, Joined):
        return set[str]().union(*map(columns, node.parts))
    return columns(node.part) if isinstance(node, Negated) else {node.column}


def test_each_query_asks_for_columns_that_its_table_has(tmp_path: Path) -> None:
    values = [*PLAIN, *OF_FORM["csv"]]
    out = exported(written(tmp_path, [indicator(n, *one) for n, one in enumerate(values)]), "kql")
    queries = list(read_queries(out.read_text()))
    assert {query.table for query in queries} == ASKED
    blocks = "ipv4_is_in_any_range(RemoteIP, blocks)"
    assert out.read_text().count(blocks) == 1
    for query in queries:
        assert not query.why
        for condition in query.conditions:
            asked = HASHES if query.table == "find" else TABLES[query.table].keys()
            assert columns(condition) <= asked
    for table in re.findall(r"find in \((.*)\)", out.read_text()):
        for name in table.split(", "):
            assert TABLES[name].keys() >= HASHES


def test_wildcards_are_expressions_that_kusto_knows(tmp_path: Path) -> None:
    out = exported(
        written(tmp_path, [indicator(0, "file_name", "evil?*.dll", "weak"),
                           indicator(1, "file_path", r"%TEMP%\**\evil.dll", "strong")]),
        "kql",
    )  # fmt: skip
    found = [
        one.values[0]
        for query in read_queries(out.read_text())
        for one in query.conditions
        if isinstance(one, Compared)
    ]
    assert len(found) == 6
    for expression in found:
        assert not re.search(r"\\Z|\(\?>|\(\?[=!<]", expression), "RE2 has none of these"
    names, paths = found[0], found[3]
    assert re.search(names, "Evil_1.DLL")
    assert not re.search(names, "evil_1.dll.txt")
    assert re.search(paths, r"C:\Users\jo\AppData\Local\Temp\a\b\evil.dll")
    assert not re.search(paths, r"C:\Users\jo\evil.dll")


# Differences


def told(capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, list[str]]:
    capsys.readouterr()
    code = main(["packs", "diff", *arguments])
    return code, capsys.readouterr().out.splitlines()


def test_the_difference_of_two_packs(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    old = written(
        tmp_path,
        [
            indicator(0, "file_name", "gone.dll", "weak"),
            indicator(1, "domain", "evil-one.net", "strong"),
            indicator(2, "hash", SHA1, "confirmed"),
            indicator(3, "file_name", "same.dll", "weak"),
        ],
    )
    changed = indicator(1, "domain", "evil-two.net", "weak")
    renamed = indicator(9, "hash", SHA1, "confirmed", gate={"size": 7})
    new = written(
        tmp_path,
        [changed, renamed, indicator(3, "file_name", "same.dll", "weak"),
         indicator(4, "address", "95.216.1.1", "weak")],
        "q.yaml",
    )  # fmt: skip
    code, lines = told(capsys, str(old), str(new))
    assert code == 1
    assert lines == [
        "- i0  file_name, weak: gone.dll",
        "+ i4  address, weak: 95.216.1.1",
        "~ i1  domain, weak: evil-two.net",
        "    strength: strong -> weak",
        "    value: evil-one.net -> evil-two.net",
        f"~ i9  hash, confirmed: {SHA1}",
        "    id: i2 -> i9",
        "    note: note 2 -> note 9",
        '    gate: nothing -> {"size":7}',
        "1 added, 1 removed, 2 changed",
    ]


def test_a_pack_does_not_differ_from_itself(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    pack = written(tmp_path, [indicator(*(0, "file_name", "a.dll", "weak"))])
    assert told(capsys, str(pack), str(pack)) == (0, ["0 added, 0 removed, 0 changed"])
    assert told(capsys, "cyzfc-2018-11", "cyzfc-2018-11")[0] == 0


def test_what_is_cited_is_compared_and_not_its_key(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    old = written(tmp_path, [indicator(0, "file_name", "a.dll", "weak")])
    text = old.read_text().replace("R1", "R7")
    new = tmp_path / "q.yaml"
    new.write_text(text)
    assert told(capsys, str(old), str(new))[0] == 0
    new.write_text(text.replace("blog.example/1", "blog.example/2"))
    code, lines = told(capsys, str(old), str(new))
    assert code == 1
    assert any("reference:" in line and "blog.example/2" in line for line in lines)


def test_a_pack_that_cannot_be_read_is_no_difference(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    pack = written(tmp_path, [indicator(0, "file_name", "a.dll", "weak")])
    assert told(capsys, str(pack), str(tmp_path / "none.yaml")) == (2, [])


def test_chains_are_compared_and_named_where_a_form_has_none(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    old = written(tmp_path, [indicator(0, "file_name", "a.dll", "weak")])
    made = yaml.safe_load(old.read_text())
    made["chains"] = [{"id": "c", "title": "both", "strength": "strong", "all": [{"any": ["i0"]}]}]
    new = tmp_path / "q.json"
    new.write_text(json.dumps(made))
    code, lines = told(capsys, str(old), str(new))
    assert (code, lines[0]) == (1, "+ c  chain, strong: both")
    exported(new, "stix")
    assert "not carried over: 1 chain" in capsys.readouterr().err


def test_sightings_of_a_report_are_of_the_indicators_of_the_bundle(tmp_path: Path) -> None:
    pack = written(tmp_path, [indicator(0, "file_name", "evil-one.dat", "strong")])
    out = exported(pack, "stix")
    first = json.loads(out.read_text())["objects"]
    out.unlink()
    assert json.loads(exported(pack, "stix").read_text())["objects"] == first
    (tmp_path / "home").mkdir()
    (tmp_path / "home/evil-one.dat").write_bytes(b"x")
    report = tmp_path / "report.json"
    code = main(["--only-pack", str(pack), "--only", "files", "--out", str(report),
                 "--quiet", str(tmp_path / "home")])  # fmt: skip
    assert code == 1
    assert main(["render", str(report), "--to", "stix", "--out", str(tmp_path / "s.json")]) == 1
    objects = json.loads((tmp_path / "s.json").read_text())["objects"]
    (sighting,) = [one for one in objects if one["type"] == "sighting"]
    assert sighting["sighting_of_ref"] == first[0]["id"]
    assert first[0]["created"] <= first[0]["modified"]
