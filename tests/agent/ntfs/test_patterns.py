"""Names in the $MFT are found in every case that NTFS takes for the same."""

from __future__ import annotations

import pytest

from agent.engine.scanner import PatternScanner
from agent.ntfs.patterns import name_patterns, text_pattern


def occurs(text: str, data: bytes) -> bool:
    return bool(PatternScanner({"text": [text_pattern(text)]}).scan(data))


@pytest.mark.parametrize(
    ("name", "written"),
    [
        ("cyzfc.dat", "CyZfC.dat"),
        ("счёт.exe", "СЧЁТ.EXE"),
        ("СЧЁТ.EXE", "счёт.exe"),
        ("résumé.exe", "RÉSUMÉ.exe"),
        ("請求書.zip", "請求書.ZIP"),
        ("ᾀᾐᾠᾳῃῳ.doc", "ᾈᾘᾨᾼῌῼ.DOC"),
        ("ΛΌΓΟΣ.doc", "λόγος.doc"),
        ("𐐨𐐩.exe", "𐐀𐐁.exe"),
        ("😀.exe", "😀.EXE"),
        ("straße.exe", "STRAßE.exe"),
    ],
)
def test_a_name_is_found_in_the_other_case(name: str, written: str) -> None:
    assert occurs(name, b"\x30" + written.encode("utf-16-le") + b"\0\0")


@pytest.mark.parametrize(
    ("name", "written"),
    [("счёт.exe", "счет.exe"), ("straße.exe", "STRASSE.exe"), ("ı.exe", "i.exe"), ("ᾀ.a", "ἀ.a")],
)
def test_another_name_is_not_found(name: str, written: str) -> None:
    assert not occurs(name, written.encode("utf-16-le"))


def test_a_numbered_copy_is_found_by_its_stem() -> None:
    scanner = PatternScanner({"names": name_patterns(["ДОГОВОР.ZIP", "ОН.ZIP"], [])})
    assert scanner.scan("договор (1).zip".encode("utf-16-le"))
    assert scanner.scan("он - Copy.zip".encode("utf-16-le"))
    assert not scanner.scan("он.txt".encode("utf-16-le"))
