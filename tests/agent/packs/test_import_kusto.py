"""Hunting queries of Defender and Sentinel become packs: the seed's own, and what is said of others."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.packs.importing.kusto import read_kusto
from tests.evidence.imported import Importer, importer

DLL = "9858d5cb2a6614be3c48e33911bf9f7978b441bf"
ZIP = "cd92f19d3ad4ec50f6d19652af010fe07dca55e1"
FIND = (
    "find in (DeviceFileEvents, DeviceProcessEvents, DeviceEvents,\nDeviceRegistryEvents,"
    " DeviceNetworkEvents, DeviceImageLoadEvents)\nwhere SHA1 == fileHash or"
    " InitiatingProcessSHA1 == fileHash\n| where Timestamp > ago(10d)\n"
)
SEED = [
    (
        f'// Query 1: Events involving the DLL container\nlet fileHash = "{DLL}";\n{FIND}',
        {DLL: ("hash", "confirmed")},
    ),
    (
        (
            "// Query 2: C2 connection\nDeviceNetworkEvents\n| where Timestamp > ago(10d)\n"
            '| where RemoteUrl == "pandorasong.com"\n'
        ),
        {"pandorasong.com": ("domain", "strong")},
    ),
    (
        (
            "// Query 3: Malicious PowerShell\nDeviceProcessEvents\n| where Timestamp > ago(10d)\n"
            "| where ProcessCommandLine contains\n"
            '"-noni -ep bypass $zk=\'JHB0Z3Q9MHgwMDA1ZTJiZTskdmNxPTB4MDAwNjIzYjY7JHRiPSJ"\n'
        ),
        {
            "-noni -ep bypass $zk='JHB0Z3Q9MHgwMDA1ZTJiZTskdmNxPTB4MDAwNjIzYjY7JHRiPSJ": (
                "command_line",
                "strong",
            )
        },
    ),
    (
        (
            "// Query 4: Malicious domain in default browser commandline\nDeviceProcessEvents\n"
            "| where Timestamp > ago(10d)\n| where ProcessCommandLine contains\n"
            '"https://www.jmj.com/personal/nauerthn_state_gov"\n'
        ),
        {"https://www.jmj.com/personal/nauerthn_state_gov": ("command_line", "strong")},
    ),
    (
        f'// Query 5: Events involving the ZIP\nlet fileHash = "{ZIP}";\n{FIND}',
        {ZIP: ("hash", "confirmed")},
    ),
    (
        (
            "DeviceProcessEvents | where Timestamp > ago(7d) | where ProcessCommandLine endswith"
            ' "cyzfc.dat, PointFunctionCall" | top 100 by Timestamp desc'
        ),
        {"cyzfc.dat, PointFunctionCall": ("command_line", "strong")},
    ),
    (
        (
            'DeviceFileEvents | where Timestamp > ago(7d) | where FolderPath has "ds7002.lnk"'
            " | top 100 by Timestamp desc"
        ),
        {"ds7002.lnk": ("file_name", "weak")},
    ),
    (
        (
            "DeviceProcessEvents | where Timestamp > ago(7d) | where ProcessCommandLine has"
            ' "-noni -ep bypass $" | top 100 by Timestamp desc'
        ),
        {"-noni -ep bypass $": ("command_line", "strong")},
    ),
]
"""microsoft/Microsoft-365-Defender-Hunting-Queries and Azure/Azure-Sentinel, MIT licence."""


@pytest.fixture
def imported(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Importer:
    return importer(tmp_path, capsys)


def in_yaml(query: str) -> str:
    body = "\n".join(f"  {line}" for line in query.splitlines())
    return (
        "id: 43ca7ed8-a655-4e64-8a2a-ef7a56975560\nname: detect-cyzfc-activity\n"
        "description: |\n  Seen in https://blog.example/1\nrequiredDataConnectors:\n"
        "- connectorId: MicrosoftThreatProtection\n  dataTypes:\n  - DeviceProcessEvents\n"
        f"tactics:\n- Execution\nquery: |\n{body}\n"
    )


@pytest.mark.parametrize(("query", "became"), SEED)
def test_the_hunting_queries_of_the_campaign(
    imported: Importer, query: str, became: dict[str, tuple[str, str]]
) -> None:
    made = imported({"hunt.yaml": in_yaml(query)})
    assert made.became() == became
    assert made.left_out() == {}
    assert made.pack is not None
    assert any("https://blog.example/1" in text for text in made.pack.references.values())


def test_all_queries_of_one_file_are_told_apart(imported: Importer) -> None:
    text = "\u200b" + "\n\n".join(query for query, _ in SEED)
    made = imported({"all.kql": text})
    assert made.became() == {value: one for _, some in SEED for value, one in some.items()}


@pytest.mark.parametrize(
    ("where", "became"),
    [
        ('FileName =~ "evil.exe"', {"evil.exe": ("file_name", "weak")}),
        ('SHA256 in~ ("' + "ab" * 32 + '")', {"ab" * 32: ("hash", "confirmed")}),
        ('ipv4_is_in_range(RemoteIP, "95.216.0.0/16")', {"95.216.0.0/16": ("address", "weak")}),
        ('ipv4_is_in_any_range(RemoteIP, "95.216.0.0/16", dynamic(["95.217.0.0/16"]))',
         {"95.216.0.0/16": ("address", "weak"), "95.217.0.0/16": ("address", "weak")}),
        ('RemoteIP in ("95.216.1.1", "95.216.1.2")',
         {"95.216.1.1": ("address", "weak"), "95.216.1.2": ("address", "weak")}),
        (r'FolderPath =~ @"C:\ProgramData\evil.dll"',
         {r"C:\ProgramData\evil.dll": ("file_path", "strong")}),
        (r'FolderPath endswith "\\Temp\\evil.dll"', {r"Temp\evil.dll": ("file_path", "strong")}),
        ('RemoteUrl has "evil-one.net"', {"evil-one.net": ("domain", "strong")}),
        ('RemoteUrl contains "evil-one.net/a"', {"evil-one.net/a": ("url", "strong")}),
        ('tolower(Name) == "evil-one.net"', {"evil-one.net": ("domain", "strong")}),
        ('Name endswith ".evil-one.net"', {"evil-one.net": ("domain", "strong")}),
        ('ProcessCommandLine has_all ("evil.dat", "RunMe")',
         {"evil.dat … RunMe": ("command_line", "strong"),
          "RunMe … evil.dat": ("command_line", "strong")}),
        ('ActionType == "FileCreated" and FileName == "evil.lnk"',
         {"evil.lnk": ("file_name", "weak")}),
        ('RemoteUrl == "evil-one.net" and RemotePort == 443',
         {"evil-one.net": ("domain", "strong")}),
    ],
)  # fmt: skip
def test_what_comparisons_become(
    imported: Importer, where: str, became: dict[str, tuple[str, str]]
) -> None:
    assert imported({"a.kql": f"DeviceEvents\n| where {where}\n"}).became() == became


def test_the_image_of_a_process_is_that_of_the_chain(imported: Importer) -> None:
    made = imported({"a.kql": "DeviceProcessEvents\n"
        '| where FileName in~ ("rundll32.exe", "regsvr32.exe")\n'
        '| where ProcessCommandLine contains "evil.dat"\n'})  # fmt: skip
    assert made.became() == {"evil.dat": ("command_line", "weak")}
    assert made.pack is not None
    assert sorted(chain.process[0] for chain in made.pack.chains) == [
        "regsvr32.exe", "rundll32.exe",
    ]  # fmt: skip
    assert {chain.strength.value for chain in made.pack.chains} == {"strong"}


def test_what_is_left_of_a_query_is_weak_and_says_so(imported: Importer) -> None:
    made = imported({"a.kql": "DeviceNetworkEvents\n| where not(AccountName == 'x')\n"
        "| where RemoteUrl == 'evil-one.net' and RemoteUrl != 'x' and DeviceName == 'b'\n"
        "| join kind=inner (DeviceEvents | where X == 'y') on DeviceId\n"})  # fmt: skip
    assert made.became() == {"evil-one.net": ("domain", "weak")}
    (told,) = made.told().values()
    for why in ("what it excludes is not asked", "DeviceName is not asked",
                "whether the rows belong together is not asked (join inner on DeviceId)"):  # fmt: skip
        assert why in told


@pytest.mark.parametrize(
    ("query", "why"),
    [
        ("T\n| where AccountName == 'x'", "a person or account: no indicator type"),
        ("T\n| where DeviceName == 'x'", "DeviceName is not asked"),
        ("T\n| where FileName matches regex 'evil.*'",
         "FileName, by matches, is not asked"),
        ("T\n| where SHA1 in (bad)", "SHA1, what bad is, is not asked"),
        ("T\n| where Timestamp > ago(7d)", "nothing in it is compared"),
        ("T\n| where\n| where FileName == 'a'", "a name is missing at '|'"),
        ("T\n| where (FileName == 'a'", "')' is missing at 'the end'"),
        ("T\n| where strlen(FileName) > 3", "the function strlen"),
        (f"T\n| where FileName in {'(' * 9000}'a'{')' * 9000}",
         "FileName, nested too deeply, is not asked"),
        (f"T\n| where {'tolower(' * 9000}FileName{')' * 9000} == 'a'", "nested too deeply"),
        ("T\n| where FileName", "the comparison of FileName"),
        ("T\n| where FileName == '\u00e9' \u00a7", "line 2: '\u00a7' is no part of a query"),
    ],
)  # fmt: skip
def test_what_cannot_be_carried_over_is_named(imported: Importer, query: str, why: str) -> None:
    good = "DnsEvents\n| where Name == 'evil-one.net'\n"
    made = imported({"bad.kql": query, "good.kql": good})
    assert made.became() == {"evil-one.net": ("domain", "strong")}
    assert list(made.left_out().values()) == [why]


def test_a_query_that_cannot_be_read_loses_no_other(imported: Importer) -> None:
    made = imported({"a.kql": "T | where (FileName\n\nDnsEvents\n| where Name == 'evil-one.net'\n"})
    assert made.became() == {"evil-one.net": ("domain", "strong")}
    assert len(made.left_out()) == 1


def test_a_name_that_is_given_anew_no_longer_means_what_it_meant(imported: Importer) -> None:
    made = imported({"a.kql": "let bad = dynamic(['evil-one.net']);\nT\n| where RemoteUrl in (bad);\n"
        "let bad = externaldata(x: string)['https://feed.example'];\n"
        "T\n| where RemoteIP in (bad)\n"})  # fmt: skip
    assert made.became() == {"evil-one.net": ("domain", "strong")}
    assert list(made.left_out().values()) == ["RemoteIP, what bad is, is not asked"]


A = "DeviceFileEvents | where SHA1 == '" + DLL + "'"
B = "DnsEvents | where Name == 'evil-one.net'"
STRONG = {DLL: ("hash", "confirmed"), "evil-one.net": ("domain", "strong")}
WEAK = {DLL: ("hash", "confirmed"), "evil-one.net": ("domain", "weak")}


@pytest.mark.parametrize(
    "query",
    [
        f"union ({A}), ({B})",
        f"union kind=outer withsource=Table isfuzzy=true\n  ({A}),\n\n  ({B})\n| project Timestamp",
        f"{A}\n| union ({B})",
        f"let files = {A};\nlet names = materialize({B});\nunion files, names",
        f"let files = () {{ {A} }};\nlet names = view () {{ {B}; }};\nunion files(), names",
        f"(union ({A}), (union ({B})))",
    ],
)
def test_a_union_is_each_of_its_branches(imported: Importer, query: str) -> None:
    made = imported({"a.kql": query})
    assert made.became() == STRONG
    assert (made.left_out(), made.told()) == ({}, {})


def test_what_is_compared_behind_a_union_is_compared_of_each_branch(imported: Importer) -> None:
    made = imported({"a.kql": "union DeviceProcessEvents, DeviceFileEvents, (DnsEvents | where Name"
        " == 'evil-one.net')\n| where FileName == 'evil-two.exe' and SHA1 == '" + DLL + "'"
    })  # fmt: skip
    assert made.became().keys() == {DLL, "evil-two.exe", "evil-one.net"}
    assert made.pack is not None
    chains = [(len(chain.all), chain.process) for chain in made.pack.chains]
    assert chains == [(1, ["evil-two.exe"]), (2, []), (3, [])]


def test_of_a_chain_whose_member_is_dropped_at_the_end_nothing_is_claimed(
    imported: Importer,
) -> None:
    made = imported({"a.kql": "DeviceFileEvents | where FileName == 'rundll32.exe' and RemoteUrl =="
        " 'evil-one.net'"})  # fmt: skip
    assert made.became() == {"evil-one.net": ("domain", "weak")}
    assert made.pack is not None
    assert made.pack.chains == []
    assert list(made.left_out().values()) == ["matches harmless text: it matches everything"]
    told = {row["value"]: row["told"] for row in made.rows}
    assert told["evil-one.net"] == "what it is to be seen with was left out: weak"


def test_a_branch_in_which_nothing_is_compared_is_named(imported: Importer) -> None:
    made = imported({"a.kql": f"union ({A}), DeviceEvents"})
    assert made.became() == {DLL: ("hash", "confirmed")}
    assert made.left_out() == {"DeviceEvents": "nothing in it is compared"}


TOGETHER = "whether the rows belong together is not asked (join{} on DeviceId): wider, weak"
EXCLUDES = "what it excludes is not asked (join {} on DeviceId): wider, weak"


@pytest.mark.parametrize(
    ("kind", "became", "told"),
    [
        ("", WEAK, TOGETHER.format("")),
        ("kind=inner", WEAK, TOGETHER.format(" inner")),
        ("kind=innerunique", WEAK, TOGETHER.format(" innerunique")),
        ("hint.strategy=broadcast kind=leftsemi", WEAK, TOGETHER.format(" leftsemi")),
        ("kind=rightsemi", WEAK, TOGETHER.format(" rightsemi")),
        ("kind=leftouter", {DLL: ("hash", "confirmed")}, ""),
        ("kind=rightouter", {"evil-one.net": ("domain", "strong")}, ""),
        ("kind=fullouter", STRONG, ""),
        ("kind=leftanti", {DLL: ("hash", "confirmed")}, EXCLUDES.format("leftanti")),
        ("kind=anti", {DLL: ("hash", "confirmed")}, EXCLUDES.format("anti")),
        ("kind=rightanti", {"evil-one.net": ("domain", "weak")}, EXCLUDES.format("rightanti")),
        ("kind=odd", {DLL: ("hash", "confirmed")}, "join odd on DeviceId is not asked: wider, weak"),
    ],
)  # fmt: skip
def test_of_a_join_both_sides_are_asked_as_far_as_its_kind_needs_them(
    imported: Importer, kind: str, became: dict[str, tuple[str, str]], told: str
) -> None:
    made = imported({"a.kql": f"{A}\n| join {kind} ({B}) on DeviceId\n| project DeviceId"})
    assert made.became() == became
    assert made.left_out() == {}
    told_of = {row["told"].split("; together")[0] for row in made.rows}
    assert all(told in one for one in made.told().values()) if told else not made.told()
    assert told_of


def test_a_join_in_a_view_and_of_a_bare_table_is_told(imported: Importer) -> None:
    made = imported({"a.kql": f"let names = {B};\nDeviceEvents\n| join names on $left.a == $right.b"
        "\n| where ActionType == 'x'"})  # fmt: skip
    assert made.became() == {"evil-one.net": ("domain", "weak")}
    assert "(join on $left . a == $right . b)" in made.told().popitem()[1]


def test_rows_that_only_exclude_are_no_indicators(imported: Importer) -> None:
    made = imported({"a.kql": f"let good = DeviceFileEvents | where FileName == 'fine.exe';\n{B}"
        "\n| where Name !in ((good | project FileName))"})  # fmt: skip
    assert made.became() == {"evil-one.net": ("domain", "weak")}
    assert made.left_out() == {
        "good": "rows that the query names, and asks for in another way than as rows"
    }


@pytest.mark.parametrize(
    "operator", ["mv-expand a", "invoke f()", "evaluate bag_unpack(x)", "partition by x (take 1)",
                 "top-nested 3 of x by count()", "search 'x'"]
)  # fmt: skip
def test_an_operator_that_may_leave_rows_away_is_told(imported: Importer, operator: str) -> None:
    made = imported({"a.kql": f"{B}\n| {operator}\n| project Name"})
    assert made.became() == {"evil-one.net": ("domain", "weak")}
    (told,) = made.told().values()
    assert told == f"{operator.split(maxsplit=1)[0]} is not asked: wider, weak"


@pytest.mark.parametrize(
    ("where", "told"),
    [
        ("ipv4_is_in_range(RemoteIP, '95.216.0.0', 16) or Name == 'evil-one.net'",
         "the function ipv4_is_in_range with the length of a prefix"),
        ("ipv4_is_in_any_range(RemoteIP, blocks) or Name == 'evil-one.net'",
         "RemoteIP, what blocks is, is not asked"),
        ("isnotempty(Name) and Name == 'evil-one.net'", ""),
        ("strlen(Name) > 3 and Name == 'evil-one.net'", "the function strlen: wider, weak"),
        ("Name == 'evil-one.net' and IsBad", "the comparison of IsBad: wider, weak"),
        ("(a.b(3) + 4 > 5 or Name == 'evil-two.net') and Name == 'evil-one.net'",
         "the comparison of a.b: wider, weak"),
    ],
)  # fmt: skip
def test_a_condition_that_is_not_known_takes_nothing_with_it(
    imported: Importer, where: str, told: str
) -> None:
    made = imported({"a.kql": f"DnsEvents | where {where}"})
    weak = "wider, weak" in told
    assert made.became()["evil-one.net"][1] == ("weak" if weak else "strong")
    assert told in "; ".join([*made.told().values(), *made.left_out().values()])


def test_a_table_that_is_written_out_is_its_values(imported: Importer) -> None:
    made = imported({"a.kql": 'let bad = datatable(name: string)["evil-one.net",\n\n"evil-two.net"];\n'
        "let more = datatable(a: string, b: long)['x', 1];\n"
        "DnsEvents | where Name in~ (bad)\n\nDnsEvents | where Name in (more)"})  # fmt: skip
    assert made.became().keys() == {"evil-one.net", "evil-two.net"}
    assert list(made.left_out().values()) == ["Name, what more is, is not asked"]


@pytest.mark.parametrize(
    ("query", "why"),
    [
        (f"union ({A}), ({B}", "')' is missing at 'the end'"),
        ("(" * 9000 + "T", "nested too deeply"),
        ("union " + ", ".join(f"T{n}" for n in range(99)) + " | where FileName == 'a'",
         "more than 64 branches"),
        ("let f = (a: string) { T | where X == a };", "a function with parameters"),
    ],
)  # fmt: skip
def test_rows_that_cannot_be_read_are_named(imported: Importer, query: str, why: str) -> None:
    made = imported({"a.kql": query, "good.kql": "DnsEvents\n| where Name == 'evil-ok.net'\n"})
    assert "evil-ok.net" in made.became()
    assert why in made.left_out().values()


PARTS = ["T", "let", "x", "=", ";", "|", "where", "(", ")", "and", "or", "not", "==", "in~", ",",
         "'a'", "FileName", "has", "\n\n", "union", "find", "7d", "dynamic", "[", "]",
         "join", "kind", "leftanti", "on", "{", "}", "()", "view", "datatable", "materialize"]  # fmt: skip


@given(st.lists(st.sampled_from(PARTS), max_size=20) | st.lists(st.text(max_size=3), max_size=6))
def test_whatever_a_query_says_ends_in_values_or_reasons(parts: list[str]) -> None:
    assert all(offer.wanted or offer.why for offer in read_kusto(" ".join(parts)))


@given(st.text(st.characters(codec="utf-8", exclude_characters="\0\r\n"), min_size=1, max_size=9))
def test_a_text_is_read_as_it_is_written(value: str) -> None:
    quoted = json.dumps(value, ensure_ascii=False) if value.isprintable() else f'@"{value}"'
    if not value.isprintable() and '"' in value:
        quoted = '@"' + value.replace('"', '""') + '"'
    (offer,) = read_kusto(f"T | where FileName == {quoted}")
    assert offer.written.rstrip() == f"FileName == {value}".rstrip()
