"""What a start tells: addresses that work, and tokens that nobody has yet."""

from __future__ import annotations

import pytest

from collector.introducing import agent_lines, reached_at

NAMES = ["collector.corp.example", "10.1.2.3", "127.0.0.1"]


@pytest.mark.parametrize(
    ("address", "names", "where"),
    [
        ("0.0.0.0", NAMES, "https://collector.corp.example:8440"),
        ("::", NAMES, "https://collector.corp.example:8440"),
        ("10.1.2.3", NAMES, "https://collector.corp.example:8440"),
        ("127.0.0.1", NAMES, "https://127.0.0.1:8440"),
        ("::1", NAMES, "https://collector.corp.example:8440"),
        ("0.0.0.0", ["*.corp.example", "x.corp.example"], "https://x.corp.example:8440"),
        ("0.0.0.0", ["10.1.2.3"], "https://10.1.2.3:8440"),
        ("::", ["2001:db8::1"], "https://[2001:db8::1]:8440"),
        ("10.1.2.3", ["*.corp.example"], "https://10.1.2.3:8440"),
    ],
)
def test_it_is_reached_by_a_name_of_its_certificate(
    address: str, names: list[str], where: str
) -> None:
    assert reached_at(address, 8440, names, secure=True) == where


@pytest.mark.parametrize("address", ["0.0.0.0", "::", ""])
def test_an_address_of_everywhere_is_never_told(address: str) -> None:
    where = reached_at(address, 8440, ["*.corp.example"], secure=True)
    assert where.startswith("https://")
    assert where.endswith(":8440")
    assert "0.0.0.0" not in where
    assert "::" not in where


def test_without_tls_it_is_the_address() -> None:
    assert reached_at("127.0.0.1", 1, [], secure=False) == "http://127.0.0.1:1"
    assert reached_at("::1", 1, [], secure=False) == "http://[::1]:1"


def test_no_authority_is_named_where_none_is_needed() -> None:
    lines = agent_lines("https://c:1", "secret", None)
    assert lines == [
        ">token.txt echo secret",
        "iocsweep.exe --quiet --collector https://c:1 --token-file token.txt",
    ]
