from __future__ import annotations

import pytest

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
