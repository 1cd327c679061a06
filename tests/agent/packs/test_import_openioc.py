"""OpenIOC 1.0 and 1.1 become packs: terms, their conditions, and how they are joined."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.evidence.imported import Importer, importer

MD5 = "16bbc967a8b6a365871a05c74a4f345b"
SHA1 = "9858d5cb2a6614be3c48e33911bf9f7978b441bf"

OF_1_0 = """<?xml version="1.0" encoding="us-ascii"?>
<ioc xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance" id="ioc-1"
     xmlns="http://schemas.mandiant.com/2010/ioc" last-modified="2026-01-01T00:00:00">
  <short_description>Evil loader</short_description>
  <authored_by>A team</authored_by>
  <links><link rel="report">https://blog.example/1</link></links>
  <definition><Indicator operator="OR" id="top">%s</Indicator></definition>
</ioc>"""
OF_1_1 = """<?xml version="1.0" encoding="utf-8"?>
<OpenIOC xmlns="http://openioc.org/schemas/OpenIOC_1.1" id="ioc-2">
  <metadata><short_description>Evil loader</short_description>
    <links><link rel="report" href="https://blog.example/2"/></links></metadata>
  <criteria><Indicator operator="OR" id="top">%s</Indicator></criteria>
  <parameters/>
</OpenIOC>"""


@pytest.fixture
def imported(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Importer:
    return importer(tmp_path, capsys)


def item(search: str, value: str, condition: str = "is", more: str = "") -> str:
    return (
        f'<IndicatorItem id="{search}" condition="{condition}" {more}>'
        f'<Context document="{search.partition("/")[0]}" search="{search}" type="mir"/>'
        f'<Content type="string">{value}</Content></IndicatorItem>'
    )


def all_of(*items: str) -> str:
    return f'<Indicator operator="AND" id="and">{"".join(items)}</Indicator>'


def test_terms_of_1_0_become_their_types(imported: Importer) -> None:
    terms = [
        item("FileItem/Md5sum", MD5),
        item("FileItem/Sha1sum", SHA1, "contains"),
        item("FileItem/FileName", "evil.exe"),
        item("FileItem/FileName", "evil_x", "contains"),
        item("FileItem/FullPath", r"\ProgramData\evil.dll", "contains"),
        item("FileItem/FullPath", r"C:\evil\a.dll"),
        item("Network/DNS", "evil-one.net", "contains"),
        item("PortItem/remoteIP", "95.216.1.1"),
        item("UrlHistoryItem/URL", "http://evil-two.net/a"),
        item("ProcessItem/arguments", "-run evil", "contains"),
        item("RegistryItem/Path", "HKLM\\Run"),
        item("FileItem/SizeInBytes", "7"),
        item("FileItem/PEInfo/Type", "DLL"),
        item("FileItem/FileName", "good.exe", "isnot"),
    ]
    found = imported({"evil.ioc": OF_1_0 % "".join(terms)})
    assert found.became() == {
        MD5: ("hash", "confirmed"),
        SHA1: ("hash", "confirmed"),
        "evil.exe": ("file_name", "weak"),
        "*evil_x*": ("file_name", "weak"),
        r"ProgramData\evil.dll*": ("file_path", "strong"),
        r"C:\evil\a.dll": ("file_path", "strong"),
        "evil-one.net": ("domain", "strong"),
        "95.216.1.1": ("address", "weak"),
        "http://evil-two.net/a": ("url", "strong"),
        "-run evil": ("command_line", "strong"),
    }
    assert found.left_out() == {
        "HKLM\\Run": "a registry key or value: no indicator type",
        "7": "a size alone: no indicator",
        "DLL": "no indicator type for FileItem/PEInfo/Type",
        "good.exe": "a negation of file:name",
    }
    assert found.pack is not None
    assert found.pack.references[found.pack.indicators[0].reference[1]] == (
        "OpenIOC ioc-1: Evil loader; by A team; https://blog.example/1; named in evil.ioc"
    )


def test_terms_of_1_1_may_be_negated_and_match_the_ends(imported: Importer) -> None:
    terms = [
        item("FileItem/FullPath", r"\evil\b.dll", "ends-with"),
        item("FileItem/FileName", "evil_", "starts-with"),
        item("FileItem/FileName", "^evil[12]\\.dll$", "matches"),
        item("FileItem/FileName", "good.exe", "is", 'negate="true"'),
        item("FileItem/SizeInBytes", "7", "greater-than"),
    ]
    found = imported({"evil.xml": OF_1_1 % "".join(terms)})
    assert found.became() == {
        r"evil\b.dll": ("file_path", "strong"),
        "evil_*": ("file_name", "weak"),
        "evil1.dll": ("file_name", "weak"),
        "evil2.dll": ("file_name", "weak"),
    }
    assert list(found.left_out().values()) == ["a negation of file:name", "> of file:size"]


def test_terms_below_and_count_together(imported: Importer) -> None:
    either = f'<Indicator operator="OR" id="or">{item("FileItem/FileName", "a.dll")}'
    either += f"{item('FileItem/FileName', 'b.dll')}</Indicator>"
    terms = [
        all_of(item("FileItem/FileName", "c.dll"), item("FileItem/SizeInBytes", "7")),
        all_of(item("FileItem/FilePath", "C:\\evil"), item("FileItem/FileName", "d.dll")),
        all_of(either, item("Network/DNS", "evil-one.net")),
    ]
    found = imported({"evil.ioc": OF_1_0 % "".join(terms)})
    assert found.became() == {
        "c.dll": ("file_name", "weak"),
        r"C:\evil\d.dll": ("file_path", "strong"),
        "a.dll": ("file_name", "weak"),
        "b.dll": ("file_name", "weak"),
        "evil-one.net": ("domain", "weak"),
    }
    assert found.pack is not None
    value = {one.id: one.value for one in found.pack.indicators}
    assert {
        frozenset(str(value[clause.any[0]]) for clause in rule.all) for rule in found.pack.chains
    } == {frozenset(("a.dll", "evil-one.net")), frozenset(("b.dll", "evil-one.net"))}
    assert found.rows[0]["told"] == "file:size is not asked: wider, weak"


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("<!DOCTYPE ioc [<!ENTITY a 'b'>]>\n<ioc>&a;</ioc>",
         "a doctype: the whole file is refused"),
        ("<ioc><definition></ioc>", "no XML: mismatched tag: line 1, column 19"),
        ("<ioc><definition>" + "<Indicator operator='OR'>" * 60 + "</Indicator>" * 60
         + "</definition></ioc>", "nested too deeply"),
    ],
)  # fmt: skip
def test_what_is_no_document_is_said(imported: Importer, text: str, why: str) -> None:
    found = imported({"evil.ioc": text})
    assert found.code == 2
    assert [row["left_out"] for row in found.rows] == [why]


def test_stix_1_is_named_as_what_is_not_read(imported: Importer) -> None:
    found = imported({"evil.xml": "<stix:STIX_Package/>"})
    assert found.code == 2
    assert "XML of no known form; OpenIOC is read, STIX 1 is not" in found.said
