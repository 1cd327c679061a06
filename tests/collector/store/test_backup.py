"""A copy is whole and on the disk, or it is not there and the database is as it was."""

from __future__ import annotations

import resource
import shutil
import sqlite3
import stat
import subprocess
import sys
from pathlib import Path
from typing import NamedTuple

import pytest

from collector.store import backup
from collector.store.backup import USUAL, BackupPlan, copy_sqlite, without_password
from collector.store.database import StoreError
from collector.store.writer import open_database
from tests.collector.store.older import lay_sqlite, rows_of


class Usage(NamedTuple):
    """As :func:`shutil.disk_usage` tells it."""

    total: int
    used: int
    free: int


@pytest.fixture
def older(tmp_path: Path) -> Path:
    path = tmp_path / "collector.db"
    lay_sqlite(path)
    return path


def copies(path: Path) -> list[Path]:
    return sorted(path.parent.glob("*.schema-*"))


class TestSqlite:
    def test_a_copy_has_every_row_and_leaves_nothing_beside_it(self, older: Path) -> None:
        connection = sqlite3.connect(older)
        copy = copy_sqlite(connection, older, USUAL)
        connection.close()
        assert rows_of(copy) == rows_of(older)
        assert stat.S_IMODE(copy.stat().st_mode) == 0o600
        assert copy.name.startswith("collector.db.schema-1.20")

    def test_two_of_one_second_do_not_meet(self, older: Path) -> None:
        connection = sqlite3.connect(older)
        names = {copy_sqlite(connection, older, USUAL).name for _ in range(3)}
        connection.close()
        assert len(names) == 3

    def test_it_may_go_elsewhere(self, older: Path, tmp_path: Path) -> None:
        connection = sqlite3.connect(older)
        copy = copy_sqlite(connection, older, BackupPlan(str(tmp_path / "a" / "b")))
        connection.close()
        assert copy.parent == tmp_path / "a" / "b"

    def test_without_room_for_copy_and_migration_nothing_is_begun(
        self, older: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        before, size = rows_of(older), older.stat().st_size
        monkeypatch.setattr(shutil, "disk_usage", lambda _: Usage(10**9, 0, 2 * size - 1))
        with pytest.raises(StoreError) as caught:
            open_database(older)
        assert str(older) in str(caught.value)
        assert f"not enough room: {2 * size:,} bytes are needed" in str(caught.value)
        assert rows_of(older) == before
        assert copies(older) == []

    def test_a_disk_that_is_full_half_way_leaves_the_database_and_no_half_copy(
        self, older: Path
    ) -> None:
        before = rows_of(older)
        code = (
            "import sys; from pathlib import Path; from collector.store.writer import open_database;"
            "open_database(Path(sys.argv[1]))"
        )
        room = older.stat().st_size // 2
        done = subprocess.run(
            [sys.executable, "-c", code, str(older)], capture_output=True, text=True, check=False,
            preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (room, room)),
        )  # fmt: skip
        assert done.returncode == 1
        assert "collector.db.schema-1.20" in done.stderr
        assert "no backup, so the database stays as it was: " in done.stderr
        assert rows_of(older) == before
        assert copies(older) == []

    def test_a_copy_that_is_not_whole_is_no_backup(
        self, older: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        whole = backup._copy

        def spoilt(connection: sqlite3.Connection, copy: Path) -> None:
            whole(connection, copy)
            data = bytearray(copy.read_bytes())
            data[4096:8192] = b"\xff" * 4096
            copy.write_bytes(data)

        before = rows_of(older)
        monkeypatch.setattr(backup, "_copy", spoilt)
        with pytest.raises(StoreError, match=r"schema-1\..*no backup"):
            open_database(older)
        assert rows_of(older) == before
        assert copies(older) == []

    def test_a_new_database_needs_none(self, tmp_path: Path) -> None:
        open_database(tmp_path / "collector.db").close()
        assert copies(tmp_path / "collector.db") == []


@pytest.mark.parametrize(
    ("url", "bare", "password"),
    [
        ("postgresql://u:p%40s@h:1/d?sslmode=require", "postgresql://u@h:1/d?sslmode=require", "p@s"),
        ("postgres://u@a:1,b:2/d", "postgres://u@a:1,b:2/d", None),
        ("postgresql:///d?host=/run/pg&password=x&user=u", "postgresql:///d?host=/run/pg&user=u", "x"),
        ("postgresql://u:@h/d", "postgresql://u@h/d", ""),
        ("postgresql://u:p@[::1]:5/d", "postgresql://u@[::1]:5/d", "p"),
        ("mysql://u:p@h/d", "mysql://", None),
    ],
)  # fmt: skip
def test_a_url_for_a_command_line_has_no_password(
    url: str, bare: str, password: str | None
) -> None:
    assert without_password(url) == (bare, password)
