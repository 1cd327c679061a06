"""What an administrator does, beside a running server and without one."""

from __future__ import annotations

import gzip
import hashlib
import json
import re
import sqlite3
import subprocess
from pathlib import Path

import pytest

from agent import __version__
from agent.model.codec import encode
from agent.signing.keys import public_keys
from collector.cli import main
from collector.commands.names import read_names
from collector.store.backup import without_password
from collector.store.database import StoreError
from collector.store.migrations import migrations
from collector.store.passwords import with_password_of
from tests.collector.pages.seed import a_finding, a_report
from tests.collector.postgres_server import PostgresServer, postgres_server, postgres_url
from tests.collector.server import CollectorServer, Serve, administer, serve, wait_for
from tests.collector.store.older import lay_sqlite, rows_of

__all__ = ["postgres_server", "postgres_url", "serve"]

Done = subprocess.CompletedProcess[str]


class Home:
    """A collector's home, with a server on it or without."""

    def __init__(self, path: Path, server: CollectorServer | None) -> None:
        self.path, self.server = path, server

    def run(self, *command: str) -> Done:
        """It must go well, and say nothing on stderr."""
        done = self.fails(*command, code=0)
        assert done.stderr == ""
        return done

    def fails(self, *command: str, code: int = 1) -> Done:
        done = administer(*command, "--home", str(self.path))
        assert done.returncode == code, done.stdout + done.stderr
        assert "Traceback" not in done.stderr
        return done

    def names_of(self, sweep_id: str) -> list[str]:
        """The expected hosts, as the database has them."""
        return [str(row[0]) for row in self.ask(
            "SELECT name FROM expected WHERE sweep_id = ? ORDER BY name", sweep_id
        )]  # fmt: skip

    def ask(self, sql: str, *values: str) -> list[tuple[object, ...]]:
        connection = sqlite3.connect(self.path / "collector.db")
        try:
            with connection:
                return connection.execute(sql, values).fetchall()
        finally:
            connection.close()


@pytest.fixture(params=["beside a server", "alone"])
def home(request: pytest.FixtureRequest, serve: Serve, tmp_path: Path) -> Home:
    if request.param == "alone":
        return Home(tmp_path / "home", None)
    server = serve()
    return Home(server.home, server)


@pytest.fixture
def served(serve: Serve) -> Home:
    server = serve()
    return Home(server.home, server)


class TestSweeps:
    def test_a_sweep_is_created_with_a_token_and_listed(self, home: Home) -> None:
        told = home.run(
            "sweep", "create", "All workstations, 2nd try", "--pack", "cyzfc-2018-11"
        ).stdout
        assert re.fullmatch(
            r"sweep all-workstations-2nd-try\nkey [A-Za-z0-9+/]{64}\ntoken [\w-]{43}\n", told
        )
        listed = home.run("sweep", "list").stdout
        (line,) = [line for line in listed.splitlines() if line.startswith("all-workstations")]
        assert "All workstations, 2nd try" in line
        assert "clean 0, hit 0, incomplete 0, failed 0, limited 0, not reported 0 of 0" in line

    def test_the_public_half_of_a_revoked_key_can_still_be_had(self, tmp_path: Path) -> None:
        """What it signed before stays verifiable."""
        home = Home(tmp_path / "home", None)
        home.run("sweep", "create", "One", "--id", "one")
        public = home.run("sweep", "key", "one", "--public").stdout
        (key,) = public_keys(public, "it")
        assert home.run("sweep", "key", "one", "--revoke", key.id).stdout.startswith("revoked;")
        told = home.fails("sweep", "key", "one", "--public").stderr
        assert "all keys of this sweep are revoked (--revoked tells them)" in told
        assert home.run("sweep", "key", "one", "--public", "--revoked").stdout == public
        home.run("sweep", "key", "one")
        (other,) = public_keys(home.run("sweep", "key", "one", "--public").stdout, "it")
        both = home.run("sweep", "key", "one", "--public", "--revoked").stdout
        assert {one.id for one in public_keys(both, "it")} == {key.id, other.id}

    def test_what_would_go_says_its_cases_and_notes(self, served: Home) -> None:
        server = served.server
        assert server is not None
        assert server.send(a_report("ws-1")).status_code == 201
        for note in ("one", "two"):
            answer = server.ask(
                "POST", "/sweeps/first/case.json?host=id-ws-1%7Cws-1", token=server.reader_token,
                json={"note": note},
            )  # fmt: skip
            assert answer.status_code == 200
        words = ", 1 cases with 2 notes\n"
        assert words in served.run("sweep", "delete", "first").stdout
        assert words in served.run("forget", "--older-than", "0s", "--even-receiving").stdout
        assert words in served.run("sweep", "delete", "first", "--yes", "--even-receiving").stdout
        assert served.ask("SELECT count(*) FROM case_note") == [(0,)]

    def test_its_counters_tell_what_came(self, served: Home, tmp_path: Path) -> None:
        names = tmp_path / "names.txt"
        names.write_text("WS-1\nWS-2\nWS-3\n")
        assert served.run("expect", "first", str(names)).stdout == "3 new expected hosts\n"
        server = served.server
        assert server is not None
        assert server.send(a_report("ws-1")).status_code == 201
        assert server.send(a_report("ws-2", a_finding())).status_code == 201
        assert (
            "clean 0, hit 1, incomplete 0, failed 0, limited 1, not reported 1 of 3;"
            " suppressed 0 findings, all hits of 0 hosts" in served.run("sweep", "list").stdout
        )
        told = served.run(
            "sweep", "edit", "first", "--pack", "cyzfc-2018-11", "--require", "files,processes",
            "--not-before", "any", "--report-sweep-id", "any",
        ).stdout  # fmt: skip
        assert "Pack: cyzfc-2018-11, any version\nScope: the whole host\n" in told
        assert told.endswith(
            "2 hosts judged by it: clean 1, hit 1, incomplete 0, failed 0, limited 0,"
            " not reported 1 of 3; suppressed 0 findings, all hits of 0 hosts\n"
        )

    def test_an_id_is_given_once(self, home: Home) -> None:
        home.run("sweep", "create", "One", "--id", "one")
        again = home.fails("sweep", "create", "Another", "--id", "one")
        assert "there is a sweep 'one' already" in again.stderr
        assert again.stdout == ""

    @pytest.mark.parametrize("sweep_id", ["../x", "a b", ".x", "x" * 101, "\u00fc", "a/b"])
    def test_an_id_is_fit_for_an_address(self, tmp_path: Path, sweep_id: str) -> None:
        done = Home(tmp_path / "home", None).fails("sweep", "create", "x", "--id", sweep_id)
        assert "is no id" in done.stderr

    def test_a_list_that_cannot_be_read_makes_no_sweep(self, tmp_path: Path) -> None:
        bad = tmp_path / "bad.txt"
        bad.write_text("WS-1\nno host name\n")
        home = Home(tmp_path / "home", None)
        home.run("token", "create")
        done = home.fails("sweep", "create", "One", "--expect", str(bad))
        assert f"{bad}:2: 'no host name' is no host name" in done.stderr
        assert done.stdout == ""
        assert home.run("sweep", "list").stdout == ""

    def test_a_deadline_is_a_time(self, tmp_path: Path) -> None:
        home = Home(tmp_path / "home", None)
        home.run("sweep", "create", "One", "--deadline", "2026-12-01T18:00")
        assert home.ask("SELECT deadline FROM sweep") == [(1796148000000,)]
        assert (
            "tomorrow"
            in home.fails("sweep", "create", "x", "--deadline", "tomorrow", code=2).stderr
        )


class TestAnOlderDatabase:
    def test_is_brought_up_to_date_by_any_command_which_says_where_the_copy_is(
        self, tmp_path: Path
    ) -> None:
        lay_sqlite(tmp_path / "collector.db")
        done = administer("sweep", "list", "--home", str(tmp_path))
        assert done.returncode == 0
        (copy,) = tmp_path.glob("collector.db.schema-1.*")
        assert done.stderr == (
            f"{tmp_path}/collector.db: brought from schema 1 to {migrations('sqlite')[-1][0]};"
            f" as it was before: {copy}\n"
        )
        assert "clean 3, hit 1, incomplete 1, failed 1, limited 1" in done.stdout
        Home(tmp_path, None).run("verify")

    def test_the_copy_may_go_elsewhere_or_be_the_operator_s_own(self, tmp_path: Path) -> None:
        for name, options in (
            ("a", ["--backup-to", str(tmp_path / "copies")]),
            ("b", ["--no-backup"]),
        ):
            (tmp_path / name).mkdir()
            lay_sqlite(tmp_path / name / "collector.db")
            done = administer("sweep", "list", "--home", str(tmp_path / name), *options)
            assert done.returncode == 0, done.stderr
            assert list((tmp_path / name).glob("*.schema-*")) == []
        assert len(list((tmp_path / "copies").iterdir())) == 1

    def test_without_a_copy_the_command_fails_and_says_why(self, tmp_path: Path) -> None:
        lay_sqlite(tmp_path / "collector.db")
        (tmp_path / "file").touch()
        before = rows_of(tmp_path / "collector.db")
        done = Home(tmp_path, None).fails("sweep", "list", "--backup-to", str(tmp_path / "file"))
        assert f"{tmp_path}/file" in done.stderr
        assert "no backup, so the database stays as it was" in done.stderr
        assert rows_of(tmp_path / "collector.db") == before


def on_what_is_there(tmp_path: Path) -> list[list[str]]:
    """All commands but those that make a database."""
    names = tmp_path / "names.txt"
    names.write_text("WS-1\n")
    return [
        ["backup", str(tmp_path / "copy.db")], ["verify"], ["forget", "--older-than", "180d"],
        ["sweep", "list"], ["expect", "one", str(names)], ["token", "list"],
        ["token", "revoke", "00000000"], ["audit"], ["sweep", "edit", "one"],
        ["sweep", "close", "one"], ["sweep", "delete", "one"],
        ["sweep", "expect", "add", "one", str(names)],
        ["sweep", "expect", "remove", "one", str(names)],
    ]  # fmt: skip


class TestNoDatabase:
    """A home whose name is mistyped is none of which all is well."""

    def test_a_home_without_one_is_refused_and_left_as_it_was(self, tmp_path: Path) -> None:
        for command in on_what_is_there(tmp_path):
            done = Home(tmp_path / "typo", None).fails(*command)
            assert f"{tmp_path}/typo/collector.db: no such database" in done.stderr
            assert done.stdout == ""
        assert not (tmp_path / "typo").exists()
        assert not (tmp_path / "copy.db").exists()

    @pytest.mark.parametrize("what", ["empty", "somebody else's"])
    def test_a_file_that_is_no_collector_s_is_refused(self, tmp_path: Path, what: str) -> None:
        home = Home(tmp_path, None)
        if what == "empty":
            (tmp_path / "collector.db").touch()
        else:
            home.ask("CREATE TABLE shopping (item TEXT)")
        before = (tmp_path / "collector.db").read_bytes()
        done = home.fails("backup", str(tmp_path / "copy.db"))
        assert "no database of a collector" in done.stderr
        assert (tmp_path / "collector.db").read_bytes() == before
        assert not (tmp_path / "copy.db").exists()

    def test_what_a_killed_server_left_is_there(self, served: Home) -> None:
        assert served.server is not None
        assert served.server.process is not None
        served.server.process.kill()
        served.server.process.wait()
        served.server.process = None
        assert "first" in served.run("sweep", "list").stdout

    def test_a_postgresql_without_our_tables_is_refused_and_gets_none(
        self, postgres_url: str
    ) -> None:
        for command in (["sweep", "list"], ["verify"], ["token", "list"]):
            done = administer(*command, "--database", postgres_url)
            assert (done.returncode, done.stdout) == (1, "")
            assert "no tables of a collector" in done.stderr
            assert "p%40ss" not in done.stderr
        assert administer("token", "create", "--database", postgres_url).returncode == 0
        assert "reader" in administer("token", "list", "--database", postgres_url).stdout


class TestExpected:
    @pytest.mark.parametrize(
        "data",
        [
            b"WS-1\nWS-2\n",
            b"WS-1\r\nWS-2",
            b"\xef\xbb\xbfWS-1\nWS-2\n",
            b"# from the directory\n\n  WS-1  \nWS-2\nWS-1\nws-1\n",
            b"Name,OperatingSystem\nWS-1,Windows 11\nWS-2,Windows 10\n",
            b'#TYPE Microsoft.ActiveDirectory\n"DistinguishedName","DNSHostName"\n"CN=a,DC=b","WS-1"\n"CN=c","WS-2"\n',
            b"OS;Name\r\nWindows 11;WS-1\r\n;WS-2\r\n",
            b"OS\tComputerName\nWindows 11\tWS-1\n\tWS-2\n",
            b"Computer Name,OS\nWS-1,W11\nWS-2,W11\n",
            b'"OS","Computer Name"\n"W11","WS-1"\n"W11","WS-2"\n',
            b"Site;Host_Name\nHQ;WS-1\nHQ;WS-2\n",
            b"OS\tDevice Name\nW11\tWS-1\nW11\tWS-2\n",
            b"os,fqdn\nW11,WS-1\nW11,WS-2\n",
            b"os,DNS Host Name\nW11,WS-1\nW11,WS-2\n",
            "Name\nWS-1\nWS-2\n".encode("utf-16"),
            "WS-1\nWS-2\n".encode("utf-16-be", "strict").join([b"\xfe\xff", b""]),
        ],
    )
    def test_lists_are_read_as_directories_write_them(self, tmp_path: Path, data: bytes) -> None:
        file = tmp_path / "names"
        file.write_bytes(data)
        assert list(dict.fromkeys(n.upper() for n in read_names(file))) == ["WS-1", "WS-2"]

    @pytest.mark.parametrize("first", ["server", "DEVICE", "workstation", "machine", "endpoint"])
    def test_what_may_be_a_host_s_own_name_is_no_title(self, tmp_path: Path, first: str) -> None:
        file = tmp_path / "names.txt"
        file.write_text(f"{first}\nWS-1\n")
        assert list(read_names(file)) == [first, "WS-1"]

    def test_a_host_without_a_dns_name_is_taken_by_its_name(self, tmp_path: Path) -> None:
        file = tmp_path / "names.csv"
        file.write_text("DNSHostName,Name\nws-1.corp.example,WS-1\n,WS-2\n")
        assert list(read_names(file)) == ["ws-1.corp.example", "WS-2"]

    @pytest.mark.parametrize(
        ("text", "line", "why"),
        [
            ("WS-1\nWS 2\n", 2, "'WS 2' is no host name"),
            ("WS-1\nWS\x07\n", 2, "is no host name"),
            ("WS-1\n" + "x" * 256 + "\n", 2, "is no host name"),
            ("OS,Name\nW11,WS-1\nW11\n", 3, "no column 2"),
            ("OS,Name\nW11,WS-1\nW11,\n", 3, "'' is no host name"),
            ('Name,Note\nWS-1,"two\nlines"\nWS 2,x\n', 4, "'WS 2' is no host name"),
            ("WS-1;Windows\n", 1, "is no host name"),
            ("WS-1\n" + "x" * 200_000, 2, "field larger than field limit"),
            ("WS-1\0\n", 1, ""),
        ],
    )
    def test_a_line_that_is_no_host_is_named_and_nothing_is_taken(
        self, tmp_path: Path, text: str, line: int, why: str
    ) -> None:
        file, home = tmp_path / "names.csv", Home(tmp_path / "home", None)
        file.write_text(text)
        home.run("sweep", "create", "One", "--id", "one")
        done = home.fails("expect", "one", str(file))
        assert f"{file}:{line}: " in done.stderr
        assert why in done.stderr
        assert home.names_of("one") == []

    def test_a_file_that_is_no_text_is_named(self, tmp_path: Path) -> None:
        file, home = tmp_path / "names.xlsx", Home(tmp_path / "home", None)
        file.write_bytes(b"WS-1\nPK\x03\x04\xff\xfe\x80")
        home.run("sweep", "create", "One", "--id", "one")
        done = home.fails("expect", "one", str(file))
        assert str(file) in done.stderr
        assert "UTF-8" in done.stderr

    def test_names_are_added_to_those_that_are_there(self, home: Home, tmp_path: Path) -> None:
        home.run("sweep", "create", "One", "--id", "one")
        for text, new in (("WS-1\nWS-2\n", 2), ("ws-2\nWS-3\n", 1)):
            file = tmp_path / "names.txt"
            file.write_text(text)
            assert home.run("expect", "one", str(file)).stdout == f"{new} new expected hosts\n"
        assert home.names_of("one") == ["WS-1", "WS-2", "WS-3"]

    def test_what_a_list_says_beside_names_is_kept(self, home: Home, tmp_path: Path) -> None:
        file = tmp_path / "hosts.csv"
        file.write_text("Name;Site;Owner\nWS-1;Berlin;Jo\nWS-2;;\n")
        told = home.run("sweep", "create", "One", "--id", "one", "--expect", str(file)).stdout
        assert told.endswith("2 expected hosts; Site, Owner kept of 1\n")
        assert home.ask("SELECT name_key, name, value FROM expected_column ORDER BY name") == [
            ("ws-1", "Owner", "Jo"), ("ws-1", "Site", "Berlin"),
        ]  # fmt: skip
        titles = [f"c{n}" for n in range(20)]
        file.write_text(f"Name,{','.join(titles)}\nWS-1,{'x' * 300}{',y' * 19}\n")
        done = home.run("sweep", "expect", "add", "one", str(file)).stdout
        assert done == (
            f"0 new expected hosts; {', '.join(titles[:16])} kept of 1\n"
            "columns beyond 16 are left out: c16, c17, c18, c19; 1 cells were cut to 256 characters\n"
        )
        (row,) = home.ask("SELECT count(*), max(length(value)) FROM expected_column")
        assert row == (16, 256)
        file.write_text("ws-1\n")
        assert home.run("expect", "one", str(file)).stdout == "0 new expected hosts\n"
        assert home.ask("SELECT count(*) FROM expected_column") == [(16,)]

    def test_a_sweep_that_is_not_there_is_said(self, tmp_path: Path) -> None:
        file = tmp_path / "names.txt"
        file.write_text("WS-1\n")
        home = Home(tmp_path / "home", None)
        home.run("token", "create")
        done = home.fails("expect", "none", str(file))
        assert "there is no sweep 'none'" in done.stderr

    def test_a_file_that_is_not_there_is_said(self, tmp_path: Path) -> None:
        home = Home(tmp_path / "home", None)
        home.run("sweep", "create", "One", "--id", "one")
        assert "none.txt" in home.fails("expect", "one", str(tmp_path / "none.txt")).stderr


class TestTokens:
    def test_tokens_are_told_once_and_listed_by_their_digest(self, home: Home) -> None:
        home.run("sweep", "create", "One", "--id", "one")
        sweep = home.run("token", "create", "--sweep", "one", "--label", "second").stdout.strip()
        reader = home.run("token", "create", "--label", "Jo", "--expires", "30d").stdout.strip()
        listed = home.run("token", "list").stdout
        for secret, words in (
            (sweep, "sweep of one   valid   second"),
            (reader, "reader   valid until 2"),
        ):
            digest = hashlib.sha256(secret.encode()).hexdigest()
            assert f"{digest[:16]}   {words}" in listed
            assert secret not in listed
            assert secret.encode() not in (home.path / "collector.db").read_bytes()

    def test_a_role_is_of_all_sweeps_or_of_one(self, tmp_path: Path) -> None:
        home = Home(tmp_path / "home", None)
        home.run("sweep", "create", "One")
        made = {
            "administrator": ("--role", "administrator"),
            "analyst of one": ("--role", "analyst", "--sweep", "one"),
            "reader of one": ("--role", "reader", "--sweep", "one"),
            "reader": (),
        }
        secrets = {
            of: home.run("token", "create", *more).stdout.strip() for of, more in made.items()
        }
        listed = home.run("token", "list").stdout
        for of, secret in secrets.items():
            digest = hashlib.sha256(secret.encode()).hexdigest()[:16]
            assert f"{digest}   {of}   valid" in listed
        actions = home.ask("SELECT action, subject FROM audit WHERE action LIKE 'create % token'")
        assert ("create analyst token", "one") in actions
        assert ("create administrator token", "") in actions
        home.fails("token", "create", "--role", "king", code=2)

    def test_a_revoked_token_is_listed_as_such(self, home: Home) -> None:
        secret = home.run("token", "create").stdout.strip()
        digest = hashlib.sha256(secret.encode()).hexdigest()[:16]
        assert "revoked" in home.run("token", "revoke", digest.upper()).stdout
        assert f"{digest}   reader   revoked" in home.run("token", "list").stdout

    @pytest.mark.parametrize("digest", ["", "0", "zzzzzzzzzzzzzzzz", "%", "00000000"])
    def test_only_one_token_that_is_meant_is_revoked(self, tmp_path: Path, digest: str) -> None:
        home = Home(tmp_path / "home", None)
        home.run("token", "create")
        assert "`token list` tells" in home.fails("token", "revoke", digest).stderr
        assert "revoked" not in home.run("token", "list").stdout

    def test_a_token_is_of_a_sweep_that_is_there(self, tmp_path: Path) -> None:
        done = Home(tmp_path / "home", None).fails("token", "create", "--sweep", "none")
        assert "there is no sweep 'none'" in done.stderr

    @pytest.mark.parametrize("expires", ["30", "d", "-1d", "1w", "1e3d"])
    def test_a_time_to_live_has_a_unit(self, tmp_path: Path, expires: str) -> None:
        home = Home(tmp_path / "home", None)
        home.fails("token", "create", f"--expires={expires}", code=2)


class TestBackup:
    def test_a_copy_made_while_reports_come_is_whole(self, served: Home, tmp_path: Path) -> None:
        server = served.server
        assert server is not None
        sent = [a_report(f"WS-{n}", a_finding(f"WS-{n}")) for n in range(20)]
        for report in sent:
            assert server.send(report).status_code == 201
        copy = tmp_path / "copy" / "collector.db"
        copy.parent.mkdir()
        assert "bytes" in served.run("backup", str(copy)).stdout
        assert server.send(a_report("later")).status_code == 201
        verified = Home(copy.parent, None).run("verify").stdout
        assert "integrity_check: ok" in verified
        assert "20 reports read again, 0 broken" in verified

    def test_names_are_relative_to_where_one_is(self, home: Home, tmp_path: Path) -> None:
        home.run("sweep", "create", "One")
        there = ("--home", home.path.name)
        (tmp_path / "copy").mkdir()
        done = administer("backup", "copy/collector.db", *there, folder=home.path.parent)
        assert (done.returncode, done.stderr) == (0, "")
        verified = administer("verify", "--home", "copy", folder=tmp_path)
        assert (verified.returncode, verified.stderr) == (0, "")
        assert "integrity_check: ok" in verified.stdout

    def test_a_file_that_is_there_is_not_replaced(self, home: Home, tmp_path: Path) -> None:
        home.run("sweep", "create", "One")
        there = tmp_path / "there.db"
        there.write_text("of someone")
        assert "is there already" in home.fails("backup", str(there)).stderr
        assert there.read_text() == "of someone"

    def test_a_folder_that_is_not_there_is_said(self, home: Home, tmp_path: Path) -> None:
        home.run("token", "create")
        file = tmp_path / "none" / "x.db"
        told = home.fails("backup", str(file)).stderr
        assert told == f"iocsweep-collector: {file}: No such file or directory\n"

    def test_for_postgresql_there_is_pg_dump(self, postgres_url: str, tmp_path: Path) -> None:
        administer("token", "create", "--database", postgres_url)
        done = administer("backup", str(tmp_path / "x"), "--database", postgres_url)
        assert (done.returncode, "pg_dump" in done.stderr) == (1, True)
        assert "p%40ss" not in done.stderr


class TestVerify:
    def test_all_is_well(self, served: Home) -> None:
        server = served.server
        assert server is not None
        assert server.send(a_report()).status_code == 201
        told = served.run("verify").stdout
        assert "1 reports read again, 0 broken" in told
        assert "0 reports of hosts that are not listed" in told
        assert told.endswith("\nall is well\n")

    @pytest.mark.parametrize(
        ("body", "why"),
        [
            (b"no gzip", "broken gzip"),
            (gzip.compress(b"{}"), "missing required field"),
            (gzip.compress(encode(a_report("WS-0666"))), "is not what was acknowledged"),
        ],
        ids=["no gzip", "no report", "another report"],  # a time is in gzip's bytes
    )
    def test_a_body_that_was_changed_behind_its_back_is_found(
        self, served: Home, body: bytes, why: str
    ) -> None:
        server, report = served.server, a_report()
        assert server is not None
        assert server.send(report).status_code == 201
        assert server.send(a_report("WS-2")).status_code == 201
        assert server.stop() == 0
        database = sqlite3.connect(served.path / "collector.db")
        with database:
            database.execute(
                "UPDATE report SET body = ? WHERE report_id = ?", (body, report.report_id)
            )
        database.close()
        done = served.fails("verify")
        assert re.search(rf"report {report.report_id}: .*{why}", done.stdout)
        assert "2 reports read again, 1 broken" in done.stdout

    def test_a_damaged_file_is_found(self, served: Home) -> None:
        server = served.server
        assert server is not None
        for n in range(50):
            assert server.send(a_report(f"WS-{n}")).status_code == 201
        assert server.stop() == 0
        file = served.path / "collector.db"
        data = bytearray(file.read_bytes())
        data[len(data) // 2 : len(data) // 2 + 8192] = b"\xa5" * 8192
        file.write_bytes(data)
        served.fails("verify")

    def test_a_report_whose_host_is_gone_is_found(self, served: Home) -> None:
        server = served.server
        assert server is not None
        assert server.send(a_report()).status_code == 201
        assert server.stop() == 0
        served.ask("DELETE FROM host")
        assert "1 reports of hosts that are not listed" in served.fails("verify").stdout

    def test_it_reads_postgresql_too(self, serve: Serve, postgres_url: str) -> None:
        server = serve(database=postgres_url)
        assert server.send(a_report()).status_code == 201
        done = server.run("verify")
        assert (done.returncode, "1 reports read again, 0 broken" in done.stdout) == (0, True)


class TestForget:
    def test_old_sweeps_go_with_all_of_theirs(self, served: Home) -> None:
        server = served.server
        assert server is not None
        report = a_report("WS-1", a_finding())
        assert server.send(report).status_code == 201
        wait_for(lambda: served.ask("SELECT COUNT(*) FROM finding") == [(1,)])
        assert served.run("forget", "--older-than", "180d").stdout.startswith("0 sweeps")
        sure = ("forget", "--older-than", "0s", "--yes", "--even-receiving")
        wait_for(lambda: "\n1 sweeps removed" in served.run(*sure).stdout)
        for table in ("sweep", "report", "host", "finding", "expected"):
            assert served.ask(f"SELECT COUNT(*) FROM {table}") == [(0,)]
        assert served.ask("SELECT kind FROM token") == [("reader",)]
        assert ("remove sweep", "first") in served.ask("SELECT action, subject FROM audit")
        # its token, which the server may still remember for two seconds, opens nothing any more
        wait_for(lambda: server.send(a_report()).status_code == 401)

    @pytest.fixture
    def old(self, tmp_path: Path) -> Home:
        """A sweep of 40 days ago, without a report."""
        home = Home(tmp_path / "home", None)
        home.run("sweep", "create", "Old", "--id", "old")
        home.ask("UPDATE sweep SET created = created - ?", str(40 * 86_400_000))
        return home

    @pytest.mark.parametrize(
        ("options", "goes"),
        [
            (["30d"], True),
            (["30d", "--dry-run"], False),
            (["29d"], False),
            (["29d", "--yes"], True),
            (["29d", "--yes", "--dry-run"], False),
            (["41d", "--yes"], False),
        ],
    )
    def test_what_may_be_a_slip_is_shown_first(
        self, old: Home, options: list[str], goes: bool
    ) -> None:
        told = old.run("forget", "--older-than", *options).stdout
        assert (old.ask("SELECT sweep_id FROM sweep") == []) is goes
        if options[0] != "41d":
            assert told.startswith("removed   old   Old" if goes else "would go   old   Old")
            assert "0 reports of 0 hosts" in told
            how = "--yes does it" if options == ["29d"] else "without --dry-run they go"
            assert goes or f"nothing was ({how})" in told

    def test_a_sweep_that_receives_is_spared(self, served: Home) -> None:
        assert served.server is not None
        assert served.server.send(a_report("WS-1")).status_code == 201
        served.ask("UPDATE sweep SET created = created - ?", str(400 * 86_400_000))
        told = served.run("forget", "--older-than", "180d").stdout
        assert told.startswith("stays: it is receiving   first")
        assert "1 reports of 1 hosts" in told
        assert "0 sweeps removed" in told
        assert served.ask("SELECT sweep_id FROM sweep") == [("first",)]

    def test_how_old_must_be_said(self, tmp_path: Path) -> None:
        Home(tmp_path / "home", None).fails("forget", code=2)


class TestChanges:
    @pytest.fixture
    def one(self, tmp_path: Path) -> Home:
        home = Home(tmp_path / "home", None)
        home.run("sweep", "create", "One", "--id", "one", "--pack", "p",
                 "--deadline", "2026-12-01T18:00")  # fmt: skip
        return home

    @pytest.mark.parametrize(
        ("options", "now"),
        [
            (["--title", "Uno"], ("Uno", "p", 1796148000000)),
            (["--pack", "q"], ("One", "q", 1796148000000)),
            (["--deadline", "none"], ("One", "p", None)),
            (["--deadline", "2026-12-01T18:01"], ("One", "p", 1796148060000)),
            ([], ("One", "p", 1796148000000)),
        ],
    )
    def test_a_sweep_is_edited_in_what_is_said_only(
        self, one: Home, options: list[str], now: tuple[object, ...]
    ) -> None:
        one.run("sweep", "edit", "one", *options)
        assert one.ask("SELECT title, pack, deadline FROM sweep") == [now]
        assert ("edit sweep", "one") in one.ask("SELECT action, subject FROM audit")

    def test_a_closed_sweep_takes_no_report_until_it_has_a_token_again(self, served: Home) -> None:
        server = served.server
        assert server is not None
        assert server.send(a_report("WS-1")).status_code == 201
        assert "closed: 1 tokens" in served.run("sweep", "close", "first").stdout
        assert served.run("sweep", "list").stdout.endswith("   closed\n")
        answers: list[int] = []

        def refused() -> bool:
            answers.append(server.send(a_report("WS-2")).status_code)
            return answers[-1] == 401

        wait_for(refused)
        kept = 1 + (
            201 in answers
        )  # the server may hear of the closed sweep before WS-2 or after it
        token = served.run("token", "create", "--sweep", "first").stdout.strip()
        assert server.send(a_report("WS-3"), token=token).status_code == 201
        assert "closed" not in served.run("sweep", "list").stdout
        wait_for(lambda: f"limited {kept + 1}," in served.run("sweep", "list").stdout)

    def test_a_sweep_is_deleted_when_one_is_sure(self, served: Home) -> None:
        server = served.server
        assert server is not None
        assert server.send(a_report("WS-1")).status_code == 201
        told = served.run("sweep", "delete", "first").stdout
        assert "1 reports of 1 hosts" in told
        assert "nothing was removed" in told
        assert "--even-receiving" in served.fails("sweep", "delete", "first", "--yes").stderr
        assert served.ask("SELECT sweep_id FROM sweep") == [("first",)]
        served.run("sweep", "delete", "first", "--yes", "--even-receiving")
        assert served.ask("SELECT sweep_id FROM sweep") == []

    def test_hosts_are_added_to_the_list_and_taken_off_it(self, one: Home, tmp_path: Path) -> None:
        names = tmp_path / "names"
        names.write_text("WS-1\nWS-2\nWS-3\n")
        assert one.run("sweep", "expect", "add", "one", str(names)).stdout.startswith("3 new")
        names.write_text("ws-2\nWS-9\n")
        told = one.run("sweep", "expect", "remove", "one", str(names)).stdout
        assert told == "1 hosts are no longer expected; 1 of this file were not\n"
        assert one.names_of("one") == ["WS-1", "WS-3"]

    @pytest.mark.parametrize(
        "command",
        [["edit", "x"], ["close", "x"], ["delete", "x"], ["expect", "add", "x", "/dev/null"],
         ["expect", "remove", "x", "/dev/null"]],
    )  # fmt: skip
    def test_a_sweep_that_is_not_there_is_said(self, one: Home, command: list[str]) -> None:
        assert "there is no sweep 'x'" in one.fails("sweep", *command).stderr

    def test_hosts_that_nobody_expected_are_listed_apart(
        self, served: Home, tmp_path: Path
    ) -> None:
        names = tmp_path / "names.txt"
        names.write_text("WS-1\nWS-2\n")
        served.run("expect", "first", str(names))
        for name in ("ws-1", "lab-1", "lab-2"):
            assert served.server is not None
            assert served.server.send(a_report(name)).status_code == 201
        assert "not reported 1 of 2, unexpected 2" in served.run("sweep", "list").stdout


class TestPasswords:
    """Every user of a machine reads the command lines of all."""

    def parts(self, url: str) -> tuple[str, str]:
        bare, password = without_password(url)
        assert password
        return bare, password

    def test_of_the_database_come_from_a_file(self, postgres_url: str, tmp_path: Path) -> None:
        bare, password = self.parts(postgres_url)
        file = tmp_path / "password"
        file.write_text(password + "\n")
        options = ("--database", bare, "--database-password-file", str(file))
        assert administer("token", "create", *options).returncode == 0
        assert "reader" in administer("token", "list", *options).stdout
        file.write_text("wrong\n")
        done = administer("token", "list", *options)
        assert (done.returncode, done.stdout) == (1, "")
        assert "wrong" not in done.stderr

    def test_or_from_pgpassfile(
        self,
        postgres_server: PostgresServer,
        postgres_url: str,
        tmp_path: Path,
        monkeypatch: pytest.MonkeyPatch,
    ) -> None:
        # without ':' and '\\': libpq reads them escaped in such a file, asyncpg as they are
        postgres_server.sql("CREATE ROLE plain SUPERUSER LOGIN PASSWORD 'a b%c@d'")
        place = postgres_url.rpartition("@")[2]
        file = tmp_path / "pgpass"
        file.write_text("*:*:*:plain:a b%c@d\n")
        file.chmod(0o600)
        try:
            without = administer("token", "create", "--database", f"postgresql://plain@{place}")
            assert without.returncode == 1
            monkeypatch.setenv("PGPASSFILE", str(file))
            done = administer("token", "create", "--database", f"postgresql://plain@{place}")
            assert done.returncode == 0, done.stderr
        finally:
            name = place.rpartition("/")[2]
            postgres_server.sql("REASSIGN OWNED BY plain TO sweeper", name)
            postgres_server.sql("DROP ROLE plain")

    @pytest.mark.parametrize(
        ("url", "data", "why"),
        [
            ("postgresql://me:x@127.0.0.1:1/x", b"y", "and one in a file"),
            ("postgresql://me@127.0.0.1:1/x?password=x", b"y", "and one in a file"),
            ("postgresql://me@127.0.0.1:1/x", b"", "no password"),
            ("postgresql://me@127.0.0.1:1/x", b"a\nb", "no password"),
            ("postgresql://me@127.0.0.1:1/x", b"x" * 5000, "no password"),
            ("postgresql://me@127.0.0.1:1/x", b"\xff", "no text"),
            ("collector.db", b"y", "postgresql://"),
        ],
    )
    def test_are_one_and_one_line(self, tmp_path: Path, url: str, data: bytes, why: str) -> None:
        file = tmp_path / "password"
        file.write_bytes(data)
        with pytest.raises(StoreError, match=why):
            with_password_of(url, file)

    @pytest.mark.parametrize("secret", ["p@ss/w:o?r#d&=%", "x y", "\u00e4"])
    def test_may_be_anything_printable(self, tmp_path: Path, secret: str) -> None:
        file = tmp_path / "password"
        file.write_text(secret)
        for url in ("postgresql://me@db/x", "postgresql://me@db/x?sslmode=verify-full"):
            assert without_password(with_password_of(url, file)) == (url, secret)


class TestArguments:
    def test_the_version_is_told(self, capsys: pytest.CaptureFixture[str]) -> None:
        with pytest.raises(SystemExit) as ended:
            main(["--version"])
        assert (ended.value.code, capsys.readouterr().out) == (
            0,
            f"iocsweep-collector {__version__}\n",
        )

    @pytest.mark.parametrize(
        "arguments",
        [[], ["nonsense"], ["sweep"], ["token"], ["serve", "--lis", "x"], ["serve", "x"]],
    )
    def test_wrong_arguments_are_a_usage_error(self, arguments: list[str]) -> None:
        done = administer(*arguments)
        assert done.returncode == 2
        assert "iocsweep-collector" in done.stderr
        assert "Traceback" not in done.stderr

    @pytest.mark.parametrize("mib", ["0", "-1", "65", "4.5", "x"])
    @pytest.mark.parametrize("option", ["--max-body", "--max-json"])
    def test_a_bound_is_a_bound(self, tmp_path: Path, option: str, mib: str) -> None:
        assert "1 to 64" in Home(tmp_path, None).fails("serve", f"{option}={mib}", code=2).stderr

    def test_a_database_that_does_not_answer_is_said_without_its_password(self) -> None:
        done = administer("token", "list", "--database", "postgresql://me:s3cret@127.0.0.1:1/x")
        assert done.returncode == 1
        assert "127.0.0.1" in done.stderr
        assert "s3cret" not in done.stderr
        assert "Traceback" not in done.stderr


def test_the_index_template_is_printed(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["index-template"]) == 0
    assert json.loads(capsys.readouterr().out)["index_patterns"] == ["logs-iocsweep.finding-*"]


def test_dead_letters_of_outputs_that_have_none(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    outputs = tmp_path / "outputs.yaml"
    outputs.write_text(f"outputs: {{hunters: {{type: file, path: {tmp_path}/x}}}}")
    assert main(["dead-letters", "list", "--outputs", str(outputs)]) == 0
    assert capsys.readouterr().out == "hunters   0\n"
    home = ("--home", str(tmp_path / "home"))
    assert main(["sweep", "create", "any", *home]) == 0
    capsys.readouterr()
    assert main(["dead-letters", "resend", "hunters", "--outputs", str(outputs), *home]) == 0
    assert capsys.readouterr().out == "0 sent\n"
