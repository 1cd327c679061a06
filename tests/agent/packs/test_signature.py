"""A signed pack is taken as it was signed; altered in any place it is refused, with where."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from agent import cli
from agent.packs import beside_exe
from agent.packs.built_in import exclusions_in_use, load_packs
from agent.packs.document import PackError
from agent.packs.signature import signature_of, signature_of_rules, verified
from agent.signing.keys import PrivateKey

KEY, OTHER = PrivateKey(bytes(32)), PrivateKey(b"\x01" * 32)
PACK = b"""\
pack: iocsweep.pack/1
id: test
version: 1
title: A test
references:
  R1: somebody's report
  R2: another's
indicators:
  - {id: one, type: file_name, value: evil.dat, strength: weak, status: SRC, reference: [R1]}
  - {id: two, type: file_name, value: worse.dat, strength: weak, status: SRC, reference: [R1]}
  - {id: three, type: domain, value: evil.example, strength: weak, status: SRC, reference: [R2]}
"""


def signed(folder: Path, data: bytes = PACK, name: str = "mine.yaml") -> Path:
    path = folder / name
    path.write_bytes(data)
    (folder / f"{name}.sig").write_bytes(signature_of(str(path), data, KEY))
    return path


def refusal(path: Path, data: bytes, key: PrivateKey = KEY) -> str:
    path.write_bytes(data)
    with pytest.raises(PackError) as caught:
        load_packs([], [path], (), [key.public])
    return str(caught.value)


def test_what_was_signed_is_taken_and_the_report_names_the_key(tmp_path: Path) -> None:
    path = signed(tmp_path)
    (pack,) = load_packs([], [path], (), [OTHER.public, KEY.public])
    assert pack.reference().signed_by == KEY.public.id
    (pack,) = load_packs([], [path])
    assert pack.reference().signed_by == ""


@pytest.mark.parametrize(
    ("old", "new", "where"),
    [
        (b"worse.dat", b"worst.dat", "10: indicator two was changed"),
        (b"status: SRC, reference: [R2]", b"status: INF, reference: [R2]",
         "11: indicator three was changed"),
        (PACK.splitlines(keepends=True)[9], b"", "10: indicator number 2 was removed"),
        (b"somebody's", b"anybody's", "6: references was changed"),
        (b"version: 1", b"version: 2", "3: version was changed"),
        (b"title: A test\n", b"title: A test\nactor: somebody\n", "5: actor: not as it was"),
        (b"title: A test\n", b"title: A test # fine\n", " line 4 was changed since it was signed"),
    ],
)  # fmt: skip
def test_one_value_changed_is_refused_with_its_place(
    tmp_path: Path, old: bytes, new: bytes, where: str
) -> None:
    path = signed(tmp_path)
    assert PACK.count(old) == 1
    said = refusal(path, PACK.replace(old, new))
    assert said.startswith(f"{path}:{where}")
    assert KEY.public.id in said


def test_an_indicator_that_was_added_and_two_that_were_swapped_are_named(tmp_path: Path) -> None:
    path = signed(tmp_path)
    lines = PACK.splitlines(keepends=True)
    more = lines[8].replace(b"id: one", b"id: four").replace(b"evil.dat", b"notepad.exe")
    assert f"{path}:10: indicator four was added" in refusal(
        path, b"".join([*lines[:9], more, *lines[9:]])
    )
    swapped = b"".join([*lines[:8], lines[10], lines[9], lines[8]])
    assert f"{path}:9: indicators three and one were swapped" in refusal(path, swapped)


def test_in_json_of_one_line_the_indicator_is_named(tmp_path: Path) -> None:
    document = {
        "pack": "iocsweep.pack/1", "id": "test", "version": "1", "title": "A test",
        "references": {"R1": "somebody's report"},
        "indicators": [
            {"id": f"n{n}", "type": "file_name", "value": f"evil{n}.dat", "strength": "weak",
             "status": "SRC", "reference": ["R1"]}
            for n in range(50)
        ],
    }  # fmt: skip
    data = json.dumps(document).encode()
    path = signed(tmp_path, data, "mine.json")
    said = refusal(path, data.replace(b"evil31.dat", b"evil99.dat"))
    assert f"{path}:1: indicator n31 was changed" in said


def test_what_is_no_document_any_more_is_refused_with_the_line(tmp_path: Path) -> None:
    path = signed(tmp_path)
    said = refusal(path, PACK.replace(b"title: A test", b"title: [A test"))
    assert "line 4 was changed" in said


def test_without_a_signature_or_by_another_key_it_is_refused(tmp_path: Path) -> None:
    path = signed(tmp_path)
    assert f"is signed by another key, {KEY.public.id}" in refusal(path, PACK, OTHER)
    (tmp_path / "mine.yaml.sig").unlink()
    assert refusal(path, PACK) == f"{path}: is not signed: there is no mine.yaml.sig beside it"


def test_an_altered_signature_is_told_from_an_altered_pack(tmp_path: Path) -> None:
    path = signed(tmp_path)
    sig = tmp_path / "mine.yaml.sig"
    good = sig.read_bytes()
    found = json.loads(good)
    for name, value in (("sha256", "0" * 64), ("signature", "0" * 128), ("line_digests", "")):
        bad = json.dumps({**found, name: value}, separators=(",", ":")).encode() + b"\n"
        sig.write_bytes(bad)
        assert refusal(path, PACK).startswith(f"{sig}: was altered"), name
    for junk in (b"", b"{}", b"\xff", good[:-2], good + b"\n", good.replace(b"Ed25519", b"ed\n")):
        sig.write_bytes(junk)
        assert str(sig) in refusal(path, PACK), junk


@given(at=st.integers(0, len(PACK) - 1), bit=st.integers(0, 7))
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_any_changed_bit_is_refused(tmp_path: Path, at: int, bit: int) -> None:
    path = signed(tmp_path)
    data = bytearray(PACK)
    data[at] ^= 1 << bit
    with pytest.raises(PackError, match=r"mine\.yaml"):
        verified(path, bytes(data), [KEY.public])


def test_with_a_pinned_key_a_sweep_does_not_begin_with_an_altered_pack(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path, key = signed(tmp_path), tmp_path / "k.pub"
    key.write_text(KEY.public.pem())
    out = tmp_path / "out"
    sweep = ["offline", str(tmp_path), "--only", "files", "--only-pack", str(path),
             "--pack-key", str(key), "--out", str(out)]  # fmt: skip
    path.write_bytes(PACK.replace(b"worse.dat", b"worst.dat"))
    assert cli.main(sweep) == 2
    assert f"{path}:10: indicator two was changed" in capsys.readouterr().err
    assert not out.exists()
    path.write_bytes(PACK)
    assert cli.main(sweep) == 0
    (report,) = out.glob("*.json")
    assert json.loads(report.read_bytes())["packs"][0]["signed_by"] == KEY.public.id


def test_what_lies_beside_the_exe_has_to_be_signed_too(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "frozen", True, raising=False)
    monkeypatch.setattr(sys, "executable", str(tmp_path / "iocsweep"))
    monkeypatch.setattr(beside_exe, "_WINDOWS", False)
    rule = b"""\
exclusions: iocsweep.exclusions/1
version: 1
rules:
  - {id: mine, title: t, reason: r, when: {process: [backup.exe]}}
"""
    path = tmp_path / "exclusions.yaml"
    path.write_bytes(rule)
    assert exclusions_in_use()[0].rules[0].id == "mine"
    with pytest.raises(PackError, match="is not signed"):
        exclusions_in_use((), [KEY.public])
    signed(tmp_path, rule, path.name)
    assert exclusions_in_use((), [KEY.public])[0].rules[0].id == "mine"
    (tmp_path / "cyzfc.yaml").write_bytes(PACK)
    with pytest.raises(PackError, match="is not signed"):
        load_packs((), (), (), [KEY.public])


def test_the_commands_make_keys_sign_and_verify(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    key, pack = tmp_path / "key", tmp_path / "mine.yaml"
    pack.write_bytes(PACK)
    assert cli.main(["packs", "keygen", "--out", str(key)]) == 0
    assert cli.main(["packs", "keygen", "--out", str(key)]) == 2
    assert f"{key}: is there already" in capsys.readouterr().err
    sign = ["packs", "sign", str(pack), "--key", str(key)]
    verify = ["packs", "verify", str(pack), "--pubkey", f"{key}.pub"]
    assert cli.main(verify) == 2
    assert cli.main(sign) == 0
    assert cli.main(sign) == 2
    assert "--force replaces it" in capsys.readouterr().err
    assert cli.main([*sign, "--force"]) == 0
    assert cli.main(verify) == 0
    assert f"{pack}: as it was signed by the key " in capsys.readouterr().out
    pack.write_bytes(PACK + b"\n")
    assert cli.main(verify) == 2
    assert "line 13 was added" in capsys.readouterr().err


def test_half_a_key_pair_is_not_left_behind(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    key = tmp_path / "key"
    (tmp_path / "key.pub").touch()
    assert cli.main(["packs", "keygen", "--out", str(key)]) == 2
    assert f"{key}.pub: is there already" in capsys.readouterr().err
    assert not key.exists()


def test_only_what_a_sweep_would_load_is_signed(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    key, bad = tmp_path / "key", tmp_path / "bad.yaml"
    key.write_text(KEY.pem())
    bad.write_bytes(PACK.replace(b"type: domain", b"type: nothing"))
    assert cli.main(["packs", "sign", str(bad), "--key", str(key)]) == 2
    assert f"{bad}:11" in capsys.readouterr().err
    assert not (tmp_path / "bad.yaml.sig").exists()


RULES = b"""\
rule one { strings: $a = "evil-loader-one" condition: $a }
rule two { strings: $a = "evil-loader-two" condition: $a }
"""


def rules_signed(path: Path, data: bytes = RULES) -> Path:
    path.write_bytes(data)
    key = path.parent / "key"
    key.write_text(KEY.pem())
    assert cli.main(["packs", "sign", str(path), "--key", str(key), "--force"]) == 0
    return path


def swept_by(rules: Path, folder: Path) -> int:
    """The exit code of a sweep of the folder ``home`` that pins the key."""
    pinned, home = folder / "k.pub", folder / "home"
    pinned.write_text(KEY.public.pem())
    home.mkdir(exist_ok=True)
    (home / "a.txt").write_bytes(b"evil-loader-one")
    return cli.main(["offline", str(home), "--only", "files", "--rules", str(rules),
                     "--pack-key", str(pinned), "--out", str(folder / "out")])  # fmt: skip


def test_with_a_pinned_key_rules_are_taken_as_they_were_signed_alone(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    rules = tmp_path / "mine.yar"
    rules.write_bytes(RULES)
    assert swept_by(rules, tmp_path) == 2
    assert f"{rules}: is not signed: there is no mine.yar.sig" in capsys.readouterr().err
    rules_signed(rules)
    assert swept_by(rules, tmp_path) == 1
    capsys.readouterr()
    rules.write_bytes(RULES.replace(b"evil-loader-two", b"good-loader-two"))
    assert swept_by(rules, tmp_path) == 2
    assert f"{rules}:2: line 2 was changed since it was signed" in capsys.readouterr().err


def test_rules_in_a_folder_and_those_that_are_included_are_signed_each(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = tmp_path / "rules"
    (folder / "more").mkdir(parents=True)
    rules_signed(folder / "a.yar", RULES + b'include "more/b.inc"\n')
    other = RULES.replace(b"rule one", b"rule three").replace(b"rule two", b"rule four")
    (folder / "more/b.inc").write_bytes(other)
    capsys.readouterr()
    assert swept_by(folder, tmp_path) == 2
    assert f"{folder / 'more/b.inc'}: is not signed" in capsys.readouterr().err
    rules_signed(folder / "more/b.inc", other)
    assert swept_by(folder, tmp_path) == 1
    (folder / "more/c.yar").write_bytes(other)
    capsys.readouterr()
    assert swept_by(folder, tmp_path) == 2
    assert f"{folder / 'more/c.yar'}: is not signed" in capsys.readouterr().err


def test_rules_are_verified_as_packs_are_and_none_is_signed_that_cannot_run(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    rules, pinned = rules_signed(tmp_path / "mine.yar"), tmp_path / "k.pub"
    pinned.write_text(KEY.public.pem())
    verify = ["packs", "verify", str(rules), "--pubkey", str(pinned)]
    assert cli.main(verify) == 0
    rules.write_bytes(RULES + RULES)
    assert cli.main(verify) == 2
    assert "were added since it was signed" in capsys.readouterr().err
    bad = tmp_path / "bad.yar"
    bad.write_bytes(b"rule one { condition: nothing }")
    assert cli.main(["packs", "sign", str(bad), "--key", str(tmp_path / "key")]) == 2
    assert f"{bad}: no rule in it can run" in capsys.readouterr().err
    assert not (tmp_path / "bad.yar.sig").exists()


def test_a_signature_of_rules_is_none_of_a_pack(tmp_path: Path) -> None:
    path = tmp_path / "mine.yaml"
    path.write_bytes(RULES)
    (tmp_path / "mine.yaml.sig").write_bytes(signature_of_rules(RULES, KEY))
    assert "lines 1 to 11 were replaced since it was signed" in refusal(path, PACK)
    assert "YARA rules go to --rules" in refusal(path, RULES)
