"""A new operator's first steps: what is printed works when it is pasted."""

from __future__ import annotations

import gzip
import os
import re
import shutil
import subprocess
import sys
from datetime import timedelta
from pathlib import Path

import pytest

from agent.model.codec import encode
from agent.model.report import Report
from agent.signing.attesting import attested
from agent.signing.keys import VARIABLE, new_key, signing_key
from collector import certificate
from collector.certificate import AUTHORITY, CERTIFICATE, make_certificate
from collector.serving import Serving
from collector.serving import _where as serving_at
from tests.collector.pages.seed import a_report
from tests.collector.server import CollectorServer, Serve, administer, serve

__all__ = ["serve"]


def pasted(told: str, host: Path, report: Report) -> subprocess.CompletedProcess[str]:
    """What the lines for a host do there, in its shell, with a report for a sweep's."""
    host.mkdir()
    (host / "report.json").write_bytes(encode(report))
    lines = re.search(r"(\S*ca\.pem):\s+((?:>.*\s+)+)iocsweep\.exe --quiet (.*)", told)
    assert lines is not None, told
    shutil.copy(lines[1], host)
    send = f"'{sys.executable}' -m agent send report.json {lines[3]}"
    return subprocess.run(
        ["sh", "-c", f"{lines[2]}\n{send}"], cwd=host, capture_output=True, text=True,
        env={"PYTHONPATH": str(Path(__file__).parents[2]), "HOME": str(host)}, check=False,
        timeout=60,
    )  # fmt: skip


def at_a_terminal(*command: str) -> str:
    """What ``iocsweep-collector`` tells a person who types this."""
    ours, its = os.openpty()
    try:
        subprocess.run(
            [sys.executable, "-m", "collector", *command], stdout=its, check=True, timeout=60
        )
        return os.read(ours, 1 << 16).decode().replace("\r\n", "\n")
    finally:
        os.close(its)
        os.close(ours)


class TestPrinted:
    def test_the_lines_for_agents_bring_a_report_when_pasted(
        self, serve: Serve, tmp_path: Path
    ) -> None:
        server = serve(tls=["127.0.0.1"])
        report = a_report()
        done = pasted(server.told(), tmp_path / "host", report)
        assert done.returncode == 0, done.stdout + done.stderr
        assert (
            server.get(f"/reports/{report.report_id}.json", token=server.reader_token).status_code
            == 200
        )

    def test_those_of_another_sweep_do_too(self, serve: Serve, tmp_path: Path) -> None:
        server = serve(tls=["127.0.0.1"])
        home = ("--home", str(server.home))
        told = at_a_terminal("sweep", "create", "Another", *home)
        assert pasted(told, tmp_path / "one", a_report()).returncode == 0
        told = at_a_terminal("token", "create", "--sweep", "another", *home)
        assert pasted(told, tmp_path / "two", a_report("WS-2")).returncode == 0
        assert server.run("sweep", "list").stdout.count("limited 2,") == 1
        told = at_a_terminal("token", "create", "--role", "reader", *home)
        assert told.endswith(f"\n\nlog in at {server.url}/login\n")

    def test_what_is_signed_as_they_say_is_verified(self, serve: Serve, tmp_path: Path) -> None:
        server = serve(tls=["127.0.0.1"])
        told = at_a_terminal("sweep", "create", "Another", "--home", str(server.home))
        line = re.search(r"\nkey (\S+)\n", told)
        assert line is not None
        key = signing_key(None, {VARIABLE: line[1]})
        assert key is not None
        public = server.run("sweep", "key", "another", "--public").stdout
        assert public == key.public.pem()
        for name, report, state in (
            ("signed", attested(a_report("WS-1"), key), "signed"),
            ("other", attested(a_report("WS-2"), new_key()), "wrong"),
            ("plain", a_report("WS-3"), "unsigned"),
        ):
            assert pasted(told, tmp_path / name, report).returncode == 0
            summary = f"/reports/{report.report_id}/summary.json"
            answer = server.get(summary, token=server.reader_token).json()
            assert answer["signature"] == state, name

    def test_before_the_first_start_they_are_by_the_certificate(self, tmp_path: Path) -> None:
        home = ("--home", str(tmp_path / "home"))
        assert "--collector http://127.0.0.1:8440 " in at_a_terminal("sweep", "create", "A", *home)
        make_certificate(tmp_path / "home", ["collector.corp.example"])
        told = at_a_terminal("sweep", "create", "B", *home)
        assert "--collector https://collector.corp.example:8440 --ca ca.pem " in told

    def test_behind_a_proxy_they_are_by_its_address(self, serve: Serve) -> None:
        server = serve("--public-url", "https://sweep.corp.example/")
        assert "--collector https://sweep.corp.example --token-file" in server.told()
        assert "log in at https://sweep.corp.example/login\n" in server.told()

    def test_the_first_token_for_the_pages_is_said_to_be_an_administrators(
        self, serve: Serve
    ) -> None:
        server = serve()
        assert re.search(r"for readers +\S+\n.*/login\n +it is an administrator's", server.told())
        assert server.get("/tokens", token=server.reader_token).status_code == 200

    def test_a_server_for_all_addresses_is_named_by_its_certificate(self, tmp_path: Path) -> None:
        make_certificate(tmp_path, ["collector.corp.example", "127.0.0.1"])
        serving = Serving(address="0.0.0.0", port=8440, folder=tmp_path)
        told = serving_at(serving, {"ssl_certfile": str(tmp_path / CERTIFICATE)})
        assert told == "https://collector.corp.example:8440"

    def test_outputs_that_cannot_be_read_are_said_before_a_token_is(self, tmp_path: Path) -> None:
        home = tmp_path / "home"
        shown = administer("serve", "--home", str(home), "--outputs", str(tmp_path / "none.yaml"))
        assert shown.returncode == 1
        assert "none.yaml" in shown.stderr
        assert shown.stdout == ""
        assert not home.exists()

    def test_without_a_certificate_of_ones_own_no_authority_is_named(self, serve: Serve) -> None:
        assert "--ca" not in serve().told()


class TestReaders:
    def test_whoever_creates_a_sweep_first_gets_a_readers_token_too(
        self, serve: Serve, tmp_path: Path
    ) -> None:
        made = administer("sweep", "create", "One", "--home", str(tmp_path / "home"))
        assert made.returncode == 0
        server = serve()
        told = re.search(r"for readers\s+(\S+)", server.told())
        assert told is not None
        assert "for agents" not in server.told()
        assert server.get("/sweeps/one", token=told[1]).status_code == 200

    def test_one_that_was_revoked_is_not_made_up_for(self, serve: Serve) -> None:
        server = serve()
        listed = server.run("token", "list").stdout
        digest = next(line.split()[0] for line in listed.splitlines() if "administrator" in line)
        assert server.run("token", "revoke", digest).returncode == 0
        assert server.stop() == 0
        assert server.start().told() == ""


@pytest.fixture
def ending(serve: Serve, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> CollectorServer:
    """A server whose certificate ends in 30 days."""
    monkeypatch.setattr(certificate, "LIFETIME", timedelta(days=30, minutes=1))
    make_certificate(tmp_path / "home", ["127.0.0.1"])
    return serve()


class TestTheEnd:
    def test_of_the_certificate_is_told_in_the_log_on_the_page_and_in_the_figures(
        self, ending: CollectorServer
    ) -> None:
        assert any("in 30 days" in event["message"] for event in ending.events())
        assert "in 30 days" in ending.get("/", token=ending.reader_token).text
        assert "in 30 days" not in ending.get("/login").text
        figures = ending.get("/metrics", token=ending.reader_token).text
        found = re.search(r"certificate_end_timestamp_seconds ([0-9]\S*)", figures)
        assert found is not None
        made = certificate.read_chain(ending.home / CERTIFICATE)[0]
        assert float(found[1]) == made.not_valid_after_utc.timestamp()

    def test_a_renewed_one_is_taken_by_agents_that_have_the_same_file(
        self, ending: CollectorServer, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        before = (ending.home / AUTHORITY).read_bytes()
        assert ending.run("certificate", "--renew").returncode == 0
        assert ending.stop() == 0
        ending.start()
        assert (ending.home / AUTHORITY).read_bytes() == before
        assert ending.send(a_report()).status_code == 201
        assert not any("in 30 days" in e["message"] for e in ending.events()[-3:])


class TestTwoSweeps:
    def test_an_agent_forgets_no_report_that_the_second_sweep_did_not_count(
        self, serve: Serve, tmp_path: Path
    ) -> None:
        server = serve()
        report = a_report()
        assert server.send(report).status_code == 201
        token = server.run("sweep", "create", "Two", "--id", "two").stdout.split()[-1]
        spool = tmp_path / "spool"
        spool.mkdir()
        (spool / f"{report.report_id}.json.gz").write_bytes(gzip.compress(encode(report)))
        done = subprocess.run(
            [sys.executable, "-m", "agent", "send", str(spool), "--collector", server.url],
            env={**os.environ, "IOCSWEEP_TOKEN": token}, capture_output=True, text=True,
            check=False, timeout=60,
        )  # fmt: skip
        assert done.returncode == 4
        assert "kept for another sweep" in done.stdout + done.stderr
        assert [path.name for path in spool.rglob("*.json.gz")] == [f"{report.report_id}.json.gz"]
        assert server.run("sweep", "list").stdout.count("limited 1,") == 1


class TestRestoring:
    def test_the_lines_of_the_readme_bring_back_what_was_copied(
        self, serve: Serve, tmp_path: Path
    ) -> None:
        server = serve()
        assert server.send(a_report("WS-1")).status_code == 201
        copy = tmp_path / "copy.db"
        assert server.run("backup", str(copy)).returncode == 0
        assert server.send(a_report("WS-2")).status_code == 201
        assert server.stop() == 0
        (server.home / "collector.db-wal").write_bytes(b"of a server that was killed")
        readme = (Path(__file__).parents[2] / "README.md").read_text()
        lines = readme.split("**Restoring.**")[1].split("\n\n")[1]
        lines = re.sub(r" {3,}\S.*", "", re.sub(r"^ {4}", "", lines, flags=re.MULTILINE))
        lines = lines.replace("/var/lib/iocsweep-collector", str(server.home))
        lines = lines.replace("/backup/copy.db", str(copy))
        lines = lines.replace("iocsweep-collector", f"'{sys.executable}' -m collector")
        done = subprocess.run(
            ["sh", "-euc", lines], capture_output=True, text=True, check=False, timeout=60,
            env={
                "PYTHONPATH": str(Path(__file__).parents[2]),
                "IOCSWEEP_COLLECTOR_HOME": str(server.home),
            },
        )  # fmt: skip
        assert done.returncode == 0, done.stdout + done.stderr
        assert "1 reports read again" in done.stdout
        assert done.stdout.endswith("all is well\n")
        server.start()
        assert "WS-1" in server.get("/sweeps/first/hosts", token=server.reader_token).text
