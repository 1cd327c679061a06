"""The built exe, under Wine, against a real rundll32 that holds a harmless cyzfc.dat.

Wine is not Windows: this shows packaging, start-up, ctypes layouts and process logic.
"""

from __future__ import annotations

import json
import re
import shutil
import socket
import sys
import threading
import time
from importlib.metadata import packages_distributions
from pathlib import Path

import pytest

from agent import cli
from agent.model.codec import decode
from agent.model.report import State, Strength, Verdict
from tests.windows.host import REPOSITORY, RUNDLL32, Host, confirmed, sources

pytestmark = [
    pytest.mark.wine,
    pytest.mark.skipif(sys.platform != "linux", reason="Wine's lab is for Linux"),
]


def test_the_campaigns_own_call_is_one_confirmed_finding(host: Host) -> None:
    path = host.plant(host.local / "cyzfc.dat")
    with host.running(RUNDLL32, f"{path},PointFunctionCall"):
        code, report, output = host.sweep()
    assert code == 1
    assert report.verdict is Verdict.HIT
    finding = confirmed(report)
    assert {"processes", "modules", "files"} <= sources(finding)
    seen = {evidence.seen for evidence in finding.evidence}
    assert {"command line", "module path", "module export", "file path", "file export"} <= seen
    assert finding.process is not None
    assert finding.process.command_line.endswith("cyzfc.dat,PointFunctionCall")
    assert (report.agent.build, report.agent.form) == ("wine-test", "one-dir")
    summary = output.splitlines()[-1]
    assert summary.isascii()
    assert len(summary) <= 1500
    assert json.loads(summary)["verdict"] == "hit"


def test_the_one_file_exe_finds_it_too_and_says_which_it_is(host: Host) -> None:
    path = host.plant(host.local / "cyzfc.dat")
    with host.running(RUNDLL32, f"{path},PointFunctionCall"):
        code, report, _ = host.sweep(exe=host.one_file)
    assert code == 1
    confirmed(report)
    assert report.agent.form == "one-file"


def test_a_renamed_dll_is_found(host: Host) -> None:
    path = host.plant(host.local / "holiday.jpg")
    with host.running(RUNDLL32, f"{path},PointFunctionCall"):
        code, report, _ = host.sweep()
    assert code == 1
    assert "modules" in sources(confirmed(report))


def test_a_renamed_rundll32_is_found(host: Host) -> None:
    path = host.plant(host.local / "cyzfc.dat")
    renamed = host.local / "svch0st.exe"
    host.lab.test_loader(renamed)
    process = host.lab.popen([host.lab.to_windows(renamed), f"{path},PointFunctionCall"])
    try:
        time.sleep(1.5)
        assert process.poll() is None
        code, report, _ = host.sweep()
    finally:
        with process:
            process.kill()
        host.lab.run_exe(r"C:\windows\system32\taskkill.exe", ["/f", "/im", "svch0st.exe"])
    assert code == 1
    finding = confirmed(report)
    assert finding.process is not None
    assert finding.process.name == "svch0st.exe"
    assert finding.process.original_file_name.casefold().startswith("rundll32.exe")


@pytest.mark.parametrize(
    ("folder", "line"),
    [
        pytest.param("a folder", f'{RUNDLL32} "PATH",PointFunctionCall', id="quotes"),
        pytest.param("Local", f"{RUNDLL32} PATH PointFunctionCall", id="comma dropped"),
        pytest.param("Local", f"{RUNDLL32.upper()} UPPER,PointFunctionCall", id="upper case"),
        pytest.param("a folder", f"{RUNDLL32} SHORT,PointFunctionCall", id="8.3 name"),
    ],
)
def test_another_spelling_is_found(host: Host, folder: str, line: str) -> None:
    path = host.plant(host.local / folder / "cyzfc.dat")
    line = line.replace("UPPER", path.upper()).replace("PATH", path)
    if "SHORT" in line:
        line = line.replace("SHORT", host.short_path(path))
    with host.running_line(line):
        code, report, _ = host.sweep()
    assert code == 1
    finding = confirmed(report)
    assert {"processes", "modules"} <= sources(finding)
    assert finding.process is not None
    assert finding.process.name.casefold() == "rundll32.exe"


def test_a_dll_that_is_gone_from_disk_is_found_while_it_is_loaded(host: Host) -> None:
    path = host.plant(host.local / "cyzfc.dat")
    with host.running(RUNDLL32, f"{path},PointFunctionCall"):
        (host.local / "cyzfc.dat").unlink()
        code, report, _ = host.sweep()
    assert code == 1
    finding = confirmed(report)
    assert finding.dll is not None
    assert finding.dll.on_disk is False


def test_the_training_labs_call_is_never_confirmed(host: Host) -> None:
    path = host.plant(host.local / "cyzfc.dat", "look_alike")
    with host.running(RUNDLL32, f"{path},DLLMain"):
        _, report, _ = host.sweep()
    assert [f for f in report.findings if f.strength is Strength.CONFIRMED] == []
    assert report.findings != []


def test_a_host_without_traces_is_told_with_its_gaps(host: Host) -> None:
    (host.local / "notes.txt").write_text("nothing")
    code, report, output = host.sweep()
    assert (code, report.verdict) == (3, Verdict.INCOMPLETE)
    states = {coverage.source: coverage.state for coverage in report.coverage}
    assert states["pipes"] is State.UNAVAILABLE  # Wine cannot list them
    assert "INCOMPLETE, no trace found in what could be seen" in output


def test_the_same_host_is_clean_about_paths_that_were_seen_whole(host: Host) -> None:
    (host.local / "notes.txt").write_text("nothing")
    path = host.lab.to_windows(host.local)
    code, report, output = host.sweep("live", path, "--only", "files")
    assert (code, report.verdict) == (0, Verdict.CLEAN)
    assert f"CLEAN, as far as asked (paths {path}; only files): nothing left unlooked at" in output


def test_a_bare_call_sweeps_the_whole_host_and_joins_what_it_finds(
    host: Host, tmp_path: Path
) -> None:
    """As from a USB stick: no arguments, every drive; Linux's own tree is no drive here."""
    lab = host.lab.clone_prefix(tmp_path / "prefix")
    lab.map_drive("z", None)
    stick = lab.drive_c / "stick"
    shutil.copytree(host.exe.parent, stick)
    own = Host(lab, stick / "iocsweep.exe", host.one_file)
    own.clean()
    path = own.plant(own.local / "cyzfc.dat")
    try:
        with own.running(RUNDLL32, f"{path},PointFunctionCall"):
            done = lab.run_exe(own.exe, [], timeout=300)
    finally:
        lab.kill_all()
    (written,) = (lab.drive_c / "ProgramData" / "iocsweep" / "reports").glob("*.json")
    report = decode(written.read_bytes())
    assert done.returncode == 1, done.stdout + done.stderr
    assert {"processes", "modules", "memory", "files"} <= sources(confirmed(report))
    (files,) = (coverage for coverage in report.coverage if coverage.source == "files")
    assert files.examined > 500
    assert report.target.paths == []


def test_the_dns_cache_is_read_without_a_query(host: Host, tmp_path: Path) -> None:
    lab = host.lab.clone_prefix(tmp_path / "prefix")
    try:
        lab.put_in_system32(lab.test_dll("dnsapi"), "dnsapi.dll")
        (tmp_path / "dns.txt").write_text(
            "pandorasong.com A 95.216.59.92\nPANDORASONG.COM. AAAA 2001:db8::1\n"
            "cdn.pandorasong.com A 203.0.113.9\nnotpandorasong.com A 203.0.113.7\n"
            "pandorasong.com.example.org A 203.0.113.8\nwww.example.org A 203.0.113.6\n"
        )
        log = tmp_path / "queries.log"
        own = Host(lab, host.exe, host.one_file)
        own.clean()
        code, report, _ = own.sweep(
            dll_overrides={"dnsapi": "n,b"},
            env={
                "IOCSWEEP_TEST_DNS": lab.to_windows(tmp_path / "dns.txt"),
                "IOCSWEEP_TEST_DNS_LOG": lab.to_windows(log),
            },
        )
    finally:
        lab.kill_all()
    assert code == 1
    names = {f.dns.question.rstrip(".").lower() for f in report.findings if f.dns}
    assert names == {"pandorasong.com", "cdn.pandorasong.com"}
    assert {f.strength for f in report.findings if f.dns} == {Strength.STRONG}
    asked = log.read_text().splitlines()
    assert asked, "the test DLL saw no query: it was not used"
    assert [line for line in asked if "VIOLATION" in line] == []


PACK = """\
pack: iocsweep.pack/1
id: loopback
version: 1
title: A loopback address
references: {T: this test}
indicators:
  - {id: loopback-address, type: address, value: 127.0.0.9, private: true, strength: weak,
     status: SRC, reference: [T]}
"""


def test_a_connection_is_found_with_its_process(host: Host, tmp_path: Path) -> None:
    (tmp_path / "pack.yaml").write_text(PACK)
    with socket.create_server(("127.0.0.9", 0)) as server:
        accepted: list[socket.socket] = []
        thread = threading.Thread(target=lambda: accepted.append(server.accept()[0]))
        thread.start()
        script = (
            "import socket,sys;"
            "s=socket.create_connection(('127.0.0.9',int(sys.argv[1])));s.send(b'x');s.recv(1)"
        )
        client = host.lab.popen([host.lab.python_exe, "-c", script, str(server.getsockname()[1])])
        try:
            thread.join(20)
            assert accepted
            path = host.lab.to_windows(host.local)
            pack = host.lab.to_windows(tmp_path / "pack.yaml")
            _, report, _ = host.sweep("live", path, "--only-pack", pack)
        finally:
            with client:
                client.kill()
            for connection in accepted:
                connection.close()
    found = [f for f in report.findings if f.destination and f.destination.ip == "127.0.0.9"]
    assert len(found) == 1
    assert found[0].process is not None
    assert found[0].process.name.casefold() == "python.exe"


def test_the_exe_is_small_whole_and_without_test_parts(host: Host) -> None:
    from build_exe import version_of
    from shipping import check

    version, _ = version_of(REPOSITORY)
    assert check(host.one_file, REPOSITORY / "iocs", version, [str(REPOSITORY)]) == []
    assert host.one_file.stat().st_size <= 17_000_000  # shipping.py allows 20 MB
    done = host.lab.run_exe(host.exe, ["packs", "list"])
    assert done.returncode == 0
    assert "cyzfc-2018-11" in done.stdout


def test_all_that_is_inside_the_exe_is_named_with_its_licence(host: Host) -> None:
    from exe_contents import modules, read

    data = host.one_file.read_bytes()
    text = read(data, "THIRD-PARTY.txt").decode()
    named = {title.lower() for title in re.findall(r"(?m)^=+\n(\S+) [\d.]+\S*: ", text)}
    owners = packages_distributions()
    foreign = modules(data) - sys.stdlib_module_names - {"agent", "iocs"}
    inside = {name.lower() for module in foreign for name in owners[module]}
    assert {"boreal", "pyfwnt", "pylnk", "pyscca"} <= foreign
    assert named == inside


def test_the_exe_signs_a_report_and_its_pack_and_verifies_both(
    host: Host, capsys: pytest.CaptureFixture[str]
) -> None:
    pack = host.lab.drive_c / "signing" / "mine.yaml"
    shutil.rmtree(pack.parent, ignore_errors=True)
    pack.parent.mkdir()
    shutil.copy(REPOSITORY / "iocs" / "cyzfc.yaml", pack)
    key, public = r"C:\signing\key", r"C:\signing\key.pub"
    for words in (
        ["packs", "keygen", "--out", key],
        ["packs", "sign", r"C:\signing\mine.yaml", "--key", key],
    ):
        done = host.lab.run_exe(host.exe, words)
        assert done.returncode == 0, done.stdout + done.stderr
    _, report, _ = host.sweep(
        "live", host.lab.to_windows(host.local), "--only", "files", "--signing-key-file", key,
        "--only-pack", r"C:\signing\mine.yaml", "--pack-key", public,
    )  # fmt: skip
    assert report.attestation is not None
    assert report.packs[0].signed_by == report.attestation.authority_uid
    done = host.lab.run_exe(host.exe, ["verify", r"C:\reports", "--pubkey", public])
    assert done.returncode == 0, done.stdout + done.stderr
    (written,) = (host.lab.drive_c / "reports").glob("*.json")
    key_here = str(pack.parent / "key.pub")
    assert cli.main(["verify", str(written), "--pubkey", key_here]) == 0
    written.write_bytes(written.read_bytes().replace(b'"since":null', b'"since":true'))
    done = host.lab.run_exe(host.exe, ["verify", r"C:\reports", "--pubkey", public])
    assert done.returncode == 2
    assert re.search(r"line \d+ was changed", done.stderr)
    assert cli.main(["verify", str(written), "--pubkey", key_here]) == 2
    assert re.search(r"line \d+ was changed", capsys.readouterr().err)


def test_bad_arguments_end_with_2_and_say_why(host: Host) -> None:
    done = host.lab.run_exe(host.exe, ["--memory", "some"])
    assert done.returncode == 2
    assert "--memory" in done.stderr


def test_a_second_sweep_finds_nothing_of_the_first(host: Host) -> None:
    path = host.plant(host.local / "cyzfc.dat")
    with host.running(RUNDLL32, f"{path},PointFunctionCall"):
        host.sweep("live", host.lab.to_windows(host.local))
    host.clean()
    code, report, _ = host.sweep("live", r"C:\ProgramData\iocsweep", "--thorough")
    assert report.findings == []
    assert code == 3
