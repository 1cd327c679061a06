"""What a list of expected hosts says beside their names, as it is read."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from collector.commands.names import Unkept, read_expected
from collector.store.expecting import MAX_COLUMNS, MAX_VALUE


def read(path: Path, text: str) -> dict[str, dict[str, str]]:
    path.write_text(text, encoding="utf-8")
    return {one.name: dict(one.columns) for one in read_expected(path, Unkept())}


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("WS-1\nWS-2\n", {"WS-1": {}, "WS-2": {}}),
        ("WS-1,Berlin\n", {"WS-1": {}}),
        ("Name,Site\nWS-1,Berlin\nWS-2,\n", {"WS-1": {"Site": "Berlin"}, "WS-2": {}}),
        ('"OU";"Computer Name";" Owner "\n"OU=a,DC=b";WS-1;Jo\n',
         {"WS-1": {"OU": "OU=a,DC=b", "Owner": "Jo"}}),
        ("DNSHostName,Name,site\nws-1.corp,WS-1,x\n", {"ws-1.corp": {"site": "x"}}),
        ("Name,Site,Site,\nWS-1,first,second,third\n", {"WS-1": {"Site": "first"}}),
        ("Site,Name,Owner\nBerlin,WS-1\n", {"WS-1": {"Site": "Berlin"}}),
    ],
)  # fmt: skip
def test_titles_and_cells_are_as_they_stand_there(
    tmp_path: Path, text: str, told: dict[str, dict[str, str]]
) -> None:
    assert read(tmp_path / "list.csv", text) == told


def test_columns_stand_in_the_order_of_the_list(tmp_path: Path) -> None:
    found = read(tmp_path / "list.csv", "Zone,Name,Area\na,WS-1,b\n")
    assert list(found["WS-1"]) == ["Zone", "Area"]


@settings(
    max_examples=50, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(
    titles=st.lists(st.text(st.characters(exclude_categories=["Cs"], exclude_characters='",;\t\r\n\0'), max_size=300), max_size=30),
    cells=st.lists(st.text(st.characters(exclude_categories=["Cs"], exclude_characters='"\r\n\0'), max_size=400), max_size=30),
)  # fmt: skip
def test_whatever_a_list_says_is_kept_within_its_bounds(
    tmp_path: Path, titles: list[str], cells: list[str]
) -> None:
    rows = [",".join(f'"{one}"' for one in row) for row in (["Name", *titles], ["WS-1", *cells])]
    path = tmp_path / "list.csv"
    path.write_text("\n".join(rows) + "\n", encoding="utf-8")
    (found,) = read_expected(path, Unkept())
    assert found.name
    assert len(found.columns) <= MAX_COLUMNS
    assert len({name for name, _ in found.columns}) == len(found.columns)
    for name, value in found.columns:
        assert 0 < len(name) <= MAX_VALUE
        assert 0 < len(value) <= MAX_VALUE
