"""The examples for systemd and nginx are taken by them, and work."""

from __future__ import annotations

import re
import shlex
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
import requests

from agent.model.codec import encode
from collector.certificate import AUTHORITY, CERTIFICATE, KEY, make_certificate
from tests.collector.pages.seed import a_report
from tests.collector.server import CollectorServer, Serve, administer, free_port, serve, wait_for

__all__ = ["serve"]

EXAMPLES = Path(__file__).parents[2] / "docs" / "collector"


@pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="no systemd here")
def test_systemd_takes_the_unit(tmp_path: Path) -> None:
    text = (EXAMPLES / "iocsweep-collector.service").read_text()
    unit = tmp_path / "iocsweep-collector.service"
    unit.write_text(
        text.replace("/opt/iocsweep/bin/iocsweep-collector", shutil.which("true") or "")
    )
    done = subprocess.run(
        ["systemd-analyze", "verify", str(unit)], capture_output=True, text=True, check=False,
        timeout=60,
    )  # fmt: skip
    assert (done.returncode, done.stderr) == (0, "")


def test_the_commands_beside_the_unit_are_there(tmp_path: Path) -> None:
    text = (EXAMPLES / "iocsweep-collector.service").read_text()
    home = ["--home", str(tmp_path / "home")]
    given = re.findall(r"^#   \$as \S+/iocsweep-collector (.*)", text, re.MULTILINE)
    assert [line.split()[0] for line in given] == ["certificate", "sweep", "token"]
    for line in given:
        done = administer(*shlex.split(line), *home)
        assert done.returncode == 0, done.stderr
    assert "pip install '.[collector]'" in text  # no package of whoever took the name


def test_the_unit_serves_with_options_that_there_are() -> None:
    text = (EXAMPLES / "iocsweep-collector.service").read_text()
    commands = re.sub(r"\\\n#?\s*", "", text)
    options = set(re.findall(r"--[a-z][a-z-]+", "".join(re.findall(r"ExecStart=.*", commands))))
    assert options == {"--listen", "--database", "--database-password-file"}


@pytest.fixture
def proxied(serve: Serve, tmp_path: Path) -> Iterator[tuple[CollectorServer, str]]:
    """A collector and the address of an nginx before it, as the example has it."""
    nginx = shutil.which("nginx")
    if nginx is None:
        pytest.skip("no nginx here")
    server = serve("--trust-proxy", "127.0.0.1")
    make_certificate(tmp_path / "tls", ["127.0.0.1"])
    port = free_port()
    text = (EXAMPLES / "nginx.conf").read_text()
    for old, new in {
        "server 127.0.0.1:8440;": f"server 127.0.0.1:{server.port};",
        "listen 443 ssl;": f"listen 127.0.0.1:{port} ssl;",
        "/etc/nginx/collector.pem": str(tmp_path / "tls" / CERTIFICATE),
        "/etc/nginx/collector.key": str(tmp_path / "tls" / KEY),
    }.items():
        assert old in text
        text = text.replace(old, new)
    work = tmp_path / "nginx"
    work.mkdir()
    places = "".join(
        f"{name}_temp_path {work}/{name};"
        for name in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
    )
    conf = work / "nginx.conf"
    conf.write_text(
        f"daemon off; pid {work}/pid; error_log {work}/error.log;"
        f" events {{}} http {{ access_log off; {places}\n{text}\n}}"
    )
    tried = subprocess.run(
        [nginx, "-t", "-p", str(work), "-c", str(conf), "-e", f"{work}/error.log"],
        capture_output=True, text=True, check=False, timeout=60,
    )  # fmt: skip
    assert tried.returncode == 0, tried.stderr
    process = subprocess.Popen(
        [nginx, "-p", str(work), "-c", str(conf), "-e", f"{work}/error.log"],
        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    )  # fmt: skip
    try:
        wait_for((work / "pid").exists)
        yield server, f"https://127.0.0.1:{port}"
    finally:
        process.terminate()
        process.wait(60)


def test_nginx_takes_the_example_and_reports_come_through_it(
    proxied: tuple[CollectorServer, str], tmp_path: Path
) -> None:
    server, url = proxied
    trust = str(tmp_path / "tls" / AUTHORITY)
    assert requests.get(f"{url}/healthz", verify=trust, timeout=60).status_code == 200
    report = a_report()
    through = requests.post(
        f"{url}/v1/reports/{report.report_id}", data=encode(report), verify=trust, timeout=60,
        headers={"Authorization": f"Bearer {server.sweep_token}", "X-Forwarded-For": "10.9.8.7",
                 "Content-Type": "application/json"},
    )  # fmt: skip
    assert through.status_code == 201
    rows = server.get("/sweeps/first/export/hosts.csv", token=server.reader_token).text
    assert "127.0.0.1" in rows
    assert "10.9.8.7" not in rows  # what a client says of itself
    came = requests.post(
        f"{url}/login", data={"token": server.reader_token}, verify=trust, timeout=60,
        allow_redirects=False,
    )  # fmt: skip
    assert came.status_code == 303
    assert "secure" in came.headers["set-cookie"].lower()
