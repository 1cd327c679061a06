"""What is exported as Kusto, and what is imported of it, judged by Microsoft's own reader."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

from agent.cli import main
from tests.agent.output.mapping.test_hunting_the_past import QUERIES
from tests.agent.packs.test_exporting import HARD, OF_FORM, PLAIN, exported, indicator, written
from tests.agent.packs.test_import_kusto import SEED
from tests.evidence.kusto_service import TABLES, Judged, Kusto, kusto_service

ROOT = Path(__file__).parents[3]


@pytest.fixture(scope="module")
def kusto() -> Iterator[Kusto]:
    with kusto_service(TABLES) as service:
        yield service


def source_of(queries: list[Judged]) -> str:
    return "".join(query.text for query in queries)


def complaints(queries: list[Judged]) -> dict[str, list[str]]:
    return {query.text: query.complaints for query in queries if query.complaints}


def of_pack(kusto: Kusto, folder: Path, indicators: list[tuple[str, str, str]]) -> list[Judged]:
    pack = written(folder, [indicator(n, *one) for n, one in enumerate(indicators)], "p.json")
    out = exported(pack, "kql")
    text = out.read_text("utf-8")
    out.unlink()
    return kusto.judge(text)


def test_it_is_asked_when_every_test_is_passed() -> None:
    (line,) = re.findall(r"(?m)^test: .*", (ROOT / "Makefile").read_text("utf-8"))
    assert ".cache/npm.stamp" in line.split()


def test_the_queries_of_the_pack_that_is_built_in(kusto: Kusto, tmp_path: Path) -> None:
    out = tmp_path / "out.kql"
    assert main(["packs", "export", "--to", "kql", "--out", str(out)]) == 0
    queries = kusto.judge(out.read_text("utf-8"))
    assert complaints(queries) == {}
    titles = re.findall(r"(?m)^// ", source_of(queries))
    assert len(queries) == len(titles) > 10


def test_the_queries_of_every_type(kusto: Kusto, tmp_path: Path) -> None:
    more = [value for values in OF_FORM.values() for value in values]
    hard = [(one["type"], one["value"], one["strength"]) for one in HARD if "match" not in one]
    queries = of_pack(kusto, tmp_path, [*PLAIN, *more, *hard])
    assert complaints(queries) == {}
    text = source_of(queries)
    for asked in (
        "find in", "has_any (domains)", "has_any (urls)", "RemoteIP in", "DestinationIP in",
        "ipv4_is_in_any_range", "FolderPath =~", "FolderPath matches regex", "FileName in~",
        "FileName matches regex", "ProcessCommandLine contains",
    ):  # fmt: skip
        assert asked in text


ODD = [
    *(chr(code) for code in range(32, 127)),
    "\t", "\u00a0", "\u00e9", "\u0130", "\u2028", "\u200b", "\u202e", "\ufeff", "\U0001f600",
    '\\"', "\\\\", "//", "/*", "```", "~~~", "'\"", '@"', "${x}", "\\u0041", "\\n",
]  # fmt: skip


def test_odd_characters_mean_what_the_pack_says(kusto: Kusto, tmp_path: Path) -> None:
    lines = [f"{odd}evil{odd}one{odd}" if odd.strip() else f"evil{odd}one" for odd in ODD]
    names = [
        f"evil{odd}one.exe" for odd in ODD if odd.isprintable() and not set(odd) & set('\\/:*?"<>|')
    ]
    values = [("command_line", line, "strong") for line in lines]
    queries = of_pack(kusto, tmp_path, [*values, *(("file_name", one, "weak") for one in names)])
    assert complaints(queries) == {}
    told = [text for query in queries for text in query.texts]
    assert [text for text in told if text in lines] == lines
    assert told.count(names[0]) == 3
    assert set(lines) | set(names) == set(told)


MADE = {
    "file_name": "evil_{}.exe", "hash": "{:040x}", "domain": "evil-{}.net",
    "url": "https://evil-{}.net/a", "command_line": "evil_{}.dat", "file_path": "up\\evil_{}.dll",
}  # fmt: skip


@pytest.mark.parametrize("kind", [*MADE, "address"])
def test_a_query_has_no_more_values_than_the_service_takes(
    kusto: Kusto, tmp_path: Path, kind: str
) -> None:
    most = 100 if kind in ("command_line", "file_path") else 1_000
    strength = "confirmed" if kind == "hash" else "strong"
    for many, parts in ((most - 1, 1), (most, 1), (most + 1, 2), (2 * most + 1, 3)):
        values = [
            f"95.216.{n // 250}.{n % 250 + 1}" if kind == "address" else MADE[kind].format(n)
            for n in range(many)
        ]
        queries = of_pack(kusto, tmp_path, [(kind, value, strength) for value in values])
        assert complaints(queries) == {}
        asked = Counter(re.findall(r"(?m)^(?:find in .*|[A-Z]\w+)$", source_of(queries)))
        assert set(asked.values()) == {parts}
        told = [text.lstrip("\\") for query in queries for text in query.texts]
        assert Counter(told) == Counter(values * len(asked))


def test_a_query_is_not_longer_than_the_service_takes(kusto: Kusto, tmp_path: Path) -> None:
    lines = [f"evil {number} " + '"' * 4_000 for number in range(100)]
    urls = [f"https://evil-one.net/{number}/{'a' * 4_000}" for number in range(300)]
    values = [("command_line", line, "strong") for line in lines]
    queries = of_pack(kusto, tmp_path, values + [("url", url, "strong") for url in urls])
    assert complaints(queries) == {}
    assert [text for query in queries for text in query.texts] == [*urls, *lines]
    assert 400_000 < max(len(query.text) for query in queries) < 1_000_000


def test_a_condition_too_many_is_complained_about(kusto: Kusto) -> None:
    """So that the bound on conditions is not one of nobody's."""
    conditions = [f'(FileName =~ "evil_{number}.dll")' for number in range(600)]
    (query,) = kusto.judge("DeviceFileEvents\n| where " + "\n    or ".join(conditions))
    (told,) = query.complaints
    assert "Query syntax depth exceeds maximum safe limit" in told


@pytest.mark.parametrize(("query", "became"), SEED)
def test_the_hunting_queries_that_are_imported(
    kusto: Kusto, query: str, became: dict[str, tuple[str, str]]
) -> None:
    (judged,) = kusto.judge(query)
    assert judged.complaints == []
    assert set(became) <= set(judged.texts)


@pytest.mark.parametrize("query", QUERIES.values(), ids=QUERIES)
def test_the_queries_that_sightings_are_found_by(kusto: Kusto, query: str) -> None:
    (judged,) = kusto.judge(query)
    assert judged.complaints == []


@pytest.mark.parametrize(
    ("query", "complaint"),
    [
        ('DeviceFileEvents\n| where FileNam in~ ("a.dll")', "KS142: The name 'FileNam'"),
        ('DeviceNetworkEvents\n| where SHA1 == "a"', "KS142: The name 'SHA1'"),
        ('DeviceFileEvent\n| where FileName =~ "a"', "KS204: The name 'DeviceFileEvent'"),
        ('DnsEvents\n| where Name has_any ("a"', "KS005: Expected: )"),
        ('DnsEvents\n| where Name equals "a"', "KS142: The name 'equals'"),
        ('DeviceFileEvents\n| where FileSize has "a"', "KS106: The operator 'has'"),
        ('DnsEvents\n| where Name == "a\\q"', "KS002: Unexpected: \\"),
        ('DnsEvents\n| where ipv4_is_in_any_rang(Name, dynamic(["a"]))', "KS211: The name"),
        ('let names = dynamic(["a"]);\n\nDnsEvents\n| where Name in~ (names)', "KS142: The name 'names'"),
    ],
)  # fmt: skip
def test_a_wrong_query_is_complained_about(kusto: Kusto, query: str, complaint: str) -> None:
    told = [one for judged in kusto.judge(query) for one in judged.complaints]
    assert [one for one in told if one.startswith(complaint)] != []


def test_every_query_of_the_guides_and_the_kit(kusto: Kusto) -> None:
    """There are none today; the text of one is found by the tables."""
    named = re.compile(rf"(?m)^(?:{'|'.join(TABLES)})\b(?:\s*\n?\s*\|.*)+")
    assert len(named.findall("a\nDeviceEvents\n| where A == 1\nb\nDnsEvents | count")) == 2
    paths = [ROOT / "README.md", *(ROOT / "docs").rglob("*.md"), *(ROOT / "build").rglob("*.*")]
    for path in paths:
        for query in named.findall(path.read_text("utf-8", errors="replace")):
            assert complaints(kusto.judge(query)) == {}, path
