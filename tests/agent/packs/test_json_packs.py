"""Packs in JSON: the same schema, the same strictness, each error with its line; large ones."""

from __future__ import annotations

import json
from typing import Any

import msgspec
import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from agent.indicators import PackFile
from agent.matching.byte_rules import ByteRules
from agent.matching.selection import Selector
from agent.packs import proof
from agent.packs.document import Document, PackError
from agent.packs.json_places import lines_of
from agent.packs.loading import parse_pack


def pack(*values: str) -> dict[str, Any]:
    return {
        "pack": "iocsweep.pack/1",
        "id": "test",
        "version": "1",
        "title": "A test",
        "references": {"R1": "somebody's report"},
        "indicators": [
            {
                "id": f"name-{number}",
                "type": "file_name",
                "value": value,
                "strength": "weak",
                "status": "SRC",
                "reference": ["R1"],
            }
            for number, value in enumerate(values)
        ],
    }


def test_a_pack_is_the_same_in_json_and_in_yaml() -> None:
    made = pack("evil.dat", "зло*.dat")
    made["indicators"].append(
        {
            "id": "hash", "type": "hash", "value": "9858d5cb2a6614be3c48e33911bf9f7978b441bf",
            "strength": "confirmed", "status": "DRV", "reference": ["R1"],
            "gate": {"size": 294400, "magic": "4d5a", "extensions": [".dat", ""]},
        }
    )  # fmt: skip
    as_yaml = parse_pack(yaml.safe_dump(made, allow_unicode=True).encode(), "p.yaml")
    for text in (json.dumps(made), json.dumps(made, indent="\t"), "\ufeff \n" + json.dumps(made)):
        assert parse_pack(text.encode(), "p.json").file == as_yaml.file
        assert parse_pack(text.encode(), "no such ending").file == as_yaml.file


@pytest.mark.parametrize(
    ("old", "new", "where"),
    [
        ('"evil.dat"', '""', "p.json:13: Expected `str` of length >= 1"),
        ('"evil.dat"', "7", "p.json:13: Expected `str`, got `int`"),
        ('"evil.dat"', '"*"', "p.json:13: indicator name-0: matches every name"),
        ('"value"', '"valu"', "p.json:10: Object contains unknown field `valu`"),
        ('"strength": "weak"', '"value": "weak"', "p.json:14: key 'value' stands twice"),
        ('"evil.dat"', "NaN", "p.json: NaN is no number"),
        ('"evil.dat"', '"\\uD800.dat"', "surrogates not allowed"),
        ('"evil.dat",', '"evil.dat"', "p.json:14: Expecting ',' delimiter"),
        ('"evil.dat"', "[" * 100_000, "p.json: nested too deeply"),
        ('["R1"]', '["R2"]', "p.json:10: indicator name-0: unknown reference R2"),
        ('["R1"]', '["R1", 4]', "p.json:18: Expected `str`, got `int`"),
    ],
)
def test_an_error_in_json_has_its_line(old: str, new: str, where: str) -> None:
    text = json.dumps(pack("evil.dat"), indent=2)
    text = text.replace('[\n        "R1"\n      ]', '["R1"]').replace(old, new, 1)
    text = text.replace('["R1", 4]', '[\n"R1",\n4]')
    with pytest.raises(PackError) as told:
        parse_pack(text.encode(), "p.json")
    assert where in str(told.value)


def test_a_mapping_in_braces_may_be_yaml() -> None:
    assert Document("p.yaml", b"{a: 1, b: [x]}").value == {"a": "1", "b": ["x"]}
    with pytest.raises(PackError, match=r"p\.json:1: Expecting property name"):
        Document("p.json", b"{a: 1}")


def test_too_many_values_are_refused_before_they_are_made() -> None:
    with pytest.raises(PackError, match="too many values"):
        Document("p.json", b"[" + b"1," * 2_000_001 + b"1]")


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
)


@given(JSON, st.sampled_from([None, 1]))
def test_each_part_of_a_json_text_has_its_line(value: Any, indent: int | None) -> None:
    text = json.dumps(value, indent=indent)
    lines, twice = lines_of(text)
    assert twice is None

    def parts(of: Any, place: tuple[str | int, ...]) -> None:
        assert 1 <= lines[place] <= text.count("\n") + 1
        if isinstance(of, dict):
            for key, inner in of.items():
                parts(inner, (*place, key))
        elif isinstance(of, list):
            for number, inner in enumerate(of):
                parts(inner, (*place, number))

    parts(value, ())


PLAIN = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False)
ODD = PLAIN | st.sampled_from(["", "7", "5.0", "true", "R1", "weak", ".a", 2**64, 5.0, 1e20])


@given(
    st.sampled_from(["hash", "pe", "content", "address"]),
    st.dictionaries(st.sampled_from(["value", "note", "private", "any_size", "match"]), ODD),
    st.dictionaries(st.sampled_from(["size", "min_size", "magic", "extensions"]), ODD),
)
def test_json_is_what_its_plain_values_are(
    kind: str, fields: dict[str, Any], gate: dict[str, Any]
) -> None:
    made = pack("9858d5cb2a6614be3c48e33911bf9f7978b441bf")
    made["indicators"][0] |= {"type": kind, **({"gate": gate} if gate else {}), **fields}
    text = json.dumps(made)
    try:
        expected = msgspec.convert(json.loads(text), PackFile, strict=False)
    except msgspec.ValidationError as error:
        with pytest.raises(PackError) as told:
            Document("p.json", text.encode()).into(PackFile)
        assert str(error).partition(" - at `$")[0] in str(told.value)
    else:
        assert Document("p.json", text.encode()).into(PackFile) == expected


def test_many_are_proved_a_part_at_a_time(monkeypatch: pytest.MonkeyPatch) -> None:
    made = pack("a.dat", "b.dat", "c.dat", "d.dat", "e.dat")
    made["indicators"][4] |= {"type": "content", "match": "regex", "value": "."}
    text = json.dumps(made, indent=1).encode()
    told = []
    for at_once in (10_000, 2):
        monkeypatch.setattr(proof, "_AT_ONCE", at_once)
        with pytest.raises(PackError) as error:
            parse_pack(text, "p.json")
        told.append(str(error.value))
    assert told[0] == told[1]
    assert "indicator name-4 matches harmless text: it matches everything" in told[0]
    line = text[: text.index(b'"value": "."')].count(b"\n") + 1
    assert told[0].startswith(f"p.json:{line}: ")


def test_a_look_up_that_loses_values_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    """The first of a kind is compared in full; of the others the look-up is asked."""
    text = json.dumps(pack("first.dat", "second.dat", "third.dat")).encode()
    whole = Selector.__init__

    def losing(selector: Selector, *given: Any, **options: Any) -> None:
        whole(selector, *given, **options)
        selector.exact.pop("THIRD.DAT", None)

    monkeypatch.setattr(Selector, "__init__", losing)
    with pytest.raises(PackError, match="name-2 does not match its own value"):
        parse_pack(text, "p.json")


def test_many_indicators_are_proved_by_few_scans(monkeypatch: pytest.MonkeyPatch) -> None:
    scans = []
    places = ByteRules.places

    def counted(rules: ByteRules, data: bytes, begin: int = 0) -> dict[int, list[tuple[int, int]]]:
        scans.append(len(data))
        return places(rules, data, begin)

    monkeypatch.setattr(ByteRules, "places", counted)
    names = [f"evil{number:05}.dat" for number in range(2000)]
    found = parse_pack(json.dumps(pack(*names)).encode(), "p.json")
    assert len(found.file.indicators) == 2000
    assert len(scans) < 10


def test_a_name_within_another_one_is_proved_in_its_own_text() -> None:
    parse_pack(json.dumps(pack("my evil.dat", "evil.dat", "evil.dat.txt")).encode(), "p.json")
