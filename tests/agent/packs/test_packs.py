"""A pack that cannot work is refused, with file, line and why."""

from __future__ import annotations

import json
import sys
import zipfile
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.model.objects import Destination
from agent.model.observation import Claim, Observation, Place
from agent.packs import beside_exe as packs_module
from agent.packs import schema as pack_schema
from agent.packs.built_in import (
    built_in_exclusions,
    built_in_packs,
    exclusions_in_use,
    load_packs,
    matcher_of,
)
from agent.packs.document import MAX_PACK_BYTES, PackError
from agent.packs.loading import load_pack, parse_exclusions, parse_pack
from agent.windows import security

HEAD = """\
pack: iocsweep.pack/1
id: test
version: 1
title: A test
references:
  R1: somebody's report
indicators:
"""


def pack(*indicators: str) -> bytes:
    common = "    strength: weak\n    status: SRC\n    reference: [R1]\n"
    return (HEAD + "".join(f"  - {text}\n{common}" for text in indicators)).encode()


GOOD = "id: name\n    type: file_name\n    value: evil.dat"


def test_the_built_in_packs_and_exclusions_load() -> None:
    packs = built_in_packs()
    assert [p.file.id for p in packs] == ["cyzfc-2018-11"]
    assert packs[0].reference().indicators == len(packs[0].file.indicators) >= 80
    assert len(built_in_exclusions().rules) >= 7


def test_what_is_built_in_says_so_and_what_was_given_names_its_file(tmp_path: Path) -> None:
    path = tmp_path / "mine.yaml"
    path.write_bytes(pack(GOOD))
    assert [p.reference().origin for p in load_packs([path])] == ["built in", str(path)]
    file, reference = exclusions_in_use()
    assert (reference.origin, reference.rules) == ("built in", len(file.rules))


EXCLUSIONS = b"""\
exclusions: iocsweep.exclusions/1
version: 1
rules:
  - {id: mine, title: t, reason: r, when: {process: [backup.exe]}}
"""


@pytest.fixture
def beside(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder of an exe that has a pack and exclusions of its own inside."""
    import iocs

    bundle, folder = tmp_path / "bundle", tmp_path / "stick"
    bundle.mkdir()
    folder.mkdir()
    with zipfile.ZipFile(bundle / "iocs.zip", "w") as packed:
        for path in Path(iocs.__file__).parent.glob("*.yaml"):
            packed.write(path, path.name)
    monkeypatch.setattr(sys, "frozen", True, raising=False)
    monkeypatch.setattr(sys, "_MEIPASS", str(bundle), raising=False)
    monkeypatch.setattr(sys, "executable", str(folder / "iocsweep.exe"))
    return folder


def test_a_file_beside_the_exe_takes_the_place_of_the_one_inside_and_is_named(beside: Path) -> None:
    assert [p.reference().origin for p in built_in_packs()] == ["built in"]
    (beside / "cyzfc.yaml").write_bytes(pack(GOOD))
    (beside / "exclusions.yaml").write_bytes(EXCLUSIONS)
    assert [p.reference().origin for p in built_in_packs()] == [str(beside / "cyzfc.yaml")]
    assert exclusions_in_use()[1].origin == str(beside / "exclusions.yaml")


@pytest.mark.parametrize(
    ("elevated", "open_to_others", "refused"),
    [(True, "folder", True), (True, "file", True), (True, "", False), (False, "folder", False)],
)
def test_a_file_that_others_could_have_put_there_is_refused_when_elevated(
    beside: Path,
    monkeypatch: pytest.MonkeyPatch,
    elevated: bool,
    open_to_others: str,
    refused: bool,
) -> None:
    path = beside / "cyzfc.yaml"
    path.write_bytes(pack(GOOD))
    writable = {"folder": str(beside), "file": str(path)}.get(open_to_others)
    monkeypatch.setattr(packs_module, "_WINDOWS", True)
    monkeypatch.setattr(security, "is_elevated", lambda: elevated)
    monkeypatch.setattr(security, "writable_by_others", lambda place: place == writable)
    if not refused:
        assert built_in_packs()[0].path == str(path)
        return
    with pytest.raises(PackError, match=r"cyzfc\.yaml: .*others than administrators.*--only-pack"):
        built_in_packs()
    mine = beside.parent / "mine.yaml"
    mine.write_bytes(pack(GOOD))
    assert len(load_packs([], [mine])) == 1
    assert exclusions_in_use()[1].origin == "built in"


def test_a_file_whose_permissions_nobody_tells_is_refused(
    beside: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(_: str) -> bool:
        raise OSError(5, "access denied")

    (beside / "exclusions.yaml").write_bytes(EXCLUSIONS)
    monkeypatch.setattr(packs_module, "_WINDOWS", True)
    monkeypatch.setattr(security, "is_elevated", lambda: True)
    monkeypatch.setattr(security, "writable_by_others", refuse)
    with pytest.raises(PackError, match="cannot be told: access denied"):
        built_in_exclusions()


def test_a_good_pack_loads_and_is_named_by_its_hash() -> None:
    loaded = parse_pack(pack(GOOD), "mine.yaml")
    assert loaded.file.indicators[0].id == "name"
    assert len(loaded.sha256) == 64


@pytest.mark.parametrize(
    ("text", "line", "why"),
    [
        ("id: a\n    type: file_name\n    value: x\n    colour: red", 8, "unknown field `colour`"),
        ("id: a\n    type: hash\n    value: abc1", 10, "length >= 32"),
        ("id: a\n    type: hash\n    value: " + "a" * 33, 10, "no MD5, SHA-1 or SHA-256"),
        ("id: a\n    type: hash\n    value: d41d8cd98f00b204e9800998ecf8427e", 10, "empty file"),
        ("id: a\n    type: hash\n    value: " + "A" * 32, 10, "lower case"),
        ("id: a\n    type: address\n    value: 192.168.1.1", 10, "not a public address"),
        ("id: a\n    type: address\n    value: 1.0.0.0/4", 10, "host bits|too much"),
        ("id: a\n    type: address\n    value: 300.1.1.1", 10, "300"),
        ("id: a\n    type: content\n    value: '.*'\n    match: regex", 10, "matches everything|a"),
        ("id: a\n    type: content\n    value: '(('\n    match: regex", 10, "indicator a"),
        ("id: a\n    type: content\n    value: xyz\n    match: hex", 10, "indicator a"),
        ("id: a\n    type: file_name\n    value: '*'", 10, "matches every name"),
        ("id: a\n    type: file_path\n    value: '%HOME%\\x.dat'", 10, "unknown variable %HOME%"),
        ("id: a\n    type: domain\n    value: com", 10, "two labels"),
        ("id: a\n    type: lnk\n    field: droid_time\n    value: soon", 11, "soon"),
        (
            "id: a\n    type: lnk\n    field: droid_time\n    value: 2016-13-06T17:03:04Z",
            11,
            "month",
        ),
        ("id: a\n    type: lnk\n    field: mac\n    value: 08-00-27-92-24-e5", 11, "08:00:27"),
        ("id: a\n    type: lnk\n    field: volume_serial\n    value: c4b2bd1c", 11, "C4B2-BD1C"),
        ("id: a\n    type: lnk\n    field: droid_sequence\n    value: many", 11, "16383"),
        ("id: a\n    type: pipe\n    value: 'foo-[0-9]+'\n    example: bar", 10, "own value"),
        ("id: a\n    type: nonsense\n    value: x", 9, "nonsense"),
        ("id: a\n    type: file_name\n    value: x\n    value: y", 11, "stands twice"),
    ],
)
def test_a_flaw_is_told_with_its_line(text: str, line: int, why: str) -> None:
    with pytest.raises(PackError, match=why) as caught:
        parse_pack(pack(text), "mine.yaml")
    assert str(caught.value).startswith(f"mine.yaml:{line}: "), str(caught.value)


def test_two_indicators_of_one_id_are_refused() -> None:
    with pytest.raises(PackError, match=r"mine\.yaml:14: duplicate id name, first in line 8"):
        parse_pack(pack(GOOD, GOOD), "mine.yaml")


def test_a_private_address_is_taken_when_the_pack_says_so() -> None:
    text = "id: a\n    type: address\n    value: 127.0.0.9\n    private: true"
    assert parse_pack(pack(text), "x").file.indicators[0].id == "a"


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ("::ffff:8.8.4.4", "8.8.4.4"), ("::FFFF:808:404", "8.8.4.4"),
        ("0:0:0:0:0:ffff:808:404", "8.8.4.4"), ("::ffff:8.8.4.0/120", "8.8.4.0/24"),
        ("2001:4860:4860::8844", "2001:4860:4860::8844"),
    ],
)  # fmt: skip
def test_an_address_of_version_4_that_is_written_as_one_of_6_is_found(
    written: str, meant: str
) -> None:
    text = f"id: a\n    type: address\n    value: '{written}'"
    loaded = parse_pack(pack(text), "x")
    assert loaded.file.indicators[0].value == meant
    held = meant.replace(".0/24", ".4")
    seen = Observation(
        source="connections", seen="", claim=Claim.CONNECTED, place=Place(text=""),
        destination=Destination(ip=held),
    )  # fmt: skip
    assert [one.indicator.id for one in matcher_of([loaded]).match(seen)] == ["a"]


def test_an_unknown_reference_is_refused() -> None:
    data = pack(GOOD).replace(b"[R1]", b"[R2]")
    with pytest.raises(PackError, match="unknown reference R2"):
        parse_pack(data, "x")


def test_a_chain_of_unknown_indicators_is_refused() -> None:
    chain = b"chains:\n  - id: c\n    title: t\n    strength: strong\n    all: [{any: [nobody]}]\n"
    with pytest.raises(PackError, match=r"x:18: chain c: unknown indicator nobody"):
        parse_pack(pack(GOOD) + chain, "x")


def test_a_clause_of_memory_that_counts_no_mention_is_refused() -> None:
    chain = (
        b"chains:\n  - id: c\n    title: t\n    strength: strong\n"
        b"    all: [{any: [name], sources: [memory]}]\n"
    )
    with pytest.raises(PackError, match="memory only mentions"):
        parse_pack(pack(GOOD) + chain, "x")
    counted = chain.replace(b"[memory]", b"[memory], claims: [mentioned]")
    assert parse_pack(pack(GOOD) + counted, "x").file.chains[0].id == "c"


def test_broken_yaml_is_told_with_its_line() -> None:
    with pytest.raises(PackError, match=r"x:3: did not find"):
        parse_pack(b"pack: a\nid: [\n", "x")


def test_a_file_that_is_no_text_is_refused() -> None:
    with pytest.raises(PackError, match="not UTF-8 at byte 0"):
        parse_pack(b"\xff\xfe\x00", "x")


def test_an_enormous_pack_is_refused() -> None:
    with pytest.raises(PackError, match="larger than"):
        parse_pack(b" " * (MAX_PACK_BYTES + 1), "x")


def test_nesting_without_end_is_refused() -> None:
    with pytest.raises(PackError):
        parse_pack(b"[" * 5000, "x")


def test_an_alias_bomb_is_refused() -> None:
    lines = ["a0: &a0 [x, x, x, x, x, x, x, x, x, x]"]
    lines += [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 10)}]" for n in range(1, 9)]
    with pytest.raises(PackError, match="too many"):
        parse_pack("\n".join(lines).encode(), "x")


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(PackError, match=r"nowhere\.yaml: No such file"):
        load_pack(tmp_path / "nowhere.yaml")


def test_an_id_that_two_packs_share_is_refused(tmp_path: Path) -> None:
    first, second = tmp_path / "a.yaml", tmp_path / "b.yaml"
    first.write_bytes(pack(GOOD))
    second.write_bytes(pack(GOOD))
    with pytest.raises(PackError, match=r"b\.yaml: id name is also in .*a\.yaml"):
        load_packs([second], [first])


def test_an_exclusion_that_excludes_everything_is_refused() -> None:
    rule = (
        b"exclusions: iocsweep.exclusions/1\nversion: 1\nrules:\n"
        b"  - {id: all, title: t, reason: r, when: {}}\n"
    )
    with pytest.raises(PackError, match=r"x:4: .*no condition that narrows it"):
        parse_exclusions(rule, "x")


@given(st.binary(max_size=300) | st.text(max_size=300).map(str.encode))
def test_any_bytes_end_in_a_pack_error(data: bytes) -> None:
    with pytest.raises(PackError):
        parse_pack(data, "x")


@given(st.text(min_size=1, max_size=60))
def test_any_value_ends_in_a_pack_or_a_pack_error(value: str) -> None:
    for kind in ("file_name", "file_path", "domain", "address", "content", "command_line", "url"):
        data = pack(f"id: a\n    type: {kind}\n    value: {json.dumps(value)}")
        try:
            assert parse_pack(data, "x").file.indicators[0].id == "a"
        except PackError as error:
            assert str(error).startswith("x:")


def test_the_committed_schema_is_the_generated_one() -> None:
    import iocs

    committed = Path(iocs.__file__).parent / "pack.schema.json"
    assert committed.read_text(encoding="utf-8") == pack_schema.text()
