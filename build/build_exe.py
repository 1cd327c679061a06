#!/usr/bin/env python3
"""Build iocsweep for Windows: the one-file exe, the one-dir folder, and the folder's zip.

    python build/build_exe.py            on Windows (python.org's Python): a release build
    python3 build/build_exe.py           on Linux: a test build by the lab's Python under Wine
    python3 build/build_exe.py --check   only check what lies in dist/

The same input gives the same bytes. Nothing is built if nothing changed since the last build.
"""

from __future__ import annotations

import argparse
import configparser
import contextlib
import ctypes
import hashlib
import importlib.metadata
import json
import os
import re
import shutil
import subprocess
import sys
import sysconfig
import time
import zipfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

HERE = Path(__file__).resolve().parent
REPOSITORY = HERE.parent
sys.path[:0] = [str(HERE), str(HERE / "wine")]

import exe_contents  # noqa: E402 (found by the line above)
import shipping  # noqa: E402
from lab import Lab, LabError  # noqa: E402

FALLBACK_EPOCH = 1_700_000_000
COMPANY = "iocsweep"
STARTS = 3


class BuildError(Exception):
    """The build failed or made something that must not be shipped."""


@dataclass(frozen=True)
class Windows:
    """How Windows programs run here: natively, or in the lab.

    run: arguments, environment, seconds → code and output. path: a path as Windows sees it.
    inputs: a digest of the interpreter and its packages. home: the interpreter's own folder, with
    its DLLs; site: that of its packages.
    """

    python: Path
    home: Path
    site: Path
    kind: str
    inputs: str
    run: Callable[[Sequence[str | Path], dict[str, str], float], tuple[int, str]]
    path: Callable[[Path], str]


@dataclass(frozen=True)
class Built:
    """What a build made: the one-file exe, the one-dir build's exe, its zip."""

    one_file: Path
    one_dir: Path
    archive: Path


def native() -> Windows:
    """This very Windows. Wine's own Python gives test builds, whoever starts this."""

    def run(args: Sequence[str | Path], env: dict[str, str], seconds: float) -> tuple[int, str]:
        done = subprocess.run(
            [str(word) for word in args],
            env={**os.environ, **env},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            encoding="utf-8",
            errors="replace",
            timeout=seconds,
            check=False,
        )
        return done.returncode, done.stdout

    wine = hasattr(getattr(ctypes, "windll").ntdll, "wine_get_version")  # noqa: B009 (mypy on Linux)
    kind = "wine-test" if wine else "release"
    packages = sorted(f"{one.name}=={one.version}\n" for one in importlib.metadata.distributions())
    home, site = Path(sys.base_prefix), Path(sysconfig.get_paths()["purelib"])
    inputs = "".join((sys.version, *packages))
    return Windows(Path(sys.executable), home, site, kind, inputs, run, str)


def in_lab(lab: Lab) -> Windows:
    """The lab's Windows."""

    def run(args: Sequence[str | Path], env: dict[str, str], seconds: float) -> tuple[int, str]:
        done = lab.run_exe(args[0], args[1:], env=env, timeout=seconds)
        return done.returncode, done.stdout + done.stderr

    stamps = sorted((lab.root / "stamps").iterdir())
    inputs = "".join(path.name + path.read_text(encoding="ascii") for path in stamps)
    home, site = lab.python_home, lab.python_home / "Lib" / "site-packages"
    return Windows(lab.python_exe, home, site, "wine-test", inputs, run, lab.to_windows)


def version_of(source: Path) -> tuple[str, str]:
    """Version and description, as setup.cfg states them (`attr: module.name` is looked up)."""
    parser = configparser.ConfigParser()
    parser.read(source / "setup.cfg", encoding="utf-8")
    stated = parser.get("metadata", "version", fallback="")
    if stated.startswith("attr:"):
        module, _, name = stated.removeprefix("attr:").strip().rpartition(".")
        text = (source / module.replace(".", "/") / "__init__.py").read_text(encoding="utf-8")
        found = re.search(rf'(?m)^{name}(?:\s*:\s*\w+)?\s*=\s*["\']([^"\']+)["\']', text)
        stated = found[1] if found else ""
    if not re.match(r"\d+\.\d+\.\d+", stated):
        raise BuildError(f"{source / 'setup.cfg'}: no version of the form 1.2.3 ({stated!r})")
    description = parser.get("metadata", "description", fallback="IOC sweep agent")
    return stated, description.partition(":")[0]


def epoch(source: Path) -> int:
    """The time that goes into the files: SOURCE_DATE_EPOCH, else the last commit's."""
    if stated := os.environ.get("SOURCE_DATE_EPOCH"):
        return int(stated)
    with contextlib.suppress(OSError, ValueError):
        command = ["git", "-C", str(source), "log", "-1", "--format=%ct"]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        return int(done.stdout)
    return FALLBACK_EPOCH


def write_zip(target: Path, files: Sequence[tuple[str, Path]], seconds: int) -> None:
    """A deflated ZIP whose bytes depend on the content alone. files: name inside, path."""
    date = time.gmtime(max(seconds, 315_532_800))[:6]
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED, compresslevel=9) as archive:
        for name, path in sorted(files):
            info = zipfile.ZipInfo(name, date)
            info.compress_type = zipfile.ZIP_DEFLATED
            info.external_attr = 0o644 << 16
            info.create_system = 3
            archive.writestr(info, path.read_bytes(), compresslevel=9)


def _inputs_digest(
    source: Path, windows: Windows, seconds: int, delivery: Path | None = None
) -> str:
    total = hashlib.sha256(f"{windows.kind}\n{windows.inputs}\n{seconds}\n".encode())
    chosen = [
        source / "setup.cfg",
        source / "LICENSE",
        *HERE.glob("*.py"),
        *HERE.glob("*.spec"),
        *HERE.glob("*.manifest"),
        *HERE.glob("licences/*"),
    ]
    for folder in ("agent", "iocs"):
        chosen += (source / folder).rglob("*")
    for path in sorted(path for path in chosen if path.is_file()):
        if "__pycache__" not in path.parts:
            total.update(f"{path}\n{path.stat().st_size}\n".encode() + path.read_bytes())
    if delivery is not None:
        total.update(b"delivery\n" + delivery.read_bytes())
    return total.hexdigest()


def _order(
    source: Path, scratch: Path, windows: Windows, seconds: int, delivery: Path | None
) -> dict[str, object]:
    """What the spec is told, as plain values; makes the packed indicators."""
    packs = sorted((source / "iocs").glob("*.yaml"))
    if not packs:
        raise BuildError(f"no packs: {source / 'iocs'}/*.yaml")
    write_zip(scratch / "iocs.zip", [(path.name, path) for path in packs], seconds)
    version, description = version_of(source)
    modules = (
        path.relative_to(source).with_suffix("") for path in (source / "agent").rglob("*.py")
    )
    names = {".".join(path.parts).removesuffix(".__init__") for path in modules}
    data = [(windows.path(path), "agent") for path in sorted((source / "agent").glob("*.json"))]
    if delivery is not None:
        shutil.copyfile(delivery, scratch / "delivery.yaml")
        data.append((windows.path(scratch / "delivery.yaml"), "."))
    return {
        "build": windows.kind,
        "company": COMPANY,
        "data": data,
        "description": description,
        "entry": windows.path(source / "agent" / "__main__.py"),
        # PyNaCl's binary imports cffi's: no line of Python says so.
        "hidden": sorted((names - {"agent.__main__"}) | {"_cffi_backend"}),
        "licence": "Apache-2.0; see THIRD-PARTY.txt for what is inside",
        "packs": windows.path(scratch / "iocs.zip"),
        "scratch": windows.path(scratch),
        "source": windows.path(source),
        "version": version,
    }


def build(
    windows: Windows,
    source: Path,
    dist: Path,
    work: Path,
    *,
    delivery: Path | None = None,
    force: bool = False,
) -> Built:
    """Build both forms into `dist`; raises `BuildError` with PyInstaller's last lines.

    delivery: the settings file that says where this build's reports go (README, "delivery.yaml").
    """
    seconds = epoch(source)
    version, _ = version_of(source)
    archive = dist / f"iocsweep-{version}-windows-x64.zip"
    built = Built(dist / "iocsweep.exe", dist / "iocsweep" / "iocsweep.exe", archive)
    stamp, digest = dist / "inputs.sha256", _inputs_digest(source, windows, seconds, delivery)
    there = all(path.is_file() for path in (built.one_file, built.one_dir, archive, stamp))
    if there and not force and stamp.read_text(encoding="ascii") == digest:
        return built
    stamp.unlink(missing_ok=True)
    shutil.rmtree(work, ignore_errors=True)
    work.mkdir(parents=True)
    dist.mkdir(parents=True, exist_ok=True)
    order = work / "order.json"
    order.write_text(json.dumps(_order(source, work, windows, seconds, delivery)), encoding="utf-8")
    folders = ["--workpath", windows.path(work / "pyinstaller"), "--distpath", windows.path(dist)]
    options = ["--noconfirm", "--clean", *folders, windows.path(HERE / "iocsweep.spec")]
    environment = {
        "IOCSWEEP_BUILD": windows.path(order),
        "PYINSTALLER_CONFIG_DIR": windows.path(work / "configuration"),
        "PYTHONHASHSEED": "1",
        "SOURCE_DATE_EPOCH": str(seconds),
    }
    command: list[str | Path] = [windows.python, "-m", "PyInstaller", *options]
    code, output = windows.run(command, environment, 1200)
    (work / "pyinstaller.log").write_text(output, encoding="utf-8")
    if code or not built.one_file.is_file() or not built.one_dir.is_file():
        tail = "\n".join(output.strip().splitlines()[-20:])
        raise BuildError(f"PyInstaller ended with {code}:\n{tail}")
    shutil.copyfile(work / "THIRD-PARTY.txt", built.one_dir.parent / "THIRD-PARTY.txt")
    if (source / "LICENSE").is_file():
        shutil.copyfile(source / "LICENSE", built.one_dir.parent / "LICENSE")
    inside = [path for path in built.one_dir.parent.rglob("*") if path.is_file()]
    write_zip(archive, [(path.relative_to(dist).as_posix(), path) for path in inside], seconds)
    stamp.write_text(digest, encoding="ascii")
    return built


def start_up(windows: Windows, exe: Path) -> float:
    """Seconds that `exe --version` takes, the best of a few; raises `BuildError` if it fails."""
    times = []
    for _ in range(STARTS):
        start = time.perf_counter()
        code, output = windows.run([exe, "--version"], {}, 120)
        times.append(time.perf_counter() - start)
        if code:
            raise BuildError(f"{exe} --version ended with {code}:\n{output[-2000:]}")
    return min(times)


def check(built: Built, source: Path) -> list[str]:
    """Why this build must not be shipped; empty if nothing is wrong."""
    version, _ = version_of(source)
    folders = sorted({str(REPOSITORY), str(source)})
    exes = [
        f"{exe}: {problem}"
        for exe in (built.one_file, built.one_dir)
        for problem in shipping.check(exe, source / "iocs", version, folders)
    ]
    return exes + shipping.check_archive(built.archive, source / "iocs")


def main(arguments: Sequence[str] | None = None) -> int:
    """The command line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--dist", type=Path, default=REPOSITORY / "dist", metavar="DIR")
    parser.add_argument(
        "--work", type=Path, default=REPOSITORY / ".cache/pyinstaller", metavar="DIR"
    )
    parser.add_argument("--source", type=Path, default=REPOSITORY, metavar="DIR")
    parser.add_argument("--lab", type=Path, metavar="DIR", help="the Wine lab's folder (Linux)")
    parser.add_argument(
        "--delivery", type=Path, metavar="FILE", help="a delivery.yaml that goes into the exe"
    )
    parser.add_argument("--force", action="store_true", help="build though nothing changed")
    parser.add_argument("--check", action="store_true", help="build nothing, check dist/")
    options = parser.parse_args(arguments)
    source, dist = options.source.resolve(), options.dist.resolve()
    try:
        if options.check:
            version, _ = version_of(source)
            archive = dist / f"iocsweep-{version}-windows-x64.zip"
            built = Built(dist / "iocsweep.exe", dist / "iocsweep" / "iocsweep.exe", archive)
        else:
            windows = native() if sys.platform == "win32" else in_lab(Lab.make(options.lab))
            start = time.perf_counter()
            built = build(
                windows,
                source,
                dist,
                options.work.resolve(),
                delivery=options.delivery,
                force=options.force,
            )
            print(f"{windows.kind} build in {time.perf_counter() - start:.1f} s")
            for path in (built.one_file, built.one_dir, built.archive):
                digest = hashlib.sha256(path.read_bytes()).hexdigest()
                print(f"  {path.stat().st_size:>12,} bytes  sha256 {digest}  {path}")
            for path in (built.one_file, built.one_dir):
                print(f"  starts in {start_up(windows, path):.2f} s  {path}")
        problems = check(built, source)
    except (BuildError, LabError, OSError, exe_contents.NotAnArchiveError) as error:
        print(f"build_exe.py: {error}", file=sys.stderr)
        return 1
    for problem in problems:
        print(f"build_exe.py: {problem}", file=sys.stderr)
    return 1 if problems else 0


if __name__ == "__main__":
    raise SystemExit(main())
