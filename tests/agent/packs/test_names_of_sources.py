"""A condition on a source that there is not would never hold: it is refused, with file and line."""

from __future__ import annotations

from pathlib import Path

import pytest

from agent import cli
from agent.packs.built_in import built_in_packs, exclusions_in_use
from agent.packs.document import PackError
from agent.packs.loading import parse_exclusions, parse_pack
from agent.sources.catalog import NAMES

PACK = """
pack: iocsweep.pack/1
id: mine
version: 1
title: t
references: {r: https://example.org}
indicators:
  - {id: name, type: file_name, value: x.dat, strength: weak, status: SRC, reference: [r]}
chains:
  - id: both
    title: t
    strength: strong
    all:
      - {any: [name], sources: [files]}
      - any: [name]
        sources: [processes, proceses]
"""
RULES = """
exclusions: iocsweep.exclusions/1
version: 1
rules:
  - id: mine
    title: t
    reason: r
    when:
      process: [a.exe]
      sources: [memory, memroy]
"""


def test_the_built_in_files_name_sources_that_there_are() -> None:
    assert built_in_packs(NAMES)
    assert exclusions_in_use(NAMES)[0].rules


def test_a_misspelled_source_in_a_chain_is_refused() -> None:
    with pytest.raises(PackError, match=r"^x:16: chain both: no source 'proceses'; there are proc"):
        parse_pack(PACK.encode(), "x", sources=NAMES)
    right = PACK.replace("proceses", "modules").encode()
    assert parse_pack(right, "x", sources=NAMES).file.chains[0].all[1].sources == [
        "processes",
        "modules",
    ]


def test_a_misspelled_source_in_an_exclusion_is_refused() -> None:
    with pytest.raises(PackError, match=r"^x:10: exclusion mine: no source 'memroy'"):
        parse_exclusions(RULES.encode(), "x", NAMES)
    assert parse_exclusions(RULES.replace("memroy", "files").encode(), "x", NAMES).rules


def test_the_command_line_refuses_it_before_anything_is_swept(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "mine.yaml"
    path.write_text(PACK)
    assert cli.main(["packs", "check", str(path)]) == 2
    assert cli.main(["offline", str(tmp_path), "--pack", str(path)]) == 2
    told = capsys.readouterr().err
    assert told.count(f"{path}:16: chain both: no source 'proceses'") == 2
