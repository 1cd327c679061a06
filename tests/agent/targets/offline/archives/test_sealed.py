"""Collections that are encrypted to a certificate, with its private key and without."""

from __future__ import annotations

import importlib.util
import json
from collections.abc import Sequence
from importlib.machinery import ModuleSpec
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.formats.zip_unpacking import NONE_FITS
from agent.matching.own_traces import Own
from agent.sources.files.source import FilesSource
from agent.targets.offline.archives.sealed import How, read_how
from agent.targets.offline.archives.zip_listing import ENCRYPTED
from agent.targets.offline.folder import FolderTarget
from agent.targets.volume_keys import Sort, VolumeKey
from tests.evidence.collected import ARCHIVES, as_folder, as_tar, laid_out
from tests.evidence.encrypted import (
    SESSION,
    as_pem,
    by_acquire,
    by_certificate,
    by_generaptor,
    certificate_sha256,
    public_sha256,
    rsa_key,
    sealed_to,
    server_config,
    velociraptor,
)
from tests.evidence.infected import LONG_BEFORE, infected, journal, mft
from tests.evidence.sweeping import Swept, commanded, swept
from tests.evidence.windows_folder import windows

WHEN = LONG_BEFORE.timestamp()
FILES = {**infected(), **journal(), **mft()}
TO = f"encrypted by X509, to the certificate with SHA-256 {certificate_sha256(rsa_key())}"
BY_ACQUIRE = "collection encrypted by acquire to the public key with SHA-256 {}"


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where reports of these tests may be spooled."""
    monkeypatch.setenv("IOCSWEEP_HOME", str(tmp_path / "home"))


def asked(path: Path, *names: str, passwords: Sequence[str] = ()) -> Swept:
    keys = [VolumeKey(Sort.PRIVATE_KEY, as_pem(rsa_key(name))) for name in names]
    keys += [VolumeKey(Sort.PASSWORD, password) for password in passwords]
    return swept(FolderTarget(str(path), own=Own(), keys=keys), FilesSource())


def ids(folder: Path, path: Path, *more: str) -> set[str]:
    return {one.id for one in commanded(folder, "offline", str(path), *more, "--quiet")[1].findings}


@pytest.mark.usefixtures("home")
@pytest.mark.parametrize("row", [by_certificate, by_generaptor])
def test_velociraptor_s_has_its_folder_s_findings(row: object, tmp_path: Path) -> None:
    assert callable(row)
    members = laid_out("velociraptor", FILES)
    known = ids(tmp_path / "1", as_folder(tmp_path / "HOST", members, WHEN))
    path = velociraptor(tmp_path / "c.zip", members, {"Tool": "x"}, row(rsa_key()))
    keys = tmp_path / "server.config.yaml"
    keys.write_text(server_config(rsa_key()), encoding="utf-8")
    assert len(known) == 14
    assert ids(tmp_path / "2", path, "--keys", str(keys)) == known
    kept = [one.read_text(encoding="utf-8") for one in (tmp_path / "2").iterdir()]
    assert kept
    assert not any(SESSION in text or "PRIVATE KEY" in text for text in kept)


def test_one_whose_key_is_not_given_names_the_certificate(tmp_path: Path) -> None:
    members = laid_out("velociraptor", windows())
    path = velociraptor(tmp_path / "c.zip", members, by_certificate(rsa_key()))
    assert asked(path).reasons == {f"{ENCRYPTED} (its password is {TO})": 1}
    told = f"its password is {TO}; no private key that was given is its"
    assert asked(path, "other").reasons == {f"{ENCRYPTED} ({told})": 1}
    assert asked(path, "other", "server").reasons == {}
    assert asked(path, "other", passwords=[SESSION]).reasons == {}


@pytest.mark.parametrize("password", ["bm8gUlNB", "no base64", ""])
def test_a_broken_password_is_told_from_another_s_key(password: str, tmp_path: Path) -> None:
    row = {**by_certificate(rsa_key()), "EncryptedPass": password}
    path = velociraptor(tmp_path / "c.zip", laid_out("velociraptor", windows()), row)
    told = f"its password is {TO}; what its private key opens is damaged"
    assert asked(path, "server").reasons == {f"{ENCRYPTED} ({told})": 1}


def test_a_password_that_is_another_collection_s_is_told(tmp_path: Path) -> None:
    row = {**by_certificate(rsa_key()), "EncryptedPass": sealed_to(rsa_key(), "another")}
    path = velociraptor(tmp_path / "c.zip", laid_out("velociraptor", windows()), row)
    told = f"its password is {TO}; its private key opens it"
    assert asked(path, "server").reasons == {f"archive: {NONE_FITS} ({told})": 1}


def test_one_to_a_key_of_pgp_stays_a_gap_of_that_name(tmp_path: Path) -> None:
    row = {"EncryptedPass": "aGk=", "Scheme": "pgp", "PublicKey": "-----BEGIN PGP"}
    path = velociraptor(tmp_path / "c.zip", laid_out("velociraptor", windows()), row)
    told = f"{ENCRYPTED} (its password is encrypted by PGP)"
    assert asked(path, "server").reasons == {told: 1}


@pytest.mark.usefixtures("home")
@pytest.mark.parametrize("kind", [name for name in ARCHIVES if not name.endswith("7z")])
def test_acquire_s_has_its_folder_s_findings(kind: str, tmp_path: Path) -> None:
    members = laid_out("acquire", FILES)
    known = ids(tmp_path / "1", as_folder(tmp_path / "HOST", members, WHEN))
    plain = ARCHIVES[kind](tmp_path / kind, members, WHEN)
    path = tmp_path / "HOST.enc"
    path.write_bytes(by_acquire(plain.read_bytes(), rsa_key()))
    (tmp_path / "its.pem").write_text(as_pem(rsa_key()), encoding="utf-8")
    keys = tmp_path / "keys.txt"
    keys.write_text("a password\nits.pem\n", encoding="utf-8")
    assert len(known) == 14
    assert ids(tmp_path / "2", path, "--keys", str(keys)) == known


@pytest.mark.usefixtures("home")
def test_acquire_s_without_its_key_names_the_key(tmp_path: Path) -> None:
    plain = as_tar(tmp_path / "x.tar", laid_out("acquire", windows()), WHEN)
    path = tmp_path / "HOST.tar.enc"
    path.write_bytes(by_acquire(plain.read_bytes(), rsa_key()))
    to = BY_ACQUIRE.format(public_sha256(rsa_key()))
    assert asked(path).reasons == {to: 1}
    other = asked(path, "other", passwords=["secret"])
    assert other.reasons == {f"{to}; no private key that was given is its": 1}
    report = commanded(tmp_path / "out", "offline", str(path), "--quiet")[1]
    assert report.verdict.value == "incomplete"


def test_what_is_damaged_of_acquire_s_is_a_gap_and_the_rest_is_read(tmp_path: Path) -> None:
    members = {**laid_out("acquire", windows()), "fs/c:/Users/jo/cyzfc.dat": b"x" * 70_000}
    plain = as_tar(tmp_path / "x.tar", members, WHEN)
    whole = by_acquire(plain.read_bytes(), rsa_key())
    path = tmp_path / "HOST.tar.enc"
    changed = bytearray(whole)
    changed[len(whole) - 24 - plain.stat().st_size + plain.read_bytes().find(b"xxxxx")] ^= 1
    path.write_bytes(changed)
    damaged = asked(path, "server")
    wrong = "collection encrypted by acquire: its checksum differs: bytes of it are damaged"
    assert damaged.reasons == {wrong: 1}
    assert "cyzfc.dat" in {one.file.name for one in damaged.seen if one.file is not None}
    path.write_bytes(whole[: -24 - 512])
    (reason,) = asked(path, "server").reasons
    assert reason.startswith("collection encrypted by acquire: is cut short")
    path.write_bytes(whole[:100])
    assert asked(path, "server").reasons == {"collection encrypted by acquire: damaged front": 1}


def test_what_is_no_archive_in_acquire_s_is_a_gap(tmp_path: Path) -> None:
    path = tmp_path / "HOST.enc"
    for plain in (b"text" * 500, by_acquire(b"", rsa_key()), b""):
        path.write_bytes(by_acquire(plain, rsa_key()))
        (reason,) = asked(path, "server").reasons
        assert reason.endswith("opened, but what is in it is no archive that is read")


def test_acquire_s_in_a_folder_is_a_gap_of_its_name(tmp_path: Path) -> None:
    folder = as_folder(tmp_path / "C", laid_out("plain", windows()), WHEN)
    (folder / "HOST.tar.enc").write_bytes(by_acquire(b"x", rsa_key()))
    assert asked(folder, "server").reasons == {
        "collection encrypted by acquire: not looked into": 1
    }


def test_without_the_library_each_is_a_gap_that_names_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    members = laid_out("velociraptor", windows())
    first = velociraptor(tmp_path / "c.zip", members, by_certificate(rsa_key()))
    second = tmp_path / "HOST.enc"
    second.write_bytes(by_acquire(b"x" * 600, rsa_key()))
    there = importlib.util.find_spec

    def lacking(name: str, package: str | None = None) -> ModuleSpec | None:
        return None if name == "Cryptodome" else there(name, package)

    monkeypatch.setattr(importlib.util, "find_spec", lacking)
    for path in (first, second):
        (reason,) = asked(path, "server").reasons
        assert "pycryptodomex, which opens it, is not installed" in reason


@given(st.recursive(st.none() | st.text() | st.integers(), st.lists, max_leaves=5))
def test_any_description_is_one_or_nothing(value: object) -> None:
    for told in (value, [value], {"Scheme": value}, [{"b64_enc_secret": value}]):
        assert isinstance(read_how(json.dumps(told).encode()), How)
    assert read_how(b'[{"Scheme": "x509"') == How()


def test_the_first_object_that_tells_is_taken() -> None:
    told = json.dumps([{"A": 1}, {"Scheme": None}, {"Scheme": "x509", "EncryptedPass": "eA=="}])
    assert read_how(told.encode()) == How("X509", "eA==")
