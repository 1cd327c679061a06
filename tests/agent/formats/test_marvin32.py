from __future__ import annotations

import pytest

from agent.formats import marvin32 as marvin
from agent.formats.marvin32 import marvin32


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        ("", 0x30ED35C100CD3C7D),
        ("af", 0x48E73FC77D75DDC1),
        ("e70f", 0xB5F6E1FC485DBFF8),
        ("37f495", 0xF0B07C789B8CF7E8),
        ("8642dc59", 0x7008F2E87E9CF556),
        ("153fb79826", 0xE6C08C6DA2AFA997),
    ],
)
def test_the_examples_of_the_dotnet_runtime_come_out(data: str, expected: int) -> None:
    found = marvin32(bytes.fromhex(data), 0x004FB61A001BDBCC)

    assert int.from_bytes(found, "little") == expected


def test_what_is_long_is_hashed_once(monkeypatch: pytest.MonkeyPatch) -> None:
    data, real, asked = b"a long entry " * 1000, marvin._hash, []

    def counted(data: bytes, seed: int) -> bytes:
        asked.append(seed)
        return real(data, seed)

    monkeypatch.setattr(marvin, "_hash", counted)
    monkeypatch.setattr(marvin, "_KNOWN", marvin._Known())
    found = {marvin32(data, seed) for seed in (1, 2, 1, 2)}

    assert found == {real(data, 1), real(data, 2)}
    assert asked == [1, 2]


def test_hashes_that_are_kept_are_few(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(marvin, "_MOST_KEPT", 2)
    known = marvin._Known()
    for number in range(5):
        assert known.of(b"x" * number, 1) == marvin._hash(b"x" * number, 1)
        assert len(known._by_digest) <= 2
