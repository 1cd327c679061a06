"""What is published of a build: it says what it is, what is inside, and may be signed."""

from __future__ import annotations

import json
import subprocess
import sys
import zipfile
from pathlib import Path
from typing import Any

import jsonschema
import pefile
import pytest
import referencing
from referencing.jsonschema import DRAFT7

from tests.windows.host import REPOSITORY, Host

pytestmark = [
    pytest.mark.wine,
    pytest.mark.skipif(sys.platform != "linux", reason="Wine's lab is for Linux"),
]

SCHEMA = REPOSITORY / "tests" / "data" / "cyclonedx-1.6"


def schema() -> jsonschema.Draft7Validator:
    """CycloneDX 1.6, with what it refers to."""
    named = {path.name: json.loads(path.read_text()) for path in SCHEMA.glob("*.json")}
    known = [
        (f"http://cyclonedx.org/schema/{name.replace('.schema', '.SNAPSHOT.schema')}", content)
        for name, content in named.items()
    ]
    resources = [(uri, DRAFT7.create_resource(content)) for uri, content in known]
    registry: Any = referencing.Registry().with_resources(resources)
    return jsonschema.Draft7Validator(named["bom-1.6.schema.json"], registry=registry)


@pytest.fixture(scope="module")
def bill(built_host: Host) -> dict[str, Any]:
    from bill_of_materials import Origin, bill, pins_of
    from making import LOCK

    home = built_host.lab.python_home
    origin = Origin(home / "Lib" / "site-packages", home, pins_of(LOCK))
    return bill(built_host.one_file.read_bytes(), origin)


def inside(component: dict[str, Any]) -> dict[str, str]:
    """SHA-256 by path of a component's files."""
    files = [part for part in component.get("components", ()) if part["type"] == "file"]
    return {part["name"]: part["hashes"][0]["content"] for part in files}


def test_the_bill_is_what_the_standard_asks_for(bill: dict[str, Any]) -> None:
    assert [error.message for error in schema().iter_errors(bill)] == []
    bill = {**bill, "components": [{"name": "without a type"}]}
    assert [error.message for error in schema().iter_errors(bill)] != []


def test_the_bill_has_all_that_is_inside_once(bill: dict[str, Any], built_host: Host) -> None:
    from exe_contents import files, pure_modules, scripts
    from release import digest_of

    data = built_host.one_file.read_bytes()
    wanted = {name: digest_of(content) for name, content in files(data).items()}
    for part in (scripts(data), pure_modules(data)):
        wanted.update((name, digest_of(content)) for name, content in part.items())
    found = [inside(part) for part in (bill["metadata"]["component"], *bill["components"])]
    assert sum(len(part) for part in found) == len(wanted)
    assert {name: digest for part in found for name, digest in part.items()} == wanted


def test_the_bill_names_versions_and_what_is_compiled_in(bill: dict[str, Any]) -> None:
    parts = {part["name"]: part for part in bill["components"]}
    version = ".".join(str(number) for number in sys.version_info[:2])
    assert parts["Python"]["version"].startswith(f"{version}.")
    assert {"OpenSSL", "SQLite", "boreal-python", "libscca-python", "pyinstaller"} <= parts.keys()
    assert parts["OpenSSL"]["version"].startswith("3.")
    assert parts["libscca-python"]["licenses"] == [{"expression": "LGPL-3.0-or-later"}]
    assert parts["boreal-python"]["licenses"] == [{"expression": "MIT OR Apache-2.0"}]
    crates = {part["name"] for part in parts["boreal-python"]["components"]}
    assert "boreal" in crates
    assert "autocfg" not in crates, "it builds, and is not inside"


def test_one_bill_speaks_for_the_exe_and_the_zip(built_host: Host, tmp_path: Path) -> None:
    from release import differences

    data = built_host.one_file.read_bytes()
    (archive,) = (REPOSITORY / "dist").glob("iocsweep-*.zip")
    assert differences(data, archive) == []
    changed = tmp_path / "changed.zip"
    with zipfile.ZipFile(archive) as source, zipfile.ZipFile(changed, "w") as target:
        for name in source.namelist():
            content = source.read(name)
            target.writestr(name, content + b"!" if name.endswith("boreal.pyd") else content)
    assert differences(data, changed) == ["boreal/boreal.pyd"]


def test_the_exe_asks_for_no_rights_and_takes_long_paths_and_utf_8(built_host: Host) -> None:
    from pe_resources import manifests, version_strings

    for exe in (built_host.one_file, built_host.exe):
        data = exe.read_bytes()
        (text,) = manifests(data)
        assert 'level="asInvoker"' in text
        assert ">true</longPathAware>" in text
        assert ">UTF-8</activeCodePage>" in text
        assert version_strings(data)["OriginalFilename"] == "iocsweep.exe"


def test_the_exes_time_is_the_commits(built_host: Host) -> None:
    from build_exe import epoch

    for exe in (built_host.one_file, built_host.exe):
        with pefile.PE(exe, fast_load=True) as program:
            assert program.FILE_HEADER.TimeDateStamp == epoch(REPOSITORY)


def test_windows_own_python_finds_the_build_in_order(built_host: Host) -> None:
    """What Linux has alone is not imported on the way to a build on Windows."""
    script = built_host.lab.to_windows(REPOSITORY / "build" / "build_exe.py")
    done = built_host.lab.python([script, "--check"])
    assert (done.returncode, done.stdout + done.stderr) == (0, "")
    asked = built_host.lab.python([script.replace("build_exe.py", "release.py"), "--help"])
    assert asked.returncode == 0
    assert "--sign" in asked.stdout


@pytest.fixture(scope="module")
def key(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """A throw-away certificate that may sign code, and its key."""
    folder = tmp_path_factory.mktemp("signing keys")
    certificate, private = folder / "certificate.pem", folder / "key.pem"
    usage = ["-addext", "keyUsage=digitalSignature", "-addext", "extendedKeyUsage=codeSigning"]
    command = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", *usage]
    subject = ["-subj", "/CN=iocsweep test", "-keyout", str(private), "-out", str(certificate)]
    subprocess.run([*command, *subject], check=True, capture_output=True)
    return certificate, private


@pytest.fixture(scope="module")
def signed(built_host: Host, key: tuple[Path, Path], tmp_path_factory: Any) -> Path:
    from signing import sign

    certificate, private = key
    target: Path = tmp_path_factory.mktemp("signed") / "iocsweep.exe"
    keys = f"-certs '{certificate}' -key '{private}'"
    sign(f"osslsigncode sign -h sha256 {keys} -in {{in}} -out {{out}}", built_host.one_file, target)
    return target


def test_a_signed_exe_verifies_and_still_runs(
    built_host: Host, signed: Path, key: tuple[Path, Path]
) -> None:
    command = ["osslsigncode", "verify", "-CAfile", str(key[0]), "-in", str(signed)]
    verified = subprocess.run(command, capture_output=True, text=True, check=False)
    assert verified.returncode == 0, verified.stdout + verified.stderr
    assert "CN=iocsweep test" in verified.stdout.replace("/CN", "CN")
    asked = [built_host.lab.run_exe(exe, ["--version"]) for exe in (signed, built_host.one_file)]
    assert [done.returncode for done in asked] == [0, 0]
    assert asked[0].stdout == asked[1].stdout != ""


def test_a_signature_changes_nothing_else(built_host: Host, signed: Path) -> None:
    from signing import is_signed, program

    bare, data = built_host.one_file.read_bytes(), signed.read_bytes()
    assert (is_signed(bare), is_signed(data)) == (False, True)
    assert data != bare
    assert program(data) == program(bare)
    at = len(bare) // 2
    other = data[:at] + bytes([data[at] ^ 1]) + data[at + 1 :]
    assert program(other) != program(bare)


def test_two_files_are_told_to_be_the_same_program(
    built_host: Host, signed: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    from signing import main

    assert main([str(built_host.one_file), str(signed)]) == 0
    assert capsys.readouterr().out.splitlines() == [
        f"{built_host.one_file}: not signed",
        f"{signed}: signed",
        "the same program",
    ]
    assert main([str(built_host.one_file), str(built_host.exe)]) == 1
    assert main([str(built_host.one_file), __file__]) == 2


def test_a_signed_exe_that_is_changed_does_not_verify(
    signed: Path, key: tuple[Path, Path], tmp_path: Path
) -> None:
    data = bytearray(signed.read_bytes())
    data[len(data) // 2] ^= 1
    changed = tmp_path / "changed.exe"
    changed.write_bytes(data)
    command = ["osslsigncode", "verify", "-CAfile", str(key[0]), "-in", str(changed)]
    assert subprocess.run(command, capture_output=True, check=False).returncode != 0


@pytest.mark.parametrize(
    ("command", "told"),
    [
        ("false", "false ended with 1"),
        ("true", "true left x.exe without a signature"),
        ("no-such-tool --password secret", "no-such-tool: FileNotFoundError"),
    ],
)
def test_what_was_not_signed_is_told_without_the_command(
    built_host: Host, tmp_path: Path, command: str, told: str
) -> None:
    from signing import SigningError, sign

    with pytest.raises(SigningError, match=told) as raised:
        sign(command, built_host.one_file, tmp_path / "x.exe")
    assert "secret" not in str(raised.value)


def test_a_tool_that_changes_the_program_is_found_out(
    built_host: Host, signed: Path, tmp_path: Path
) -> None:
    from signing import SigningError, sign

    other = bytearray(signed.read_bytes())
    other[len(other) // 2] ^= 1
    (tmp_path / "other.exe").write_bytes(other)
    command = f"cp '{tmp_path / 'other.exe'}'"
    with pytest.raises(SigningError, match=r"changed more of x\.exe than its signature"):
        sign(command, built_host.one_file, tmp_path / "x.exe")


def test_the_signed_zip_differs_by_its_exe_alone(
    built_host: Host, key: tuple[Path, Path], tmp_path: Path
) -> None:
    from build_exe import Built, epoch
    from release import write_signed, write_sums
    from signing import is_signed

    (archive,) = (REPOSITORY / "dist").glob("iocsweep-*.zip")
    keys = f"-certs '{key[0]}' -key '{key[1]}'"
    built = Built(built_host.one_file, built_host.exe, archive)
    command = f"osslsigncode sign -h sha256 {keys} -in {{in}} -out {{out}}"
    write_signed(command, built, tmp_path, epoch(REPOSITORY))
    with zipfile.ZipFile(archive) as bare, zipfile.ZipFile(tmp_path / archive.name) as signed:
        assert bare.namelist() == signed.namelist()
        other = [name for name in bare.namelist() if bare.read(name) != signed.read(name)]
        assert other == ["iocsweep/iocsweep.exe"]
        assert is_signed(signed.read(other[0]))
    write_sums(tmp_path)
    sums = subprocess.run(
        ["sha256sum", "--check", "SHA256SUMS"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=True,
    )
    assert sums.stdout.splitlines() == [f"{archive.name}: OK", "iocsweep.exe: OK"]
