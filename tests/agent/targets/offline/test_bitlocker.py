"""Volumes of BitLocker: read in the clear with a key, and otherwise a gap that says why."""

from __future__ import annotations

import hashlib
import random
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from agent.cli import main
from agent.model.report import Report, State, Verdict
from agent.ntfs import ByteSource, FileSource
from agent.targets.offline.bitlocker import (
    BY_ITSELF,
    DAMAGED,
    IN_PART,
    NO_KEY_FITS,
    NO_LIBRARY,
    REFUSED,
    LockedVolume,
)
from agent.targets.offline.containers import MediumError
from agent.targets.volume_keys import Sort, VolumeKey
from tests.evidence.bitlocker import PASSWORD, RECOVERY, RealVolume, locked, unpacked_volumes
from tests.evidence.images import file_name, image, record, resident, standard
from tests.evidence.journals import FOLDERS
from tests.evidence.sweeping import commanded

pytest.importorskip("pybde", reason="libbde-python is not installed: the extra offline")

EXTEND = record(standard(), file_name("$Extend"), flags=3)
STAGE = record(standard(), file_name("cyzfc.dat", 43), resident(0x80, b"x"))
VOLUME = image({**FOLDERS, 11: EXTEND, 50: STAGE})
OTHER = VolumeKey(Sort.RECOVERY_PASSWORD, "-".join(["000011"] * 8))
KEYS = {
    "password": VolumeKey(Sort.PASSWORD, PASSWORD),
    "recovery password": VolumeKey(Sort.RECOVERY_PASSWORD, RECOVERY),
}


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("IOCSWEEP_HOME", str(tmp_path / "home"))


def swept(folder: Path, *arguments: str) -> tuple[int, Report]:
    return commanded(folder / "out", "offline", *arguments, "--quiet")


def keys_file(folder: Path, *lines: str) -> Path:
    (folder / "secret").mkdir()
    path = folder / "secret/keys.txt"
    path.write_text("\n".join(lines))
    return path


def opened(data: bytes, *keys: VolumeKey, path: Path) -> LockedVolume:
    path.write_bytes(data)
    return LockedVolume(lambda: FileSource(path.open("rb")), keys)


def whole(source: ByteSource, step: int = 1_000_003) -> Iterator[bytes]:
    at = 0
    while data := source.read_at(at, step):
        yield data
        at += len(data)


@pytest.mark.parametrize("name", list(KEYS))
def test_every_byte_in_the_clear_with_a_key(tmp_path: Path, name: str) -> None:
    plain = VOLUME[:512] + random.Random(14).randbytes(300 << 10)
    made = locked(plain, password=PASSWORD, recovery=RECOVERY)
    volume = opened(made, KEYS[name], path=tmp_path / "c.dd")
    source = volume.plain()
    everything = b"".join(whole(source, 70_001))
    assert everything[: len(plain)] == plain
    assert source.size == len(made)
    assert source.read_at(12_345, 678) == plain[12_345 : 12_345 + 678]
    assert source.read_at(source.size - 3, 10) == everything[-3:]
    assert source.read_at(source.size, 10) == source.read_at(-1, 10) == b""
    assert volume.opened_by == f"BitLocker volume, opened by a {name}"


@pytest.mark.parametrize("name", list(KEYS))
def test_a_trace_in_it_is_the_finding_that_it_is_in_the_clear(tmp_path: Path, name: str) -> None:
    (tmp_path / "clear").mkdir()
    path, clear = tmp_path / "c.dd", tmp_path / "clear/c.dd"
    path.write_bytes(locked(VOLUME, password=PASSWORD, recovery=RECOVERY))
    clear.write_bytes(VOLUME)
    keys = keys_file(tmp_path, "# of the laptop", KEYS[name].secret)
    code, report = swept(tmp_path, str(path), "--bitlocker-keys", str(keys))
    _, plain = swept(tmp_path / "clear", str(clear))
    assert code == 1
    assert report.host == plain.host
    assert [one.id for one in report.findings] == [one.id for one in plain.findings]
    (finding,) = report.findings
    assert finding.title == "c.dd:\\Users\\jo\\AppData\\Local\\cyzfc.dat"
    files = next(one for one in report.coverage if one.source == "files")
    assert files.state is State.COMPLETE
    assert f"BitLocker volume, opened by a {name}" in str(files)


@pytest.mark.parametrize("lines", [[], ["another password"]], ids=["no key", "a wrong one"])
def test_one_that_is_suspended_opens_by_itself(tmp_path: Path, lines: list[str]) -> None:
    (tmp_path / "c.dd").write_bytes(locked(VOLUME, password=PASSWORD, clear=True))
    keys = ["--bitlocker-keys", str(keys_file(tmp_path, *lines))] if lines else []
    code, report = swept(tmp_path, str(tmp_path / "c.dd"), *keys)
    assert code == 1
    assert BY_ITSELF in str(report.coverage)


def test_one_in_a_folder_is_read_with_the_same_keys(tmp_path: Path) -> None:
    (tmp_path / "case").mkdir()
    (tmp_path / "case/c.dd").write_bytes(locked(VOLUME, password=PASSWORD))
    keys = keys_file(tmp_path, PASSWORD)
    code, report = swept(tmp_path, str(tmp_path / "case"), "--bitlocker-keys", str(keys))
    assert code == 1
    (finding,) = report.findings
    assert finding.title.endswith("c.dd:\\Users\\jo\\AppData\\Local\\cyzfc.dat")
    assert "locked by BitLocker" not in str(report.coverage)


def test_no_key_comes_anywhere(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "c.dd").write_bytes(locked(VOLUME, password=PASSWORD, recovery=RECOVERY))
    other = OTHER.secret
    keys = keys_file(tmp_path, other, "not the one of it", PASSWORD, RECOVERY)
    out = tmp_path / "out"
    out.mkdir()
    arguments = ["--bitlocker-keys", str(keys), "--out", str(out)]
    assert main(["offline", str(tmp_path / "c.dd"), *arguments]) == 1
    captured = capsys.readouterr()
    files = [path for path in tmp_path.rglob("*") if path.is_file()]
    written = [path.read_bytes() for path in files if path not in (keys, tmp_path / "c.dd")]
    assert written
    everything = b"\n".join(written).decode(errors="replace") + captured.out + captured.err
    assert "BitLocker volume, opened by a password" in everything
    for secret in (PASSWORD, RECOVERY, other, "not the one of it", keys.name):
        assert secret not in everything
        assert secret.encode("utf-16-le") not in b"\n".join(written)


REFS = b"\xeb\x52\x90ReFS\0\0\0\0".ljust(64 << 10, b"\0")
WRONG = ["another password", OTHER.secret]


@pytest.mark.parametrize(
    ("data", "lines", "reason"),
    [
        (locked(VOLUME, password=PASSWORD), [], "locked by BitLocker"),
        (locked(VOLUME, password=PASSWORD, recovery=RECOVERY), WRONG, NO_KEY_FITS),
        (locked(VOLUME, recovery=RECOVERY), [PASSWORD], NO_KEY_FITS),
        (locked(VOLUME, password=PASSWORD, state=2), [PASSWORD], IN_PART),
        (locked(VOLUME, password=PASSWORD, on_write=True), [PASSWORD], IN_PART),
        (locked(VOLUME, password=PASSWORD, on_write=True), [], IN_PART),
        (locked(REFS, password=PASSWORD), [*WRONG, PASSWORD], REFUSED),
        (locked(VOLUME, password=PASSWORD)[: len(VOLUME)], [PASSWORD], DAMAGED),
    ],
    ids=[
        "no key", "wrong keys", "a key of another sort", "being encrypted",
        "encrypted as it is written to", "that without a key", "what libbde refuses", "cut",
    ],
)  # fmt: skip
def test_one_that_is_not_read_is_a_gap_that_says_why(
    tmp_path: Path, data: bytes, lines: list[str], reason: str
) -> None:
    (tmp_path / "c.dd").write_bytes(data)
    keys = ["--bitlocker-keys", str(keys_file(tmp_path, *lines))] if lines else []
    code, report = swept(tmp_path, str(tmp_path / "c.dd"), *keys)
    assert code == 3
    assert report.verdict is Verdict.INCOMPLETE
    for coverage in (one for one in report.coverage if one.state is not State.SKIPPED):
        assert coverage.state is State.UNAVAILABLE
        assert [one.reason for one in coverage.reasons] == [reason]


def test_a_gap_in_a_folder_says_why(tmp_path: Path) -> None:
    (tmp_path / "case").mkdir()
    (tmp_path / "case/c.dd").write_bytes(locked(VOLUME, password=PASSWORD, on_write=True))
    code, report = swept(tmp_path, str(tmp_path / "case"))
    assert code == 3
    assert IN_PART in str(report.coverage)


def test_wrong_keys_end_it_before_it_begins(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "c.dd").write_bytes(VOLUME)
    keys = keys_file(tmp_path, "# of the laptop", RECOVERY[:-1] + "2")
    command = ["offline", str(tmp_path / "c.dd"), "--bitlocker-keys", str(keys)]
    assert main(command) == 2
    told = capsys.readouterr()
    assert "keys.txt, line 2: group 8 of the recovery password is mistyped" in told.err
    assert RECOVERY[:6] not in told.out + told.err
    keys.write_text(PASSWORD)
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    assert main(command) == 2
    assert "--bitlocker-keys needs libbde-python" in capsys.readouterr().err


def test_without_the_library_it_is_a_gap(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pybde", None)
    made = locked(VOLUME, password=PASSWORD, clear=True)
    for keys in ([KEYS["password"]], []):
        with pytest.raises(OSError, match=NO_LIBRARY):
            opened(made, *keys, path=tmp_path / "c.dd").plain()


class Torn:
    """A source of which some bytes are lacking."""

    def __init__(self, data: bytes, start: int, end: int) -> None:
        self.data, self.start, self.end = data, start, end
        self.size = len(data)

    def read_at(self, offset: int, size: int) -> bytes:
        if offset < self.end and offset + size > self.start:
            raise MediumError("EnCase image: chunk damaged", f"{offset:#x}")
        return self.data[offset : offset + size]

    def read_into(self, offset: int, view: memoryview) -> int:
        data = self.read_at(offset, len(view))
        view[: len(data)] = data
        return len(data)

    def close(self) -> None:
        pass


def test_bytes_that_the_medium_lacks_are_lacking_there_alone_and_in_its_words() -> None:
    plain = VOLUME[:512] + random.Random(3).randbytes(1 << 20)
    torn = Torn(locked(plain, password=PASSWORD), 500_224, 532_992)
    source = LockedVolume(lambda: torn, [KEYS["password"]]).plain()
    for _ in range(2):
        with pytest.raises(MediumError, match="chunk damaged"):
            source.read_at(499_712, 65_536)
        assert source.read_at(434_688, 65_536) == plain[434_688:500_224]
        assert source.read_at(532_992, 65_536) == plain[532_992 : 532_992 + 65_536]


def test_a_lacking_of_the_metadata_is_told_in_its_words() -> None:
    made = locked(VOLUME, password=PASSWORD)
    torn = Torn(made, len(VOLUME) + 100, len(made))
    with pytest.raises(MediumError, match="chunk damaged"):
        LockedVolume(lambda: torn, [KEYS["password"]]).plain()


def test_real_volumes_are_the_bytes_that_windows_wrote(tmp_path: Path) -> None:
    """A key of each sort; what cryptsetup does not read either is a gap."""
    volumes = unpacked_volumes(tmp_path)
    assert len(volumes) == 16
    kinds = set[str]()
    for number, real in enumerate(volumes):
        path = tmp_path / f"{real.name}.img"
        keys = keys_of(real, tmp_path)
        if not real.sha256:
            with pytest.raises(OSError, match="encrypted in part or as it is written to"):
                LockedVolume(lambda: FileSource(path.open("rb")), keys).plain()  # noqa: B023
            continue
        key = keys[number % len(keys)]
        for one in keys if key is not keys[0] else keys[:1]:
            volume = LockedVolume(lambda: FileSource(path.open("rb")), [one])  # noqa: B023
            assert volume.kind is not None
            kinds.add(f"{volume.kind.name} {volume.opened_by}")
        digest = hashlib.sha256()
        for data in whole(volume.plain()):
            digest.update(data)
        assert digest.hexdigest() == real.sha256, real.name
    assert kinds == {
        f"{kind} BitLocker volume, opened by a {sort}"
        for kind, sort in (
            ("NTFS volume", "password"), ("NTFS volume", "recovery password"),
            ("NTFS volume", "startup key"), ("FAT volume", "recovery password"),
            ("FAT volume", "password"),
        )
    }  # fmt: skip


def keys_of(real: RealVolume, folder: Path) -> list[VolumeKey]:
    keys = [VolumeKey(Sort.RECOVERY_PASSWORD, real.recovery)]
    if real.password:
        keys.append(VolumeKey(Sort.PASSWORD, real.password))
    if real.startup:
        keys.append(VolumeKey(Sort.STARTUP_KEY, str(folder / real.startup)))
    return keys
