"""What is inside an exe must have come from somewhere known, unchanged."""

from __future__ import annotations

import base64
import hashlib
from pathlib import Path

import pytest
from bill_of_materials import BillError, Origin, bill, pins_of

from tests.release.archives import exe_with

OWN = {"build.json": b'{"build": "release", "form": "one-file", "version": "1.2.3"}'}
METADATA = """\
Metadata-Version: 2.4
Name: Foo.Bar
Version: 1.0
License-Expression: MIT
Requires-Dist: baz>=2; python_version < "4"
Requires-Dist: never; extra == "docs"
"""
BAZ = "Metadata-Version: 2.1\nName: baz\nVersion: 2\nLicense: as you like\n"


def install(site: Path, metadata: str, files: dict[str, bytes]) -> None:
    """As pip does: the files, and what says which they are."""
    lines = metadata.splitlines()
    name = lines[1].partition(": ")[2].replace(".", "_").lower()
    folder = f"{name}-{lines[2].partition(': ')[2]}.dist-info"
    record = [f"{folder}/METADATA,,", f"{folder}/RECORD,,"]
    for path, data in files.items():
        (site / path).parent.mkdir(parents=True, exist_ok=True)
        (site / path).write_bytes(data)
        digest = base64.urlsafe_b64encode(hashlib.sha256(data).digest()).rstrip(b"=").decode()
        record.append(f"{path},sha256={digest},{len(data)}")
    (site / folder).mkdir(parents=True)
    (site / folder / "METADATA").write_text(metadata)
    (site / folder / "RECORD").write_text("\n".join(record) + "\n")


@pytest.fixture
def origin(tmp_path: Path) -> Origin:
    site = tmp_path / "site"
    install(site, METADATA, {"foo/core.pyd": b"machine code", "foo/more.py": b"x = 1\n"})
    install(site, BAZ, {"baz.py": b"y = 2\n"})
    return Origin(site, tmp_path / "home", {"foo-bar": "1.0", "baz": "2"})


def test_each_part_is_told_with_the_distribution_that_brought_it(origin: Origin) -> None:
    files = {**OWN, "foo\\core.pyd": b"machine code"}
    exe = exe_with(files, {"foo.more": b"code", "baz": b"code too", "agent.cli": b"ours"})
    document = bill(exe, origin)
    baz, foo = document["components"]
    assert (foo["name"], foo["version"], foo["purl"]) == ("foo-bar", "1.0", "pkg:pypi/foo-bar@1.0")
    assert foo["licenses"] == [{"expression": "MIT"}]
    assert baz["licenses"] == [{"license": {"name": "as you like"}}]
    assert {part["name"]: part["hashes"] for part in foo["components"]} == {
        "foo/core.pyd": [
            {"alg": "SHA-256", "content": hashlib.sha256(b"machine code").hexdigest()}
        ],
        "foo/more": [{"alg": "SHA-256", "content": hashlib.sha256(b"code").hexdigest()}],
    }
    own = document["metadata"]["component"]
    assert (own["name"], own["version"], own["type"]) == ("iocsweep", "1.2.3", "application")
    assert [part["name"] for part in own["components"]] == ["agent/cli", "build.json"]
    assert {"ref": foo["bom-ref"], "dependsOn": [baz["bom-ref"]]} in document["dependencies"]
    assert bill(exe, origin) == document


def test_another_exe_has_another_serial_number(origin: Origin) -> None:
    one, other = (bill(exe_with(OWN, {"agent.cli": code}), origin) for code in (b"1", b"2"))
    assert one["serialNumber"] != other["serialNumber"]


@pytest.mark.parametrize(
    ("files", "modules", "told"),
    [
        ({"x.dll": b"1"}, {}, "x.dll is inside the exe and belongs to nobody"),
        ({}, {"strange.thing": b"1"}, "the module strange/thing is inside the exe and belongs"),
        ({"foo/core.pyd": b"other code"}, {}, "foo/core.pyd is not what was installed"),
    ],
    ids=["file", "module", "other bytes"],
)
def test_what_belongs_to_nobody_is_an_error(
    origin: Origin, files: dict[str, bytes], modules: dict[str, bytes], told: str
) -> None:
    with pytest.raises(BillError, match=told):
        bill(exe_with({**OWN, **files}, modules), origin)


def test_a_file_that_was_changed_after_its_installation_is_an_error(origin: Origin) -> None:
    (origin.site / "foo/more.py").write_bytes(b"x = 3\n")
    with pytest.raises(BillError, match=r"foo/more\.py is not as its wheel brought it"):
        bill(exe_with(OWN, {"foo.more": b"code"}), origin)


def test_a_version_that_is_not_pinned_is_an_error(origin: Origin) -> None:
    other = Origin(origin.site, origin.home, {"foo-bar": "1.1"})
    with pytest.raises(BillError, match=r"foo-bar 1\.0 is inside, which is not what is pinned"):
        bill(exe_with(OWN, {"foo.more": b"code"}), other)


def test_pins_are_read_from_a_lock(tmp_path: Path) -> None:
    lock = tmp_path / "exe.lock"
    lock.write_text("# made by\nfoo-bar==1.0 \\\n    --hash=sha256:00\n    # via baz\nbaz==2 \\\n")
    assert pins_of(lock) == {"foo-bar": "1.0", "baz": "2"}
