"""What keeps a build from being shipped."""

from __future__ import annotations

import zipfile
from pathlib import Path

import pytest
import shipping

from tests.release.archives import exe_with

PACK = """\
indicators:
  - {id: a-domain, type: domain, value: Beacon.example}
  - {id: a-hash, type: hash, value: 9858d5cb2a6614be3c48e33911bf9f79}
  - {id: too-short, type: content, value: $ab}
"""


@pytest.fixture
def packs(tmp_path: Path) -> Path:
    folder = tmp_path / "iocs"
    folder.mkdir()
    (folder / "pack.yaml").write_text(PACK)
    (folder / "exclusions.yaml").write_text("rules: []\n")
    return folder


@pytest.mark.parametrize(
    ("data", "identity"),
    [
        (b"..beacon.EXAMPLE..", "a-domain"),
        ("..beacon.example..".encode("utf-16-le"), "a-domain"),
        (b"\x01 9858D5CB2A6614BE3C48E33911BF9F79", "a-hash"),
        (b"\0" + bytes.fromhex("9858d5cb2a6614be3c48e33911bf9f79"), "a-hash"),
    ],
    ids=["ASCII", "UTF-16", "hex digits", "the digest's bytes"],
)
def test_an_indicator_in_clear_is_told_by_its_id(packs: Path, data: bytes, identity: str) -> None:
    wanted = shipping.indicators(packs)
    assert shipping.in_clear([("a.dll", data)], wanted) == [
        f"a.dll holds the indicator {identity} in clear"
    ]


def test_what_is_packed_is_not_in_clear(packs: Path) -> None:
    exe = exe_with({"iocs.zip": b"beacon.example"})
    assert shipping.in_clear([("exe", exe)], shipping.indicators(packs)) == []


def test_every_indicator_of_the_built_in_packs_is_looked_for() -> None:
    wanted = shipping.indicators(Path(__file__).parents[2] / "iocs")
    assert len(wanted) > 80
    assert [identity for identity, forms in wanted.items() if not forms] == []
    assert "pandorasong.com".encode("utf-16-le") in wanted["c2-domain"]


def test_a_members_bytes_are_looked_at_as_unpacked(packs: Path, tmp_path: Path) -> None:
    archive = tmp_path / "build.zip"
    with zipfile.ZipFile(archive, "w", zipfile.ZIP_DEFLATED) as opened:
        opened.writestr("iocsweep/notes.txt", "beacon.example " * 40)
        opened.writestr("iocsweep/other.txt", "nothing")
    assert shipping.check_archive(archive, packs) == [
        "build.zip: iocsweep/notes.txt holds the indicator a-domain in clear"
    ]


@pytest.mark.parametrize(
    "text", ["/home/jo/build", r"Z:\home\jo\build\agent\cli.py", "at /home/jo/build/x.py, line 3"]
)
@pytest.mark.parametrize("encoding", ["utf-8", "utf-16-le"])
def test_the_folder_of_the_build_is_found_where_it_starts_a_path(text: str, encoding: str) -> None:
    found = shipping.named_folders([("m", text.encode(encoding))], ["/home/jo/build"])
    assert found == ["m names /home/jo/build, where it was built"]


@pytest.mark.parametrize("encoding", ["utf-8", "utf-16-le"])
def test_the_end_of_another_path_is_not_the_folder(encoding: str) -> None:
    text = "/root/registry/src/lib.rs"
    assert shipping.named_folders([("m", text.encode(encoding))], ["/src"]) == []


def test_what_is_unpacked_is_modules_scripts_and_files() -> None:
    exe = exe_with({"a\\b.dll": b"1"}, {"x.y": b"2"}, {"__main__": b"3"})
    assert dict(shipping.unpacked(exe)) == {"a/b.dll": b"1", "x/y": b"2", "__main__": b"3"}


@pytest.mark.parametrize(
    ("name", "why"),
    [
        ("bcryptprimitives.dll", "the lab's stub"),
        ("x/API-MS-Win-core-path-l1-1-0.dll", "a part of Windows itself"),
        ("_pytest/config", "a tool, not the agent"),
    ],
)
def test_what_must_not_be_inside_is_named(name: str, why: str) -> None:
    needed = {"build.json", "iocs.zip", "THIRD-PARTY.txt", "agent/coverage"}
    (problem,) = shipping.wrong_names({name, *needed})
    assert problem.startswith(f"{name} is inside: {why}")
    assert list(shipping.wrong_names({"build.json", "iocs.zip"})) == ["THIRD-PARTY.txt is missing"]
