from __future__ import annotations

from pathlib import Path

import pytest

from agent.targets.volume_keys import MAX_KEYS, KeysError, Sort, read_keys
from tests.evidence.bitlocker import RECOVERY
from tests.evidence.encrypted import as_pem, rsa_key, server_config


def written(folder: Path, text: str, encoding: str = "utf-8") -> Path:
    path = folder / "keys.txt"
    path.write_bytes(text.encode(encoding))
    return path


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
def test_one_key_a_line(tmp_path: Path, encoding: str) -> None:
    (tmp_path / "A.BEK").write_bytes(b"key")
    lines = f"# of the laptop\r\n\r\n  {RECOVERY}\r\npässword\r\nA.BEK\r\npässword\r\n"
    keys = read_keys(written(tmp_path, lines, encoding))
    assert [(key.sort, key.secret) for key in keys] == [
        (Sort.RECOVERY_PASSWORD, RECOVERY),
        (Sort.PASSWORD, "pässword"),
        (Sort.STARTUP_KEY, str(tmp_path / "A.BEK")),
    ]


def test_private_keys_come_from_files_of_theirs_or_are_the_file(tmp_path: Path) -> None:
    (tmp_path / "A.pem").write_text(as_pem(rsa_key()), encoding="utf-8")
    (tmp_path / "server.config.yaml").write_text(server_config(rsa_key()), encoding="utf-8")
    keys = read_keys(written(tmp_path, "password\nA.pem\nserver.config.yaml\n"))
    assert [key.sort for key in keys] == [Sort.PASSWORD, *[Sort.PRIVATE_KEY] * 3]
    assert keys[1].secret == as_pem(rsa_key()).strip()
    assert read_keys(tmp_path / "server.config.yaml") == keys[2:]
    assert read_keys(tmp_path / "A.pem") == keys[1:2]
    assert repr(keys[1]) == "<private key>"


def test_a_private_key_that_cannot_be_used_is_told_by_its_line(tmp_path: Path) -> None:
    (tmp_path / "A.pem").write_text(as_pem(rsa_key(), password="hunter2"), encoding="utf-8")
    (tmp_path / "B.key").write_text("hunter2", encoding="utf-8")
    damaged = "-----BEGIN PRIVATE KEY-----\nhunter2=\n-----END PRIVATE KEY-----\n"
    (tmp_path / "C.yml").write_text(damaged, encoding="utf-8")
    for text, why in {
        "A.pem": "line 1: private key that is protected by a password",
        "x\nB.key": "line 2: no private key in the file",
        "C.yml": "line 1: private key that is damaged, or none of RSA",
        "hunter2.pem": "line 1: the private key: No such file",
    }.items():
        with pytest.raises(KeysError, match=why) as caught:
            read_keys(written(tmp_path, text))
        assert "hunter2" not in str(caught.value)
    with pytest.raises(KeysError, match=r"A\.pem: private key that is protected"):
        read_keys(tmp_path / "A.pem")


def test_a_key_is_never_shown(tmp_path: Path) -> None:
    keys = read_keys(written(tmp_path, f"hunter2hunter2\n{RECOVERY}"))
    assert str(keys) == repr(keys) == f"{keys}" == "(<password>, <recovery password>)"


@pytest.mark.parametrize(
    ("text", "why"),
    [
        (f"hunter2hunter2\n\n{RECOVERY[:-1]}2\n", "line 3: group 8 of the recovery password"),
        ("hunter2hunter2\nhunter2.bek", "line 2: the startup key: No such file"),
        ("hunter2" * 50, "line 1: no password"),
        ("hunter2\x01", "line 1: no password"),
        ("# hunter2\n\n", "no key in it"),
        ("\n".join(f"hunter2{n}" for n in range(MAX_KEYS + 1)), "more than 1,000 keys"),
        ("hunter2\n" * (1 << 18), "larger than"),
    ],
    ids=["mistyped", "no file", "long", "odd", "none", "many", "large"],
)
def test_a_file_that_cannot_be_used_is_told_by_its_line(
    tmp_path: Path, text: str, why: str
) -> None:
    with pytest.raises(KeysError, match=why) as caught:
        read_keys(written(tmp_path, text))
    told = str(caught.value)
    assert "keys.txt" in told
    assert "hunter2" not in told
    assert RECOVERY[:6] not in told
    assert caught.value.__suppress_context__ or caught.value.__context__ is None


def test_a_file_that_is_no_text_or_not_there(tmp_path: Path) -> None:
    (tmp_path / "keys.txt").write_bytes(b"\xff\x00hunter2")
    with pytest.raises(KeysError, match="neither UTF-8 nor UTF-16"):
        read_keys(tmp_path / "keys.txt")
    with pytest.raises(KeysError, match="No such file"):
        read_keys(tmp_path / "nowhere.txt")
