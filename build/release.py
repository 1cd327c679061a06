#!/usr/bin/env python3
"""Make a release: the exe, the zip, and what proves them, in dist/release.

    python build/release.py              on Windows (python.org's Python): a release
    python3 build/release.py             on Linux: the same of a test build, by the Wine lab

SIGN='signtool sign /fd SHA256 /a'   (the file is added), or with {in} and {out} for a tool that
writes another file: signed copies lie in dist/release/signed. Two runs of one commit, in any two
folders, give the same bytes, signatures aside. What each file is for: docs/verify-a-release.md.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import platform
import shutil
import subprocess
import sys
import zipfile
from collections.abc import Mapping, Sequence
from pathlib import Path

HERE = Path(__file__).resolve().parent
REPOSITORY = HERE.parent
sys.path[:0] = [str(HERE), str(HERE / "wine")]

import bill_of_materials  # noqa: E402 (found by the line above)
import build_exe  # noqa: E402
import exe_contents  # noqa: E402
import provenance  # noqa: E402
import signing  # noqa: E402
from lab import Lab, LabError  # noqa: E402
from making import LOCK, RUNTIME_SHA256, RUNTIME_WHEEL  # noqa: E402

INPUTS = ("agent", "iocs", "build", "requirements/exe.lock", "setup.cfg", "LICENSE")
"""What goes into a release, in the repository."""

FORMS = {"build.json"}
"""Files of which each form of the exe has its own."""


class ReleaseError(Exception):
    """There is nothing that could be released."""


def commit_of(source: Path) -> str:
    """The commit that lies in a folder as it was committed; raises `ReleaseError`."""
    changed = _git(source, "status", "--porcelain", "--", *INPUTS)
    if changed:
        raise ReleaseError(f"not as committed, and a release names a commit:\n{changed}")
    return _git(source, "rev-parse", "HEAD")


def _git(source: Path, *words: str) -> str:
    command = ["git", "-C", str(source), *words]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise ReleaseError(f"git {words[0]}: {done.stderr.strip()}")
    return done.stdout.strip()


def digest_of(data: bytes) -> str:
    """SHA-256 in hex digits."""
    return hashlib.sha256(data).hexdigest()


def differences(one_file: bytes, archive: Path) -> list[str]:
    """What the zip does not have as the one-file exe has it: one bill speaks for both."""
    files = exe_contents.files(one_file)
    with zipfile.ZipFile(archive) as opened:
        inside = "iocsweep/_internal/"
        names = [name for name in opened.namelist() if name.startswith(inside)]
        beside = {name.removeprefix(inside): opened.read(name) for name in names}
        exe = opened.read("iocsweep/iocsweep.exe")
    pairs: list[tuple[Mapping[str, bytes], Mapping[str, bytes]]] = [
        (files, beside),
        (exe_contents.pure_modules(one_file), exe_contents.pure_modules(exe)),
        (exe_contents.scripts(one_file), exe_contents.scripts(exe)),
    ]
    return sorted(
        name
        for here, there in pairs
        for name in here.keys() | there.keys()
        if name not in FORMS and here.get(name) != there.get(name)
    )


def write_json(path: Path, value: object) -> None:
    """The same bytes for the same value."""
    text = json.dumps(value, indent=1, sort_keys=True, ensure_ascii=False)
    path.write_text(text + "\n", encoding="utf-8", newline="\n")


def write_sums(folder: Path) -> None:
    """SHA256SUMS of a folder, as `sha256sum --check` reads it."""
    lines = [
        f"{digest_of(path.read_bytes())}  {path.relative_to(folder).as_posix()}\n"
        for path in sorted(folder.rglob("*"))
        if path.is_file() and path.name != "SHA256SUMS"
    ]
    (folder / "SHA256SUMS").write_text("".join(lines), encoding="ascii", newline="\n")


def write_signed(command: str, built: build_exe.Built, out: Path, seconds: int) -> None:
    """Both exes, signed, and the zip with its own; raises `SigningError`."""
    signing.sign(command, built.one_file, out / built.one_file.name)
    apart = out / "one-dir.exe"
    signing.sign(command, built.one_dir, apart)
    folder = built.one_dir.parent
    inside = [path for path in folder.rglob("*") if path.is_file() and path != built.one_dir]
    files = [(path.relative_to(folder.parent).as_posix(), path) for path in inside]
    files.append((f"{folder.name}/{built.one_dir.name}", apart))
    build_exe.write_zip(out / built.archive.name, files, seconds)
    apart.unlink()


def purls_of(windows: build_exe.Windows, one_file: bytes) -> dict[str, str]:
    """What was installed to build: the pinned distributions and Python itself."""
    purls = {f"pkg:pypi/{name}@{pin}": "" for name, pin in bill_of_materials.pins_of(LOCK).items()}
    if windows.kind == "wine-test":
        purls[f"pkg:generic/python@{platform.python_version()}"] = ""  # the lab's standard library
        name, _, pin = RUNTIME_WHEEL.partition("==")
        purls[f"pkg:pypi/{name}@{pin}"] = RUNTIME_SHA256[
            f"{sys.version_info[0]}{sys.version_info[1]}"
        ]
    version, dll = bill_of_materials.python_inside(one_file)
    return {**purls, f"pkg:generic/python@{version}": digest_of(dll)}


def release(
    windows: build_exe.Windows, source: Path, out: Path, options: argparse.Namespace
) -> None:
    """Everything of a release, into a folder that is made anew; raises what its steps raise."""
    commit = commit_of(source)
    dist, work = REPOSITORY / "dist", REPOSITORY / ".cache/pyinstaller"
    built = build_exe.build(windows, source, dist, work, delivery=options.delivery)
    problems = build_exe.check(built, source)
    one_file = built.one_file.read_bytes()
    problems += [f"{name} differs in the zip" for name in differences(one_file, built.archive)]
    if problems:
        raise ReleaseError("\n".join(problems))
    pins = bill_of_materials.pins_of(LOCK)
    bill = bill_of_materials.bill(
        one_file, bill_of_materials.Origin(windows.site, windows.home, pins)
    )
    shutil.rmtree(out, ignore_errors=True)
    out.mkdir(parents=True)
    for path in (built.one_file, built.archive, built.one_dir.parent / "THIRD-PARTY.txt"):
        shutil.copyfile(path, out / path.name)
    write_json(out / "iocsweep.cdx.json", bill)
    seconds = build_exe.epoch(source)
    if options.sign:
        write_signed(options.sign, built, out / "signed", seconds)
    inputs = provenance.Inputs(
        kind=windows.kind,
        commit=commit,
        epoch=seconds,
        files={"requirements/exe.lock": digest_of(LOCK.read_bytes())},
        purls=purls_of(windows, one_file),
        delivery=digest_of(options.delivery.read_bytes()) if options.delivery else "",
    )
    made = {
        path.relative_to(out).as_posix(): digest_of(path.read_bytes())
        for path in out.rglob("*")
        if path.is_file()
    }
    write_json(out / "provenance.json", provenance.statement(inputs, made))
    write_sums(out)


def main(arguments: Sequence[str] | None = None) -> int:
    """The command line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--out", type=Path, default=REPOSITORY / "dist/release", metavar="DIR")
    parser.add_argument("--lab", type=Path, metavar="DIR", help="the Wine lab's folder (Linux)")
    parser.add_argument(
        "--delivery", type=Path, metavar="FILE", help="a delivery.yaml that goes into the exe"
    )
    parser.add_argument(
        "--sign", metavar="COMMAND", default=os.environ.get("SIGN", ""), help="default: $SIGN"
    )
    options = parser.parse_args(arguments)
    try:
        native = sys.platform == "win32"
        windows = build_exe.native() if native else build_exe.in_lab(Lab.make(options.lab))
        release(windows, REPOSITORY, options.out.resolve(), options)
    except (
        ReleaseError,
        build_exe.BuildError,
        bill_of_materials.BillError,
        signing.SigningError,
        exe_contents.NotAnArchiveError,
        LabError,
        OSError,
    ) as error:
        print(f"release.py: {error}", file=sys.stderr)
        return 1
    print(f"{windows.kind} build in {options.out}")
    print((options.out / "SHA256SUMS").read_text(encoding="ascii"), end="")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
