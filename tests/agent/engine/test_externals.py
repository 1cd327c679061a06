"""What rules may ask of a file beside its bytes."""

from __future__ import annotations

import boreal
import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.engine.externals import EXTERNALS, FOREIGN, externals_of, filetype_of


def _matches(condition: str, path: str, head: bytes = b"", owner: str = "") -> bool:
    scanner = boreal.compile(
        source=f"rule r {{ condition: {condition} }}", externals=dict(EXTERNALS)
    )
    return bool(scanner.match(data=head, externals=dict(externals_of(path, head, owner))))


@pytest.mark.parametrize(
    "condition",
    [
        'filename == "Setup.EXE"',
        "filename matches /setup\\.exe/i",
        'filepath == "C:\\\\Users\\\\jo\\\\Downloads"',
        'filepath contains "C:\\\\"',
        'not filepath contains "Setup"',
        'extension == ".exe"',
        'filetype == "EXE"',
        'owner == "BUILTIN\\\\Administrators"',
        "filesize == 4",
    ],
)
def test_conditions_of_public_rule_sets_hold(condition: str) -> None:
    path = "C:\\Users\\jo\\Downloads\\Setup.EXE"
    assert _matches(condition, path, b"MZ\x90\0", "BUILTIN\\Administrators")


@pytest.mark.parametrize(
    ("path", "folder", "name", "extension"),
    [
        ("C:\\Windows\\a.dll", "C:\\Windows", "a.dll", ".dll"),
        ("C:\\a.dll", "C:\\", "a.dll", ".dll"),
        ("/mnt/disk/a.tar.GZ", "/mnt/disk", "a.tar.GZ", ".gz"),
        ("/a", "/", "a", ""),
        ("\\\\host\\share\\x.js", "\\\\host\\share", "x.js", ".js"),
        ("C:/mixed\\x.b", "C:/mixed", "x.b", ".b"),
        ("name.only", "", "name.only", ".only"),
        (".profile", "", ".profile", ""),
        ("", "", "", ""),
    ],
)
def test_a_path_is_split_with_either_separator(
    path: str, folder: str, name: str, extension: str
) -> None:
    found = externals_of(path, b"")
    assert (found["filepath"], found["filename"], found["extension"]) == (folder, name, extension)


@pytest.mark.parametrize(
    ("head", "name"),
    [
        (b"MZ", "EXE"),
        (b"PK\x03\x04\x0a\0", "ZIP"),
        (b"PK\x03\x04\x14\x00\x06\x00", "Office"),
        (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", "OLE"),
        (b"L\0\0\0\x01\x14\x02\0", "LNK"),
        (b"%PDF-1.7", "PDF"),
        (b"MDMP\x93\xa7", "MDMP"),
        (b"ElfFile\0", "EVTX"),
        (b"\x7fELF\x02", "ELF"),
        (b"\0" * 257 + b"ustar\0", "TAR"),
        (b"#!/bin/sh", "UNIX SCRIPT"),
        (b"hello", "UNKNOWN"),
        (b"M", "UNKNOWN"),
        (b"", "UNKNOWN"),
    ],
)
def test_the_kind_of_file_has_the_name_that_loki_gives_it(head: bytes, name: str) -> None:
    assert filetype_of(head) == name


def test_a_name_outside_ascii_is_compared_as_it_is() -> None:
    assert _matches('filename == "счёт.exe"', "C:\\счёт.exe")


def test_a_name_that_is_no_unicode_has_question_marks() -> None:
    assert _matches('filename == "a?b.exe"', "C:\\a\ud800b.exe")


def test_what_only_other_scanners_know_is_not_defined() -> None:
    assert not FOREIGN & EXTERNALS.keys()


@given(st.text(st.characters()), st.binary(max_size=300))
def test_any_file_has_values_of_the_types_given_at_compile_time(path: str, head: bytes) -> None:
    found = externals_of(path, head)
    assert {name: type(value) for name, value in found.items()} == {
        name: type(value) for name, value in EXTERNALS.items()
    }
    assert _matches("filesize >= 0", path, head)
