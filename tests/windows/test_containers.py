"""The exe sweeps disks in containers, and finds in each what it finds in the raw image."""

from __future__ import annotations

import subprocess
from pathlib import Path

from tests.evidence.containers import acquired, converted, differencing_vhdx
from tests.evidence.infected import infected
from tests.evidence.windows_folder import as_image
from tests.windows.host import Host


def test_the_same_findings_in_every_container(host: Host, tmp_path: Path) -> None:
    raw = Path(as_image(tmp_path / "case", infected())).rename(tmp_path / "disk.raw")
    code, known, _ = host.sweep("offline", host.lab.to_windows(raw))
    assert code == 1
    assert len(known.findings) == 13
    parent = converted(raw, "dynamic.vhdx", tmp_path)
    size, own = raw.stat().st_size, {2000: raw.read_bytes()[2000 * 512 :][:512]}
    split = ["split", "-b", "500K", "-d", "-a3", "--numeric-suffixes=1", str(raw), "disk."]
    subprocess.run(split, check=True, cwd=tmp_path)
    for path in (
        acquired(raw, "best.E01", tmp_path),
        parent,
        differencing_vhdx(tmp_path / "child.vhdx", parent, size, own),
        converted(raw, "zlib.qcow2", tmp_path),
        converted(raw, "stream.vmdk", tmp_path),
        converted(raw, "pieces.vmdk", tmp_path),
        converted(raw, "dynamic.vhd", tmp_path),
        converted(raw, "dynamic.vdi", tmp_path),
        tmp_path / "disk.001",
    ):
        code, found, _ = host.sweep("offline", host.lab.to_windows(path))
        assert code == 1, path.name
        assert {one.id for one in found.findings} == {one.id for one in known.findings}, path.name
        assert found.host == known.host


def test_what_a_container_lacks_is_said(host: Host, tmp_path: Path) -> None:
    raw = Path(as_image(tmp_path / "case", infected())).rename(tmp_path / "disk.raw")
    child = differencing_vhdx(
        tmp_path / "child.vhdx", converted(raw, "dynamic.vhdx", tmp_path), raw.stat().st_size, {}
    )
    (tmp_path / "dynamic.vhdx").unlink()
    code, report, _ = host.sweep("offline", host.lab.to_windows(child))
    assert code == 3
    reasons = {why.reason for one in report.coverage for why in one.reasons}
    assert "VHDX disk: needs a file that is not beside it" in reasons


def test_a_volume_by_its_device_is_what_an_image_of_it_is(built_host: Host, tmp_path: Path) -> None:
    raw = Path(as_image(tmp_path / "case", infected()))
    (tmp_path / "bare").mkdir()
    lab = built_host.lab.clone_prefix(tmp_path / "prefix")
    lab.map_drive("x", tmp_path / "bare", volume=raw)
    attached = Host(lab, built_host.exe, built_host.one_file)
    try:
        _, known, _ = attached.sweep("offline", lab.to_windows(raw))
        code, found, _ = attached.sweep("offline", r"\\.\X:")
        missing = lab.run_exe(attached.exe, ["offline", r"\\.\PhysicalDrive7"])
    finally:
        lab.kill_all()
    assert code == 1
    assert {one.id for one in found.findings} == {one.id for one in known.findings}
    assert found.host == known.host
    assert found.custody is not None
    (exhibit,) = found.custody.exhibits
    assert (exhibit.path, exhibit.kind) == (r"\\.\X:", "disk or volume by its device")
    assert exhibit.identity
    assert missing.returncode == 2
    assert r"\\.\PhysicalDrive7: " in missing.stderr
    assert "Traceback" not in missing.stderr
