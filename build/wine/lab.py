#!/usr/bin/env python3
"""The Wine lab: real Windows binaries on Linux, made from Debian's packages and PyPI alone.

Makes, under one cache folder, a Windows CPython of the running interpreter's minor version, a Wine
prefix, and the agent's Windows wheels, so that the exe can be built and run without Windows:

    python3 build/wine/lab.py                      make what is missing
    python3 build/wine/lab.py python -m pytest …   run the Windows Python
    python3 build/wine/lab.py run dist/iocsweep.exe --version
    python3 build/wine/lab.py kill                 end everything that runs in the prefix

Every step is stamped with a digest of what it was made from and is done again when that changes.
Wine is not Windows: see build/README.md for what a pass here does not prove.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from io import BufferedReader
from pathlib import Path
from typing import BinaryIO, cast

from compiling import compile_dll, compile_pe
from making import HERE, REPOSITORY, Maker
from wine import LabError, Wine, checked, program

__all__ = ["TEST_DLLS", "Lab", "LabError"]

TEST_DLLS = {
    "point_function_call": ["PointFunctionCall"],
    "look_alike": ["DLLMain"],
    "dnsapi": [
        "DnsFree",
        "DnsGetCacheDataTable",
        "DnsNameCompare_W",
        "DnsQueryConfig",
        "DnsQuery_A",
        "DnsQuery_UTF8",
        "DnsQuery_W",
        "DnsRecordListFree",
    ],
}
"""C files beside this one and what they export; all harmless, each says what it is for."""


@dataclass(frozen=True)
class Lab(Wine):
    """A made lab: Wine with a Windows Python. `Lab.make()` gives one; every path is absolute.

    root: cache folder; python_home: the Windows Python; prefix: the WINEPREFIX in use.
    """

    root: Path
    python_home: Path

    @classmethod
    def at(cls, root: Path | None = None) -> Lab:
        """The lab of a cache folder, made or not (`$IOCSWEEP_LAB`, else `.cache/wine`)."""
        chosen = root or Path(os.environ.get("IOCSWEEP_LAB") or REPOSITORY / ".cache" / "wine")
        root = chosen.resolve()
        home = root / f"python-{sys.version_info[0]}.{sys.version_info[1]}"
        return cls(prefix=root / "prefix", root=root, python_home=home)

    @classmethod
    def make(cls, root: Path | None = None) -> Lab:
        """Make whatever is missing or out of date, and give the lab.

        Raises `LabError`. Safe to call from several processes: they wait for each other.
        """
        if sys.platform != "linux":
            raise LabError("the Wine lab is for Linux; on Windows use python.org's Python")
        lab = cls.at(root)
        Maker(lab.root, lab.python_home, Wine(lab.prefix)).make()
        return lab

    def python(
        self,
        args: Sequence[str | Path],
        env: Mapping[str, str] | None = None,
        cwd: Path | None = None,
        timeout: float | None = 120,
    ) -> subprocess.CompletedProcess[str]:
        """Run the Windows Python with `args`."""
        return self.run_exe(self.python_exe, args, env=env, cwd=cwd, timeout=timeout)

    @property
    def python_exe(self) -> Path:
        """The Windows `python.exe` (a Linux path)."""
        return self.python_home / "python.exe"

    def test_dll(self, name: str, out: Path | None = None, size: int | None = None) -> Path:
        """One of `TEST_DLLS`, compiled (to `dlls/` in the cache folder if `out` is not given)."""
        target = out or self.root / "dlls" / f"{name}.dll"
        libraries = ["ntdll"] if name == "dnsapi" else []
        return compile_dll(HERE / f"{name}.c", TEST_DLLS[name], target, size, libraries)

    def test_loader(self, out: Path) -> Path:
        """A program whose version resource says RUNDLL32.EXE, under any name."""
        resource = self.root / "dlls" / "loader.res.o"
        resource.parent.mkdir(parents=True, exist_ok=True)
        windres = program("x86_64-w64-mingw32-windres", "binutils-mingw-w64-x86-64")
        checked([windres, HERE / "loader.rc", resource], "the loader's version resource")
        compile_pe(["-municode", HERE / "loader.c", resource], out)
        return out

    @staticmethod
    def compile_dll(
        source: Path,
        exports: Sequence[str],
        out: Path,
        size: int | None = None,
        libraries: Sequence[str] = (),
    ) -> Path:
        """Compile a C file to a DLL that exports exactly `exports`; see `compiling.compile_dll`."""
        return compile_dll(source, exports, out, size, libraries)


def _forward(stream: BufferedReader, target: BinaryIO) -> None:
    while data := stream.read1(65536):
        target.write(data)
        target.flush()


def _run_through(process: subprocess.Popen[bytes]) -> int:
    """Pass a program's output on while it runs; its exit code."""
    pairs = ((process.stdout, sys.stdout.buffer), (process.stderr, sys.stderr.buffer))
    threads = [
        threading.Thread(target=_forward, args=(cast("BufferedReader", stream), target))
        for stream, target in pairs
    ]
    for thread in threads:
        thread.start()
    try:
        code = process.wait()
    except KeyboardInterrupt:
        process.kill()
        code = 130
    for thread in threads:
        thread.join(timeout=10)
    return code


def main(arguments: Sequence[str] | None = None) -> int:
    """The command line: makes the lab, then does one thing with it."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "--lab", type=Path, metavar="DIR", help="cache folder (default .cache/wine)"
    )
    actions = ["make", "python", "run", "kill"]
    parser.add_argument("action", nargs="?", default="make", choices=actions)
    parser.add_argument("rest", nargs=argparse.REMAINDER, help="the program's arguments")
    options = parser.parse_args(arguments)
    try:
        if options.action == "kill":
            Lab.at(options.lab).kill_all()
            return 0
        lab = Lab.make(options.lab)
        if options.action == "python":
            return _run_through(lab.popen([lab.python_exe, *options.rest]))
        if options.action == "run":
            if not options.rest:
                parser.error("run needs a program")
            return _run_through(lab.popen(options.rest))
        print((lab.root / "READY").read_text(encoding="utf-8"), end="")
    except LabError as error:
        print(f"lab.py: {error}", file=sys.stderr)
        return 2
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
