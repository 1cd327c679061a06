"""Plain text and CSV become packs: what is what, what is left out, and that it is told."""

from __future__ import annotations

import csv
import json
import subprocess
import sys
from pathlib import Path

import pytest

from agent.cli import main
from agent.indicators import Address
from agent.packs.importing import collected
from agent.packs.importing.recognised import kind_of
from agent.packs.importing.warned import TOP_DOMAINS, WINDOWS_NAMES
from agent.packs.importing.warned_lists import ASKED_BY_WINDOWS, OF_ANYBODY, OFTEN_LISTED
from agent.packs.loading import load_pack
from tests.evidence.imported import Importer, importer

ROOT = Path(__file__).parents[3]
SHA1 = "9858d5cb2a6614be3c48e33911bf9f7978b441bf"
MD5 = "16bbc967a8b6a365871a05c74a4f345b"
SHA256 = "2cea2a1f53dac3f4fff156eacc2ecc8e98b1a64f0f5b5ee1c42c69d9a226c55c"
EMPTY = "d41d8cd98f00b204e9800998ecf8427e"


@pytest.fixture
def imported(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Importer:
    return importer(tmp_path, capsys)


@pytest.mark.parametrize(
    ("written", "kind"),
    [
        (MD5, "hash"), (SHA1.upper(), "hash"), (SHA256, "hash"), ("a" * 128, "hash"),
        ("hxxps://evil[.]example/a?b=c", "url"), ("http://203.0.113.7/x", "url"),
        ("evil-one.net/gate.php", "url"),
        ("203.0.113[.]7", "address"), ("95.216.0.0/16", "address"), ("2a01:4f8::7", "address"),
        ("95.216.1.1:8443", "address"), ("[2a01:4f8::7]:443", "address"),
        ("evil-one[.]net", "domain"), ("*.evil-one.net", "domain"), ("evil.com", "domain"),
        ("payload[.]zip", "domain"), ("xn--bcher-kva.example", "domain"),
        ("bücher.example", "domain"), ("café-évil[.]com", "domain"), ("हिन्दी[.]भारत", "domain"),
        ("evil。com", "domain"), ("*.münchen.de:443", "domain"), ("bücher.example/a", "url"),
        ("Prüfung.pdf", "file_name"), ("Grüße von jo.", ""), ("für.das Übrige", ""),
        ("payload.zip", "file_name"), ("evil.dll", "file_name"), ("Договор.scr", "file_name"),
        (r"C:\Users\jo\a b.dll", "file_path"), (r"%APPDATA%\x\y.exe", "file_path"),
        (r"\\srv\share\x.exe", "file_path"), (r"\\.\pipe\msse-1-server", "pipe"),
        ("jo[at]evil-one.net", "email"), ("CVE-2021-44228", "vulnerability"),
        ("T1059.001", "technique"), (r"HKCU\Software\Run", "registry"),
        ("hello", ""), ("1234567", ""), ("3.14", ""), ("a b.dll", ""),
        (r"C:\x\y.exe was started by z.dll", ""),
    ],
)  # fmt: skip
def test_a_value_is_recognised_as_a_whole_or_not_at_all(written: str, kind: str) -> None:
    assert kind_of(written)[0] == kind


def test_a_list_becomes_a_pack_that_loads(imported: Importer) -> None:
    found = imported(
        {
            "list.txt": f"""# made up
hxxp://evil-one[.]net/a.php
evil-two[.]net
*.evil-three.net
95.216.1.1:443
{SHA1} *cyz one.dat
{MD5}
cyzfc.dat
"Invoice 2018.exe"
C:\\Users\\Public\\x y\\evil.dll
%windir%\\Temp\\evil.exe
evil-four.net - second stage
"""
        }
    )
    assert found.code == 0
    assert found.became() == {
        "http://evil-one.net/a.php": ("url", "strong"),
        "evil-two.net": ("domain", "strong"),
        "evil-three.net": ("domain", "strong"),
        "95.216.1.1": ("address", "weak"),
        SHA1: ("hash", "confirmed"),
        "cyz one.dat": ("file_name", "weak"),
        MD5: ("hash", "confirmed"),
        "cyzfc.dat": ("file_name", "weak"),
        "Invoice 2018.exe": ("file_name", "weak"),
        r"C:\Users\Public\x y\evil.dll": ("file_path", "strong"),
        r"Windows\Temp\evil.exe": ("file_path", "strong"),
        "evil-four.net": ("domain", "strong"),
    }
    assert found.left_out() == {}
    assert found.told() == {
        "hxxp://evil-one[.]net/a.php": "written defanged",
        "evil-two[.]net": "written defanged",
        "*.evil-three.net": "the name itself too",
        "95.216.1.1:443": "port 443 is not asked",
        r"%windir%\Temp\evil.exe": "%windir% is Windows",
    }
    assert found.pack is not None
    first, last = found.pack.indicators[0], found.pack.indicators[-1]
    assert first.note == "line 2: hxxp://evil-one[.]net/a.php; written defanged"
    assert last.note == "line 12; second stage"
    assert "list.txt (plain text), SHA-256 " in found.pack.references[first.reference[0]]


def test_out_of_a_sentence_comes_what_is_no_reference(imported: Importer) -> None:
    found = imported(
        {
            "report.txt": f"The sample ({MD5}) drops C:\\ProgramData\\evil.dll and asks"
            " evil-one[.]net, as https://blog.example/post says.\n"
            "It runs C:\\Windows\\System32\\rundll32.exe C:\\x\\cyz.dat,Start\n"
            "we saw evil.exe\nNothing here.\n"
        }
    )
    assert found.became() == {
        MD5: ("hash", "confirmed"),
        r"C:\ProgramData\evil.dll": ("file_path", "strong"),
        "evil-one.net": ("domain", "strong"),
        r"C:\Windows\System32\rundll32.exe": ("file_path", "weak"),
        r"C:\x\cyz.dat": ("file_path", "strong"),
    }
    assert found.left_out() == {
        "https://blog.example/post": "written plainly in a sentence: a reference as likely as an"
        " indicator",
        "we saw evil.exe": "a file's name with blanks, or a sentence: put quotes around the name",
        "Nothing here.": "nothing recognised",
    }


def test_what_every_host_has_is_weak_or_left_out_and_told(imported: Importer) -> None:
    found = imported(
        {"list.txt": f"{EMPTY}\nsvchost.exe\ngoogle.com\n10.1.2.3\n127.0.0.1\n169.254.1.1\n"}
    )
    assert found.became() == {
        "svchost.exe": ("file_name", "weak"),
        "google.com": ("domain", "weak"),
        "10.1.2.3": ("address", "weak"),
    }
    assert found.left_out() == {
        EMPTY: "the hash of an empty file",
        "127.0.0.1": "loopback, multicast or no address: every host has it",
        "169.254.1.1": "an address of the local link: every host has such",
    }
    assert set(found.told()) == {"svchost.exe", "google.com", "10.1.2.3"}
    assert found.pack is not None
    private = [one for one in found.pack.indicators if isinstance(one, Address)]
    assert [one.private for one in private] == [True]
    assert "every Windows has a file of this name: weak" in found.shown


def test_lists_of_what_every_host_has_are_in_lower_case() -> None:
    for name in (*WINDOWS_NAMES, *TOP_DOMAINS, *ASKED_BY_WINDOWS, *OF_ANYBODY, *OFTEN_LISTED):
        assert name == name.lower()
        assert " " not in name


def test_one_bad_value_never_loses_the_rest(imported: Importer) -> None:
    found = imported(
        {"list.csv": f"type,value\nsha256,{MD5}x\ndomain,evil_.one..net\nip,999.1.1.1\n"
                     f"domain,localhost\nfilename,*\nmd5,{MD5}\nsha512,{'a' * 128}\n"}
    )  # fmt: skip
    assert found.became() == {MD5: ("hash", "confirmed")}
    assert found.left_out() == {
        f"{MD5}x": "a hash that is not hexadecimal",
        "evil_.one..net": "'' is no label of a domain",
        "999.1.1.1": "no IP address",
        "localhost": "a domain needs at least two labels",
        "*": "matches every name",
        "a" * 128: "SHA-512: only MD5, SHA-1 and SHA-256 are computed",
    }


def test_columns_say_what_a_value_is_how_sure_and_where_from(imported: Importer) -> None:
    found = imported(
        {
            "feed.csv": f"""# first_seen, of a made up feed
# "first_seen_utc","ioc_value","ioc_type","confidence_level","malware_printable","reference"
"2026-01-01 00:00:00","95.216.1.1:443","ip:port","100","Evil","https://blog.example/1"
"2026-01-01 00:00:00","evil-one.net","domain","50","Evil",""
"2026-01-01 00:00:00","{SHA1}","sha1_hash","100","Evil","https://blog.example/1"
"2026-01-01 00:00:00","evil-one.net:443","ip:port","100","",""
"""
        }
    )
    assert found.became() == {
        "95.216.1.1": ("address", "weak"),
        "evil-one.net": ("domain", "weak"),
        SHA1: ("hash", "confirmed"),
    }
    assert found.told()["evil-one.net"] == "a score below 75: weak"
    assert found.left_out() == {"evil-one.net:443": "no IP address"}
    assert found.pack is not None
    hashed = found.pack.indicators[-1]
    assert hashed.note == "line 5; Evil"
    assert [found.pack.references[key].partition(";")[0] for key in hashed.reference][1:] == [
        "https://blog.example/1"
    ]


def test_columns_may_be_named_as_types_and_separated_by_semicolons(imported: Importer) -> None:
    found = imported(
        {"feed.csv": f"sha256;Filename;Comment\n{SHA256};cyzfc.lnk;first\n;two words.exe;second\n"}
    )
    assert found.became() == {
        SHA256: ("hash", "confirmed"),
        "cyzfc.lnk": ("file_name", "weak"),
        "two words.exe": ("file_name", "weak"),
    }


def test_rows_without_a_head_give_what_is_recognised(imported: Importer) -> None:
    found = imported({"feed.csv": f"evil-one.net,first\n{MD5},second\nnothing,third\n"})
    assert found.became() == {"evil-one.net": ("domain", "strong"), MD5: ("hash", "confirmed")}
    assert found.left_out() == {"nothing third": "nothing recognised"}


def test_a_value_of_two_files_is_one_with_both_sources(imported: Importer) -> None:
    found = imported(
        {"a.csv": "domain,strength\nevil-one.net,weak\n", "b.txt": "EVIL-one.net\nevil-one.net\n"}
    )
    assert found.pack is not None
    (only,) = found.pack.indicators
    assert only.strength.value == "strong"
    assert [found.pack.references[key][:5] for key in only.reference] == ["a.csv", "b.txt"]
    assert [row["id"] for row in found.rows] == [only.id] * 3


def test_the_same_value_has_the_same_id_when_its_feed_has_grown(imported: Importer) -> None:
    first = imported({"a.txt": "evil-one.net\n"}).pack
    second = imported({"a.txt": "evil-zero.net\nevil-one.net\n"}).pack
    assert first is not None
    assert second is not None
    assert first.indicators[0].id == second.indicators[1].id


def test_beyond_a_thousand_a_pack_is_json(imported: Importer, tmp_path: Path) -> None:
    text = "".join(f"evil-{number}.net\n" for number in range(1001))
    as_yaml = imported({"a.txt": text})
    assert as_yaml.code == 2
    assert as_yaml.pack is None
    assert "1,001 indicators; more than 1,000 are written as JSON" in as_yaml.said
    as_json = imported({"a.txt": text}, out="feed.json")
    assert as_json.code == 0
    assert len(as_json.became()) == 1001
    assert json.loads((tmp_path / "feed.json").read_bytes())["id"] == "feed"


def test_nothing_is_replaced_and_nothing_is_written_of_nothing(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "a.txt").write_text("evil-one.net\n")
    (tmp_path / "b.txt").write_text("hello\n")
    out = tmp_path / "out.yaml"
    arguments = ["packs", "import", str(tmp_path / "b.txt"), "--out", str(out)]
    assert main(arguments) == 2
    assert "nothing in it is an indicator" in capsys.readouterr().err
    assert not out.exists()
    arguments[2] = str(tmp_path / "a.txt")
    assert main([*arguments, "--id", "mine"]) == 0
    before = out.read_bytes()
    assert load_pack(out).file.id == "mine"
    assert main(arguments) == 2
    assert "is there already" in capsys.readouterr().err
    assert out.read_bytes() == before
    arguments[2] = str(tmp_path / "missing.txt")
    assert main([*arguments, "--force"]) == 2
    assert "missing.txt: No such file or directory" in capsys.readouterr().err


def test_halves_of_characters_and_formulas_do_no_harm(imported: Importer) -> None:
    found = imported({"a.csv": 'filename,comment\nevil.exe,"=cmd|calc"\n=x.exe,\n'})
    assert found.became().keys() == {"evil.exe", "=x.exe"}
    assert [row["written"] for row in found.rows] == ["evil.exe", "'=x.exe"]


def test_what_imports_is_loaded_only_when_it_is_asked_for() -> None:
    code = (
        "import sys\n"
        "before = {*sys.modules}\n"  # what measures the tests' coverage may have XML loaded already
        "from agent.cli import main\n"
        "import agent.commands.sweep\n"
        "main(['packs', 'list'])\n"
        "loaded = {*sys.modules} - before\n"
        "print(*(m for m in loaded if 'importing' in m or m.startswith('xml.')), sep='|')"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert done.stdout.splitlines()[-1] == ""


@pytest.mark.parametrize("name", ["list.txt", "list.csv", "rule.yml"])
def test_letters_of_an_encoding_that_is_not_known_are_said_to_be_guessed(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], name: str
) -> None:
    rule = (
        "title: A rule\nlevel: high\nlogsource: {category: file_event, product: windows}\n"
        "detection:\n  one: {TargetFilename|endswith: ['\\злой.exe', '\\evil.exe']}\n"
        "  condition: one\n"
    )
    text = rule if name == "rule.yml" else "filename\nзлой.exe\nevil.exe\n"
    (tmp_path / name).write_bytes(text.encode("cp1251"))
    table = tmp_path / "table.csv"
    words = ["--out", str(tmp_path / "feed.yaml"), "--table", str(table)]
    assert main(["packs", "import", str(tmp_path / name), *words]) == 0
    assert "read as Windows-1252, other letters may be meant" in capsys.readouterr().out
    with table.open(encoding="utf-8-sig", newline="") as file:
        told = {row["value"]: row["told"] for row in csv.DictReader(file)}
    assert "read as Windows-1252" in told["çëîé.exe"]
    assert "read as Windows-1252" not in told["evil.exe"]


def test_values_that_a_pack_has_no_room_for_are_said_aloud(
    imported: Importer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(collected, "MOST", 2)
    found = imported({"a.txt": "evil-one.net\nevil-two.net\nevil-three.net\nevil-one.net\n"})
    assert found.became().keys() == {"evil-one.net", "evil-two.net"}
    assert found.left_out().keys() == {"evil-three.net"}
    assert "NOT in the pack: 1 values, as a pack has at most " in found.said
