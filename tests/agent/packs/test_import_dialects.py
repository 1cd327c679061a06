"""Lists as people keep them: separators, encodings, heads in several languages. The table says
what became of every value."""

from __future__ import annotations

import csv
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.cli import main
from agent.packs.importing.collected import Collected, Row
from agent.packs.importing.csv_text import read_csv
from agent.packs.importing.reading import read_origin
from agent.packs.importing.yara_rules import read_yara

MD5 = "16bbc967a8b6a365871a05c74a4f345b"
SHA1 = "9858d5cb2a6614be3c48e33911bf9f7978b441bf"
SHA256 = "2cea2a1f53dac3f4fff156eacc2ecc8e98b1a64f0f5b5ee1c42c69d9a226c55c"


def rows(folder: Path, name: str, data: bytes) -> list[Row]:
    path = folder / name
    path.write_bytes(data)
    origin = read_origin(path)
    collected = Collected("x")
    collected.add(origin.name, origin.citation, origin.offers())
    collected.pack("t", "1", "d")
    return collected.rows


def became(found: list[Row]) -> dict[str, str]:
    return {row.value: row.type for row in found if not row.why}


def left(found: list[Row]) -> dict[str, str]:
    return {row.written: row.why for row in found if row.why}


TABLE = {"evil-one.net": "domain", "95.216.1.1": "address", "two words.exe": "file_name"}


@pytest.mark.parametrize(
    "text",
    [
        "type,value\ndomain,evil-one.net\nip,95.216.1.1\nfilename,two words.exe\n",
        "Typ;Wert\nDomäne;evil-one.net\nIP-Adresse;95.216.1.1\nDateiname;two words.exe\n",
        "Type,Valeur\ndomaine,evil-one.net\nadresse IP,95.216.1.1\nnom de fichier,two words.exe\n",
        "tipo;valor\ndominio;evil-one.net\ndirección IP;95.216.1.1\narchivo;two words.exe\n",
        "тип;значение\nдомен;evil-one.net\nIP-адрес;95.216.1.1\nимя файла;two words.exe\n",
        "sep=;\nType;Value\ndomain;evil-one.net\nip;95.216.1.1\nfilename;two words.exe\n",
        'type;value;n\ndomain;evil-one.net;"a\nb, ""x"""\nip;95.216.1.1;\nfilename;two words.exe;\n',
        "type,value\rdomain,evil-one.net\rip,95.216.1.1\rfilename,two words.exe\r",
    ],
)
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
def test_a_table_is_the_same_in_every_dialect(tmp_path: Path, text: str, encoding: str) -> None:
    found = rows(tmp_path, "feed.csv", text.encode(encoding))
    assert became(found) == TABLE
    assert left(found) == {}


def test_a_column_that_has_another_spelling_is_the_same_column(tmp_path: Path) -> None:
    text = f"MD5;SHA-1;SHA 256;File Name;Size\n{MD5};{SHA1};{SHA256};evil.exe;12\n"
    assert became(rows(tmp_path, "a.csv", text.encode())).keys() == {MD5, SHA1, SHA256, "evil.exe"}


def test_a_value_in_a_column_of_no_known_name_is_told(tmp_path: Path) -> None:
    text = f"sha256,label,comment\n{SHA256},{MD5},evil-one.net\n"
    found = rows(tmp_path, "a.csv", text.encode())
    assert became(found) == {SHA256: "hash"}
    assert left(found) == {MD5: "a value in a column of no known name"}


def test_what_misp_does_not_mean_for_detection_is_context_in_its_csv_too(tmp_path: Path) -> None:
    text = "type,value,to_ids\ndomain,evil-one.net,1\ndomain,fine.net,0\n"
    found = rows(tmp_path, "a.csv", text.encode())
    assert became(found) == {"evil-one.net": "domain"}
    assert list(left(found).values()) == ["to_ids is not set: context, not for detection"]


def test_a_block_list_in_the_form_of_a_hosts_file_is_its_names(tmp_path: Path) -> None:
    text = "0.0.0.0 evil-one.net\n127.0.0.1\tevil-two.net # x\n::1 localhost\n0.0.0.0 0.0.0.0\n"
    found = rows(tmp_path, "hosts.txt", text.encode())
    assert became(found) == {"evil-one.net": "domain", "evil-two.net": "domain"}
    assert set(left(found)) == {"localhost", "0.0.0.0"}


def test_a_url_where_a_domain_is_wanted_is_a_url(tmp_path: Path) -> None:
    found = rows(tmp_path, "c2-iocs.txt", b"http://evil-one.net/y;first\nevil-two.net;second\n")
    assert became(found) == {"http://evil-one.net/y": "url", "evil-two.net": "domain"}
    assert [row.told for row in found] == [("a URL in the place of a domain",), ()]


def test_a_query_in_one_line_is_a_query(tmp_path: Path) -> None:
    found = rows(tmp_path, "a.kql", b"DnsEvents | where Name == 'evil-one.net'")
    assert [(row.kind, row.value) for row in found] == [("hunting query", "evil-one.net")]


CELLS = st.sampled_from(
    ["type", "value", "domain", "evil-one.net", MD5, "sep=;", "#", '"', "", " ", "\n", "95.216.1.1",
     "SHA-256", "Wert", "\r", "to_ids", "0", "http://localhost", "::ffff:10.0.0.1"]
)  # fmt: skip


@given(st.lists(CELLS | st.text(max_size=6), max_size=16), st.sampled_from(",;\t|"))
def test_any_table_ends_in_values_or_reasons(cells: list[str], delimiter: str) -> None:
    for offer in read_csv(delimiter.join(cells)):
        assert offer.wanted or offer.why


@given(st.text(max_size=60) | st.text('$ab ={}"/\\?[]()|0xF-at#<>~', max_size=60))
def test_any_strings_and_condition_of_a_rule_end_in_values_or_reasons(text: str) -> None:
    for rule in (f"rule a {{ strings: {text} condition: $a }}",
                 f'rule a {{ strings: $a = "evil-one" condition: {text} }}'):  # fmt: skip
        for offer in read_yara(rule):
            assert offer.wanted or offer.why


def test_the_table_of_an_import_has_a_row_for_each(tmp_path: Path) -> None:
    feed, table = tmp_path / "feed.csv", tmp_path / "table.csv"
    feed.write_text(f"sha256;other\n{SHA256};{MD5}\n;{SHA1}\n")
    assert main(["packs", "import", str(feed), "--out", str(tmp_path / "p.yaml"), "--table",
                 str(table)]) == 0  # fmt: skip
    with table.open(encoding="utf-8-sig", newline="") as file:
        listed = [(row["written"], row["left_out"]) for row in csv.DictReader(file)]
    assert listed[:3] == [
        (SHA256, ""),
        (MD5, "a value in a column of no known name"),
        (SHA1, "a value in a column of no known name"),
    ]
