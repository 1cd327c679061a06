"""Spelling does not hide an indicator, and a neighbour is not one."""

from __future__ import annotations

import base64
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.indicators import (
    Address,
    CommandLine,
    Domain,
    FileHash,
    FileName,
    FilePath,
    Gate,
    PeTrait,
    Url,
)
from agent.matching.matcher import Matcher
from agent.matching.own_rules import OwnRules
from agent.model.objects import Destination, Dll, Dns, File, Hash, Lnk, Pe, Process
from agent.model.objects import Url as SeenUrl
from agent.model.observation import ByteHit, Claim, Observation, Place
from agent.model.report import Strength
from agent.spelling import command_holds, fold, fold_domain, normal_command
from tests.evidence.packs import campaign, stated

COMMON = stated()
CAMPAIGN = campaign()


def in_base64(command: str) -> str:
    return base64.b64encode(command.encode("utf-16-le")).decode()


def ids(matcher: Matcher, **objects: Any) -> set[str]:
    claim = Claim.CONNECTED if "destination" in objects else Claim.RUNNING
    seen = Observation(source="x", claim=claim, seen="x", place=Place(text="x"), **objects)
    return {match.indicator.id for match in matcher.match(seen)}


@pytest.mark.parametrize(
    "name",
    [
        "pandorasong.com",
        "PANDORASONG.COM.",
        "cdn.pandorasong.com",
        " pandorasong.com ",
        "ｐandorasong.com",
    ],
)
def test_a_domain_matches_however_it_is_written(name: str) -> None:
    assert "c2-domain" in ids(CAMPAIGN, dns=Dns(question=name))


@pytest.mark.parametrize(
    "name", ["notpandorasong.com", "pandorasong.com.example.org", "pandorasong.co", "", ".com"]
)
def test_a_domain_next_to_it_does_not(name: str) -> None:
    assert "c2-domain" not in ids(CAMPAIGN, dns=Dns(question=name))


def test_an_international_domain_matches_in_both_its_forms() -> None:
    matcher = Matcher([Domain(id="d", value="bücher.example", **COMMON)])
    assert ids(matcher, dns=Dns(question="xn--bcher-kva.example")) == {"d"}
    assert ids(matcher, dns=Dns(question="BÜCHER.example.")) == {"d"}


@pytest.mark.parametrize("address", ["95.216.59.92", "::ffff:95.216.59.92"])
def test_an_address_matches_mapped_into_version_6_too(address: str) -> None:
    assert "c2-address" in ids(CAMPAIGN, destination=Destination(ip=address, port=443))


def test_an_address_matches_a_block() -> None:
    matcher = Matcher([Address(id="a", value="203.0.113.0/24", **COMMON)])
    assert ids(matcher, destination=Destination(ip="203.0.113.77")) == {"a"}
    assert ids(matcher, destination=Destination(ip="203.0.114.1")) == set()
    assert ids(matcher, destination=Destination(ip="fe80::1%eth0")) == set()
    assert ids(matcher, destination=Destination(ip="nonsense")) == set()


@pytest.mark.parametrize(
    "line",
    [
        r"rundll32.exe C:\Users\jo\AppData\Local\cyzfc.dat,PointFunctionCall",
        r"rundll32.exe C:\Users\jo\AppData\Local\cyzfc.dat, PointFunctionCall",
        r"rundll32.exe C:\Users\jo\AppData\Local\cyzfc.dat PointFunctionCall",
        r'"rundll32.exe" "C:\Users\John Doe\AppData\Local\cyzfc.dat," PointFunctionCall',
        r'RUNDLL32 "C:\USERS\JOHNDO~1\APPDATA\LOCAL\CYZFC.DAT" ,  POINTFUNCTIONCALL',
        r"rund^ll32 cyzfc.dat^,Point^FunctionCall".replace("Point^", "Point"),
    ],
)
def test_the_campaigns_call_matches_however_it_is_quoted(line: str) -> None:
    assert "cmd-cyzfc-pointfunctioncall" in ids(CAMPAIGN, process=Process(pid=1, command_line=line))


@pytest.mark.parametrize(
    "line",
    [
        r"notepad C:\Users\jo\notes.txt",
        r"rundll32.exe C:\Users\jo\AppData\Local\cyzfc.dat,DLLMain",
        r"rundll32.exe xcyzfc.dat.txt PointFunctionCal",
    ],
)
def test_another_call_does_not(line: str) -> None:
    found = ids(CAMPAIGN, process=Process(pid=1, command_line=line))
    assert "cmd-cyzfc-pointfunctioncall" not in found


def test_a_name_in_a_command_line_is_only_a_mention() -> None:
    seen = Observation(
        source="processes",
        claim=Claim.RUNNING,
        seen="x",
        place=Place(text="x"),
        process=Process(pid=1, command_line="notepad cyzfc.dat"),
    )
    (match,) = CAMPAIGN.match(seen)
    assert (match.indicator.id, match.strength) == ("name-cyzfc-dat", Strength.WEAK)


def test_pieces_must_follow_one_another() -> None:
    matcher = Matcher([CommandLine(id="c", value=["-noni", "bypass"], **COMMON)])
    assert ids(matcher, process=Process(pid=1, command_line="p -noni -ep bypass")) == {"c"}
    assert ids(matcher, process=Process(pid=1, command_line="p bypass -noni")) == set()


@pytest.mark.parametrize(
    "path",
    [
        r"C:\Users\jo\AppData\Local\cyzfc.dat",
        r"\\?\C:\USERS\JO\APPDATA\LOCAL\CYZFC.DAT",
        "/mnt/evidence/Users/jo/AppData/Local/cyzfc.dat",
        r"C:\Documents and Settings\jo\Local Settings\Application Data\cyzfc.dat",
    ],
)
def test_a_path_matches_in_every_notation(path: str) -> None:
    assert "path-localappdata-cyzfc-dat" in ids(CAMPAIGN, file=File(path=path))


def test_the_same_name_elsewhere_is_only_a_name() -> None:
    assert ids(CAMPAIGN, file=File(path=r"D:\x\cyzfc.dat")) == {"name-cyzfc-dat"}


def test_a_shortcut_below_temp_matches_at_any_depth() -> None:
    matcher = Matcher([FilePath(id="p", value=r"%TEMP%\**\ds7002.lnk", **COMMON)])
    temp = r"C:\Users\jo\AppData\Local\Temp"
    assert ids(matcher, file=File(path=temp + r"\ds7002.lnk")) == {"p"}
    assert ids(matcher, file=File(path=temp + r"\a\b\DS7002.LNK")) == {"p"}
    assert ids(matcher, file=File(path=r"C:\Temp2\ds7002.lnk")) == set()


def test_letters_that_only_look_alike_do_not_match() -> None:
    assert CAMPAIGN.selector.matching_names(
        ["суzfc.dat", "cyzfc.dat ", "CYZFC.DAT", "cyzfc.dat.bak"]
    ) == ["CYZFC.DAT"]
    assert fold("ıſß") == "ıſß"
    assert fold("äÄжЖ") == "ÄÄЖЖ"


def test_wildcards_in_names_match_within_one_name() -> None:
    matcher = Matcher([FileName(id="n", value="ds7002*.zip", **COMMON)])
    names = ["DS7002 (1).zip", "ds7002.zip", "ds700.zip", "x\nds7002.zip"]
    assert matcher.selector.matching_names(names) == ["DS7002 (1).zip", "ds7002.zip"]


def test_a_url_matches_by_its_beginning_and_its_host() -> None:
    matcher = Matcher(
        [
            Url(id="u", value="https://www.jmj.com/personal/nauerthn_state_gov", **COMMON),
            Domain(id="d", value="pandorasong.com", **COMMON),
        ]
    )
    url = "HTTPS://www.jmj.com/personal/nauerthn_state_gov/TUJE7QJl"
    assert ids(matcher, url=SeenUrl(full=url)) == {"u"}
    assert ids(matcher, url=SeenUrl(full="https://a@cdn.pandorasong.com:443/x")) == {"d"}
    assert ids(matcher, url=SeenUrl(full="about:blank")) == set()


@pytest.mark.parametrize(
    "url",
    [
        "https://pandorasong.com?x=1",
        "https://pandorasong.com#a",
        "https:\\\\cdn.pandorasong.com\\a",
        "pandorasong.com/a",
        "pandorasong.com:443",
    ],
)
def test_a_host_is_found_wherever_it_ends(url: str) -> None:
    assert "c2-domain" in ids(CAMPAIGN, url=SeenUrl(full=url))


@pytest.mark.parametrize(
    "url",
    [
        "https://pandorasong.com.example.org/",
        "https://www.jmj.com.example.org/personal/nauerthn_state_gov",
        "https://example.org/?https://pandorasong.com/",
    ],
)
def test_another_host_is_not(url: str) -> None:
    assert ids(CAMPAIGN, url=SeenUrl(full=url)) == set()


@pytest.mark.parametrize(
    "url",
    [
        "https://www.jmj.com/personal/nauerthn_state_gov/x",
        "www.jmj.com/personal/nauerthn_state_gov",
        "https://www.jmj.com:443/personal/nauerthn_state_gov?x",
        "https://www.jmj.com\\personal\\nauerthn%5Fstate_gov",
    ],
)
def test_a_link_is_found_however_it_is_written(url: str) -> None:
    assert ids(CAMPAIGN, url=SeenUrl(full=url)) == {"delivery-url"}


def test_the_host_of_a_url_may_be_an_address() -> None:
    found = ids(CAMPAIGN, url=SeenUrl(full="https://95.216.59.92:443/x"))
    assert found == {"c2-address"}


def test_a_domain_is_compared_by_both_forms_of_idna() -> None:
    matcher = Matcher([Domain(id="d", value="straße.example", **COMMON)])
    for name in ("straße.example", "www.xn--strae-oqa.example", "STRASSE.example"):
        assert ids(matcher, dns=Dns(question=name)) == {"d"}
    other = Matcher([Domain(id="d", value="strasse.example", **COMMON)])
    assert ids(other, dns=Dns(question="xn--strae-oqa.example")) == set()
    assert sorted(matcher.cache_names()) == ["strasse.example", "xn--strae-oqa.example"]
    for data in ("x straße.example", "x xn--strae-oqa.example", "x strasse.example"):
        assert [hit.indicator for hit in matcher.scan(data.encode())] == ["d"]


@pytest.mark.parametrize("name", ["invoice (2).pdf", "INVOICE (2).PDF", "invoice (2) (1).pdf"])
def test_a_name_with_a_mark_of_its_own_is_matched_as_it_is_written(name: str) -> None:
    matcher = Matcher([FileName(id="n", value="invoice (2).pdf", **COMMON)])
    assert matcher.selector.matching_names([name, "x"]) == [name]
    assert ids(matcher, file=File(path=f"C:\\{name}")) == {"n"}
    for other in ("invoice.pdf", "invoice (1).pdf"):
        assert matcher.selector.matching_names([other]) == []
        assert ids(matcher, file=File(path=f"C:\\{other}")) == set()


@pytest.mark.parametrize(
    "name", ["ds7002(1).zip", "ds7002[1].zip", "DS7002 - Kopie.zip", "ds7002 — копия.zip"]
)
def test_a_copy_is_the_campaigns_whoever_made_it(name: str) -> None:
    assert CAMPAIGN.selector.matching_names([name]) == [name]
    assert ids(CAMPAIGN, file=File(path=f"D:\\{name}")) == {"name-ds7002-zip"}


HIDDEN_CALLS = [
    'rundll32 "cyz"fc.dat,PointFunctionCall',
    "cmd /c ^r^u^n^d^l^l^3^2 c^y^z^f^c.d^a^t,P^ointFunctionCall",
    "powershell & ('run'+'dll32') 'cyz' + 'fc.dat',Point`FunctionCall",
    'rundll32 "C:\\x\\cyzfc.dat"PointFunctionCall',
    f"powershell -enc {in_base64('rundll32 cyzfc.dat,PointFunctionCall')}",
    f"cmd /c power^shell -e^c {in_base64('rundll32 c`yzfc.dat,PointFunctionCall')}",
]


@pytest.mark.parametrize("line", HIDDEN_CALLS)
def test_the_campaigns_call_matches_however_it_is_hidden(line: str) -> None:
    assert "cmd-cyzfc-pointfunctioncall" in ids(CAMPAIGN, process=Process(pid=1, command_line=line))
    link = File(path="D:\\a.lnk", lnk=Lnk(arguments=line))
    assert "cmd-cyzfc-pointfunctioncall" in ids(CAMPAIGN, file=link)


def test_an_only_export_must_be_the_only_one() -> None:
    trait = PeTrait(id="e", value="F", only_export=True, gate=Gate(machine="amd64"), **COMMON)
    matcher = Matcher([trait])

    def of(machine: str, *exports: str) -> set[str]:
        pe = Pe(machine=machine, dll=True, exports=list(exports))
        return ids(matcher, file=File(path="x", pe=pe))

    assert of("amd64", "F") == {"e"}
    assert of("amd64", "F", "G") == set()
    assert of("x86", "F") == set()


def test_bytes_are_found_in_both_encodings_and_shown_with_their_line() -> None:
    text = "first line\nGet-Item cyzfc.dat -Force\nlast"
    for data in (text.encode(), text.encode("utf-16-le")):
        hits = {hit.indicator: hit.excerpt for hit in CAMPAIGN.scan(data)}
        assert hits["name-cyzfc-dat"] == "Get-Item cyzfc.dat -Force"


def test_what_is_only_mentioned_is_weak() -> None:
    hit = ByteHit("c2-domain", 0, "pandorasong.com")
    seen = Observation(
        source="memory", claim=Claim.MENTIONED, seen="memory", place=Place(text="x"), hits=(hit,)
    )
    assert [match.strength for match in CAMPAIGN.match(seen)] == [Strength.WEAK]


def test_own_rules_count_by_their_strength_or_score(tmp_path: Path) -> None:
    rules = tmp_path / "mine.yar"
    rules.write_text(
        'rule a { meta: score = 40 strings: $s = "needle" condition: $s }\n'
        'rule b { meta: strength = "confirmed" strings: $s = "needle" condition: $s }\n'
        'rule c { strings: $s = "needle" condition: $s }\n'
    )
    with closing(OwnRules([rules], timeout_s=10)) as own_rules:
        matcher = Matcher([FileName(id="n", value="x.dat", **COMMON)], own_rules=own_rules)
        assert matcher.has_user_rules
        found = matcher.scan_content(b"a needle", "C:\\a.txt")
    assert not found.gaps
    hits = tuple(found.hits)
    seen = Observation(
        source="files", claim=Claim.MENTIONED, seen="content", place=Place(text="p"), hits=hits
    )
    strengths = {m.indicator.id.rpartition(":")[2]: m.strength.value for m in matcher.match(seen)}
    assert strengths == {"a": "weak", "b": "confirmed", "c": "strong"}
    assert [count.matched for count in matcher.counts()] == [0, 1, 1, 1]
    assert [count.tested for count in matcher.counts()] == [1, 1, 1, 1]


def test_every_indicator_is_counted_zeros_included() -> None:
    counts = {count.id: count for count in campaign().counts()}
    assert counts["dll-sha1"].tested == 0
    assert len(counts) == len(CAMPAIGN.indicators)


@given(st.text(max_size=200))
def test_any_command_line_folds_and_compares(line: str) -> None:
    normal = normal_command(line)
    assert normal_command(normal) == normal
    assert command_holds([], normal)
    assert not command_holds([normal + "x"], normal)


@given(st.text(max_size=100))
def test_any_name_folds_and_compares(name: str) -> None:
    assert fold_domain(fold_domain(name)) == fold_domain(name) or not name.isascii()
    other = "not" + fold_domain(name).rstrip(".") + "pandorasong.com"
    assert "c2-domain" not in ids(CAMPAIGN, dns=Dns(question=other))
    assert len(fold(name)) == len(name)


@given(st.binary(max_size=2000))
def test_any_bytes_can_be_scanned(data: bytes) -> None:
    for hit in CAMPAIGN.scan(data):
        assert 0 <= hit.offset <= len(data)
        assert len(hit.excerpt) <= 256


def test_a_file_is_opened_once_for_all_hashes_that_are_alike() -> None:
    """However long the list of hashes, a file costs the same."""
    gated, free = Gate(min_size=7), Gate()
    hashes = [
        FileHash(id=f"{name}-{number}", value=f"{number:0{length}x}", gate=gate, **COMMON)
        for name, length, gate in (("a", 64, gated), ("b", 64, free), ("c", 32, free))
        for number in range(100)
    ]
    matcher = Matcher(hashes, thorough=True)
    assert [i.id for i in matcher.selector.file_indicators("x", 9, named=False)] == [
        "a-0",
        "b-0",
        "c-0",
    ]
    for number in (0, 99):
        seen = File(path="x", hash=Hash(sha256=f"{number:064x}", md5=f"{number:032x}"))
        assert ids(matcher, file=seen) == {f"a-{number}", f"b-{number}", f"c-{number}"}
    assert {count.tested for count in matcher.counts()} == {2}


def test_what_is_compared_is_the_reason_and_not_that_the_bytes_mention_it_too() -> None:
    hits = (ByteHit("name-cyzfc-dat", 0), ByteHit("c2-domain", 64))
    seen = Observation(
        source="x", claim=Claim.WAS_THERE, seen="deleted file", place=Place(text="x"),
        file=File(path=r"D:\pandorasong.com\cyzfc.dat"), hits=hits,
    )  # fmt: skip

    assert {match.indicator.id: match.reason for match in CAMPAIGN.match(seen)} == {
        "name-cyzfc-dat": "deleted file name",
        "c2-domain": "deleted file: only mentioned",
    }


def test_a_module_that_a_program_loaded_when_it_ran_is_not_the_program() -> None:
    process = Process(name="cyzfc.dat", executable=r"D:\cyzfc.dat")
    other = Dll(path=r"C:\Windows\System32\ntdll.dll")

    def told(dll: Dll | None) -> set[str]:
        seen = Observation(
            source="x", claim=Claim.RAN, seen="prefetch file", place=Place(text="x"),
            process=process, dll=dll,
        )  # fmt: skip
        return {match.reason for match in CAMPAIGN.match(seen)}

    assert told(None) == {"image in prefetch file name"}
    assert told(other) == set()
    assert told(Dll(path=r"D:\cyzfc.dat")) == {"module name"}
