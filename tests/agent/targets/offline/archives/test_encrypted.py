"""Collections that are encrypted by AES, with the operator's passwords and without."""

from __future__ import annotations

from pathlib import Path

import pytest
import pyzipper

from agent.matching.own_traces import Own
from agent.sources.files.source import FilesSource
from agent.targets.offline.archives.zip_listing import ENCRYPTED
from agent.targets.offline.folder import FolderTarget
from agent.targets.volume_keys import Sort, VolumeKey
from tests.evidence.collected import as_folder, as_zip, laid_out
from tests.evidence.infected import LONG_BEFORE, infected, journal, mft
from tests.evidence.sweeping import Swept, commanded, swept
from tests.evidence.windows_folder import windows

WHEN = LONG_BEFORE.timestamp()
SECRET = "fünf Größen"
NO_FIT = "archive: encrypted archive member, and no password that was given fits"


def sealed(path: Path, members: dict[str, bytes], *, bits: int = 256, deflate: bool = True) -> Path:
    method = pyzipper.ZIP_DEFLATED if deflate else pyzipper.ZIP_STORED
    with pyzipper.AESZipFile(path, "w", compression=method, encryption=pyzipper.WZ_AES) as archive:
        archive.setpassword(SECRET.encode())
        archive.setencryption(pyzipper.WZ_AES, nbits=bits)
        for name, content in members.items():
            archive.writestr(name, content)
    return path


def velociraptor(path: Path, members: dict[str, bytes], scheme: str = "Password") -> Path:
    """All of a collection in one archive, and that encrypted in another one."""
    inner = as_zip(path.with_name("data.zip"), members, WHEN)
    how = f'{{"Scheme": "{scheme}", "EncryptedPass": "c2VjcmV0"}}'.encode()
    with pyzipper.AESZipFile(path, "w") as archive:
        archive.writestr("metadata.json", how)
        archive.setpassword(SECRET.encode())
        archive.setencryption(pyzipper.WZ_AES)
        archive.write(inner, "data.zip")
    inner.unlink()
    return path


def asked(path: Path, *passwords: str) -> Swept:
    keys = [VolumeKey(Sort.PASSWORD, password) for password in passwords]
    return swept(FolderTarget(str(path), own=Own(), keys=keys), FilesSource())


@pytest.mark.parametrize("deflate", [True, False])
@pytest.mark.parametrize("bits", [128, 192, 256])
def test_its_members_are_read_by_the_password(bits: int, tmp_path: Path, *, deflate: bool) -> None:
    members = {**laid_out("plain", windows()), "Users/jo/cyzfc.dat": b"x" * 70_000}
    path = sealed(tmp_path / "HOST.zip", members, bits=bits, deflate=deflate)
    sweep = asked(path, "another", SECRET)
    assert sweep.reasons == {}
    (hit,) = (one for one in sweep.seen if one.file is not None and one.file.name == "cyzfc.dat")
    assert hit.file is not None
    assert hit.file.hash is not None


def test_without_one_and_with_wrong_ones_each_member_is_a_gap(tmp_path: Path) -> None:
    members = laid_out("plain", windows())
    path = sealed(tmp_path / "HOST.zip", members)
    assert asked(path).reasons == {ENCRYPTED: len(members)}
    named = {**members, "Users/jo/cyzfc.dat": b"x" * 70_000}
    assert asked(sealed(path, named), "wrong").reasons[NO_FIT] >= 1


def test_changed_bytes_are_told_by_the_checksum(tmp_path: Path) -> None:
    content = b"x" * 70_000
    members = {**laid_out("plain", windows()), "Users/jo/cyzfc.dat": content}
    path = sealed(tmp_path / "HOST.zip", members, deflate=False)
    data = bytearray(path.read_bytes())
    data[data.find(b"Users/jo/cyzfc.dat") + 40_000] ^= 1
    path.write_bytes(data)
    assert asked(path, SECRET).reasons == {
        "archive: encrypted archive member whose checksum differs": 1
    }


def test_a_collection_of_velociraptor_has_its_folder_s_findings(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("IOCSWEEP_HOME", str(tmp_path / "home"))
    members = laid_out("velociraptor", {**infected(), **journal(), **mft()})
    known = as_folder(tmp_path / "HOST", members, WHEN)
    path = velociraptor(tmp_path / "Collection-WS-0421.zip", members)
    keys = tmp_path / "keys.txt"
    keys.write_text(f"{SECRET}\n", encoding="utf-8")
    out = tmp_path / "out"
    found = commanded(out, "offline", str(path), "--keys", str(keys), "--quiet")[1]
    ids = {
        one.id for one in commanded(tmp_path / "2", "offline", str(known), "--quiet")[1].findings
    }
    assert len(ids) == 14
    assert {one.id for one in found.findings} == ids
    assert all(SECRET not in one.read_text(encoding="utf-8") for one in out.iterdir())


@pytest.mark.parametrize(
    ("scheme", "told"), [("Password", ""), ("X509", " (its password is encrypted by X509)")]
)
def test_one_that_cannot_be_opened_says_what_is_missing(
    scheme: str, told: str, tmp_path: Path
) -> None:
    path = velociraptor(tmp_path / "c.zip", laid_out("velociraptor", windows()), scheme)
    assert asked(path).reasons == {f"{ENCRYPTED}{told}": 1}
    assert asked(path, "wrong").reasons == {f"{NO_FIT}{told}": 1}
