"""What ``iocsweep packs import`` makes of files, and what it says."""

from __future__ import annotations

import csv
from collections.abc import Callable
from pathlib import Path

import pytest
from msgspec import Struct

from agent.cli import main
from agent.indicators import PackFile
from agent.matching.matcher import value_of
from agent.packs.loading import load_pack
from agent.sources.catalog import NAMES


class Imported(Struct):
    """A run of the command."""

    code: int
    shown: str
    said: str
    pack: PackFile | None
    rows: list[dict[str, str]]
    """Of the table."""

    def became(self) -> dict[str, tuple[str, str]]:
        """Value in the pack to its type and strength."""
        assert self.pack is not None, self.said
        return {
            value_of(one): (str(one.__struct_config__.tag), one.strength.value)
            for one in self.pack.indicators
        }

    def left_out(self) -> dict[str, str]:
        """As written to why."""
        return {row["written"]: row["left_out"] for row in self.rows if row["left_out"]}

    def told(self) -> dict[str, str]:
        """As written to what somebody should know of it."""
        return {row["written"]: row["told"] for row in self.rows if row["told"]}


Importer = Callable[..., Imported]


def importer(folder: Path, capsys: pytest.CaptureFixture[str]) -> Importer:
    """Imports texts by their file's name; the pack that came of it has been loaded."""

    def run(files: dict[str, str], out: str = "feed.yaml") -> Imported:
        paths = []
        for name, text in files.items():
            (folder / name).write_text(text, encoding="utf-8")
            paths.append(str(folder / name))
        where, table = folder / out, folder / "table.csv"
        capsys.readouterr()
        code = main(
            ["packs", "import", *paths, "--out", str(where), "--table", str(table), "--force"]
        )
        captured = capsys.readouterr()
        rows = []
        if table.exists():
            with table.open(encoding="utf-8-sig", newline="") as file:
                rows = list(csv.DictReader(file))
        pack = load_pack(where, NAMES).file if where.exists() else None
        return Imported(code, captured.out, captured.err, pack, rows)

    return run
