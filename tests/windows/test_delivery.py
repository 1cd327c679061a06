"""The exe under Wine, over TLS, to a real collector, and from there to the page that people see."""

from __future__ import annotations

import json
import re
import signal
import ssl
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx
import pytest
import trustme

from tests.agent.delivery.scripted import Answer, connect_proxy, scripted
from tests.windows.host import REPOSITORY, RUNDLL32, Host, confirmed

pytestmark = [
    pytest.mark.wine,
    pytest.mark.skipif(sys.platform != "linux", reason="Wine's lab is for Linux"),
]


@dataclass
class Collector:
    """A collector's home, and the process while it serves."""

    home: Path
    port: int = 0
    agents: str = ""
    readers: str = ""

    @property
    def url(self) -> str:
        return f"https://127.0.0.1:{self.port}"

    @property
    def ca(self) -> Path:
        return self.home / "ca.pem"

    @contextmanager
    def serving(self) -> Iterator[None]:
        command = [sys.executable, "-m", "collector", "serve", "--home", str(self.home)]
        process = subprocess.Popen(
            [*command, "--listen", f"127.0.0.1:{self.port or free_port()}"],
            cwd=REPOSITORY, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        )  # fmt: skip
        try:
            assert process.stderr is not None
            for line in process.stderr:
                if found := re.search(r"running on https://127\.0\.0\.1:(\d+)", line):
                    self.port = int(found[1])
                    break
            else:
                raise AssertionError("the collector did not start")
            yield
        finally:
            process.send_signal(signal.SIGTERM)
            out, _ = process.communicate(timeout=60)
        assert process.returncode == 0
        if tokens := re.findall(r"for (?:agents|readers) +(\S+)", out):
            self.agents, self.readers = tokens

    def page(self, path: str) -> str:
        with httpx.Client(verify=ssl.create_default_context(cafile=self.ca)) as client:
            answer = client.get(
                self.url + path, headers={"Authorization": f"Bearer {self.readers}"}
            )
        assert answer.status_code == 200, answer.text
        return answer.text

    def hosts(self) -> list[dict[str, object]]:
        lines = self.page("/sweeps/first/export/hosts.ndjson").splitlines()
        return [json.loads(line) for line in lines]


def free_port() -> int:
    import socket

    with socket.create_server(("127.0.0.1", 0)) as server:
        return int(server.getsockname()[1])


@pytest.fixture
def collector(tmp_path: Path) -> Collector:
    made = Collector(tmp_path / "collector")
    certificate = [sys.executable, "-m", "collector", "certificate", "127.0.0.1"]
    subprocess.run([*certificate, "--home", str(made.home)], cwd=REPOSITORY, check=True)
    with made.serving():
        pass  # the first start tells the tokens
    assert made.agents
    return made


def delivering(host: Host, collector: Collector, folder: Path, ca: Path | None = None) -> list[str]:
    """The options of a fleet's sweep; the home is the test's own."""
    token = folder / "token.txt"
    token.write_text(collector.agents)
    to_windows = host.lab.to_windows
    return [
        "live", to_windows(host.local), "--only", "files,processes,modules", "--quiet",
        "--collector", collector.url, "--token-file", to_windows(token),
        "--ca", to_windows(ca or collector.ca), "--send-window", "3s",
    ]  # fmt: skip


def home(host: Host, folder: Path) -> dict[str, str]:
    return {"IOCSWEEP_HOME": str(host.lab.to_windows(folder / "home"))}


def test_a_hit_goes_from_rundll32_to_the_page(
    host: Host, collector: Collector, tmp_path: Path
) -> None:
    path = host.plant(host.local / "cyzfc.dat")
    with collector.serving():
        with host.running(RUNDLL32, f"{path},PointFunctionCall"):
            code, report, output = host.sweep(
                *delivering(host, collector, tmp_path), env=home(host, tmp_path)
            )
        assert code == 1
        finding = confirmed(report)
        assert json.loads(output.splitlines()[-1])["delivered"] is True
        assert list((tmp_path / "home" / "spool").glob("*.gz")) == []
        (row,) = collector.hosts()
        assert (row["state"], row["report_id"]) == ("hit", report.report_id)
        assert "Hit on 1 host" in collector.page("/sweeps/first")
        shown = collector.page(f"/reports/{report.report_id}")
    for fact in (path, "PointFunctionCall", finding.title, "rundll32.exe"):
        assert fact in shown


def test_nothing_is_lost_or_doubled_when_the_collector_is_away(
    host: Host, collector: Collector, tmp_path: Path
) -> None:
    (host.local / "notes.txt").write_text("nothing")
    arguments = [*delivering(host, collector, tmp_path), "--exit-zero"]
    arguments[3] = "files"
    environment = home(host, tmp_path)
    away: list[str] = []
    for _ in range(2):
        code, report, output = host.sweep(*arguments[:-1], env=environment)
        assert code == 4
        assert json.loads(output.splitlines()[-1])["delivered"] is False
        away.append(report.report_id)
    assert len(list((tmp_path / "home" / "spool").glob("*.gz"))) == 2
    with collector.serving():
        code, report, _ = host.sweep(*arguments[:-1], env=environment)
        assert code == 0
        (row,) = collector.hosts()
        assert row["reports"] == 3
        for report_id in (*away, report.report_id):
            assert report_id in collector.page(f"/reports/{report_id}")
    assert list((tmp_path / "home" / "spool").glob("*.gz")) == []


def test_an_exe_with_its_collector_built_in_needs_no_options(
    host: Host, collector: Collector, tmp_path: Path
) -> None:
    from build_exe import main as build

    with collector.serving():
        authority = collector.ca.read_text().replace("\n", "\n  ")
        settings = tmp_path / "delivery.yaml"
        settings.write_text(
            f"collector: {collector.url}\ntoken_file: token.txt\nsend_window: 3s\n"
            f"ca: |\n  {authority}\n"
        )
        dist, work = str(tmp_path / "dist"), str(tmp_path / "work")
        assert build(["--dist", dist, "--work", work, "--delivery", str(settings)]) == 0
        exe = tmp_path / "dist" / "iocsweep" / "iocsweep.exe"
        (exe.parent / "token.txt").write_text(collector.agents)
        (host.local / "notes.txt").write_text("nothing")
        code, report, output = host.sweep(
            "live", host.lab.to_windows(host.local), "--only", "files", "--quiet",
            exe=exe, env=home(host, tmp_path),
        )  # fmt: skip
        assert code == 0, output
        assert json.loads(output.splitlines()[-1])["delivered"] is True
        (row,) = collector.hosts()
        assert row["report_id"] == report.report_id


@pytest.mark.parametrize(
    ("answers", "code", "spooled", "refused"),
    [
        pytest.param([Answer(401)], 4, 1, 0, id="401"),
        pytest.param([Answer(403), 201], 0, 0, 0, id="403 of a proxy, then taken"),
        pytest.param([Answer(409)], 4, 0, 1, id="409"),
        pytest.param([Answer(413), 201], 0, 0, 0, id="413, then taken smaller"),
        pytest.param([Answer(415), 201], 0, 0, 0, id="415, then taken uncompressed"),
        pytest.param([Answer(422)], 4, 0, 1, id="422"),
        pytest.param([Answer(503, {"Retry-After": "1"}), 201], 0, 0, 0, id="503, then taken"),
        pytest.param([Answer(500), 201], 0, 0, 0, id="500, then taken"),
        pytest.param([Answer(0, how="half"), 201], 0, 0, 0, id="killed in mid-request"),
        pytest.param([Answer(0, how="mute"), 201], 0, 0, 0, id="killed before its answer"),
    ],
)
def test_each_answer_leaves_the_report_where_it_belongs(
    host: Host,
    tmp_path: Path,
    answers: list[Answer | int],
    code: int,
    spooled: int,
    refused: int,
) -> None:
    (host.local / "notes.txt").write_text("nothing")
    collector = Collector(tmp_path / "none", agents="token")
    ca = tmp_path / "ca.pem"
    authority = trustme.CA()
    authority.cert_pem.write_to_path(str(ca))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("127.0.0.1").configure_cert(context)
    with scripted(context) as server:
        server.answers(*answers)
        arguments = delivering(host, collector, tmp_path, ca=ca)
        arguments[3] = "files"
        arguments[arguments.index("--collector") + 1] = server.url
        arguments[arguments.index("--send-window") + 1] = "60s"
        exited, report, output = host.sweep(*arguments, env=home(host, tmp_path))
    assert exited == code
    assert json.loads(output.splitlines()[-1])["delivered"] is (code == 0)
    assert set(server.ids) <= {report.report_id}
    assert len(list((tmp_path / "home" / "spool").glob("*.gz"))) == spooled
    assert len(list((tmp_path / "home" / "spool" / "refused").glob("*.gz"))) == refused


def test_a_proxy_that_drips_holds_nobody_and_loses_nothing(host: Host, tmp_path: Path) -> None:
    (host.local / "notes.txt").write_text("nothing")
    collector = Collector(tmp_path / "none", agents="token")
    ca = tmp_path / "ca.pem"
    authority = trustme.CA()
    authority.cert_pem.write_to_path(str(ca))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("collector.example").configure_cert(context)
    with scripted(context, "collector.example") as server:
        arguments = delivering(host, collector, tmp_path, ca=ca)
        arguments[3] = "files"
        arguments[arguments.index("--collector") + 1] = server.url
        port = int(server.url.rpartition(":")[2])
        with connect_proxy(port, drip=True) as (slow, seen):
            code, report, _ = host.sweep(*arguments, "--proxy", slow, env=home(host, tmp_path))
        assert code == 4
        assert seen
        assert server.ids == []
        with connect_proxy(port) as (quick, _):
            done = host.lab.run_exe(
                host.exe,
                ["send", *arguments[arguments.index("--collector") :], "--proxy", quick],
                env=home(host, tmp_path),
            )
    assert done.returncode == 0, done.stdout + done.stderr
    assert server.ids == [report.report_id]


def test_a_certificate_of_another_is_refused_and_the_report_stays(
    host: Host, collector: Collector, tmp_path: Path
) -> None:
    (host.local / "notes.txt").write_text("nothing")
    other = Collector(tmp_path / "other")
    certificate = [sys.executable, "-m", "collector", "certificate", "127.0.0.1"]
    subprocess.run([*certificate, "--home", str(other.home)], cwd=REPOSITORY, check=True)
    with collector.serving():
        arguments = delivering(host, collector, tmp_path, ca=other.ca)
        arguments[3] = "files"
        code, _, output = host.sweep(*arguments, env=home(host, tmp_path))
        assert code == 4
        assert json.loads(output.splitlines()[-1])["delivered"] is False
        assert collector.hosts() == []
        # Later, with the right one, without another sweep.
        done = host.lab.run_exe(
            host.exe,
            ["send", *arguments[arguments.index("--collector") : -4],
             "--ca", host.lab.to_windows(collector.ca)],
            env=home(host, tmp_path),
        )  # fmt: skip
        assert done.returncode == 0, done.stdout + done.stderr
        assert len(collector.hosts()) == 1
