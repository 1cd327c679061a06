"""Running Windows programs under Wine, in one prefix: environment, processes, drives, paths."""

from __future__ import annotations

import os
import selectors
import shutil
import subprocess
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path, PureWindowsPath
from typing import Self


class LabError(Exception):
    """Something the lab needs is missing or wrong; the message names what and where."""


def program(name: str, package: str, *elsewhere: str) -> Path:
    """The path of a program, looked up on PATH, then in `elsewhere`."""
    for candidate in (shutil.which(name), *elsewhere):
        if candidate and os.access(candidate, os.X_OK):
            return Path(candidate)
    places = ", ".join(("PATH", *elsewhere))
    raise LabError(
        f"{name} not found ({places}); it is in the Debian package {package}"
        " (all are in build/wine/packages.txt)"
    )


def checked(
    command: Sequence[str | Path],
    what: str,
    env: Mapping[str, str] | None = None,
    timeout: float | None = 600,
) -> str:
    """Run a Linux program; its output, or a `LabError` that shows the last lines it said."""
    done = subprocess.run(
        [str(word) for word in command],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        errors="replace",
        env=env,
        timeout=timeout,
        check=False,
    )
    if done.returncode:
        tail = "\n".join(done.stdout.strip().splitlines()[-12:])
        raise LabError(f"{what} failed ({command[0]} ended with {done.returncode}):\n{tail}")
    return done.stdout


def wine_loader() -> Path:
    """Wine's 64-bit loader; Debian keeps it out of PATH, and its `wine` script prefers 32 bit."""
    return program("wine64", "wine64", "/usr/lib/wine/wine64", "/usr/bin/wine")


def wineserver() -> Path:
    """The server itself: Debian's script would start it anew for every single program."""
    return program("wineserver64", "wine64", "/usr/lib/wine/wineserver64", "/usr/bin/wineserver")


def output_of(process: subprocess.Popen[bytes], timeout: float | None) -> tuple[bytes, bytes]:
    """What a program writes to its two pipes until it ends; waits for `timeout` seconds at most.

    Not until the pipes are closed: the first program that needs Wine's desktop starts it
    (explorer.exe), which inherits them and stays as long as any program of the prefix does.
    Raises `subprocess.TimeoutExpired`, and leaves the program running.
    """
    deadline = None if timeout is None else time.monotonic() + timeout
    written: list[bytearray] = []
    ended = os.pidfd_open(process.pid)
    try:
        with selectors.DefaultSelector() as selector:
            selector.register(ended, selectors.EVENT_READ)
            for stream in (process.stdout, process.stderr):
                assert stream is not None
                os.set_blocking(stream.fileno(), False)
                written.append(bytearray())
                selector.register(stream, selectors.EVENT_READ, written[-1])
            over = False
            while not over:
                left = None if deadline is None else deadline - time.monotonic()
                if left is not None and left <= 0:
                    raise subprocess.TimeoutExpired(process.args, timeout or 0)
                over = any(key.fd == ended for key, _ in selector.select(left))
                for key in list(selector.get_map().values()):
                    if key.fd != ended and _is_at_its_end(key.fd, key.data):
                        selector.unregister(key.fileobj)
    finally:
        os.close(ended)
    out, err = written
    return bytes(out), bytes(err)


def _is_at_its_end(pipe: int, written: bytearray) -> bool:
    """Takes what is in a pipe that does not block; whether nobody can write any more."""
    with suppress(BlockingIOError):
        while data := os.read(pipe, 1 << 16):
            written += data
        return True
    return False


@dataclass(frozen=True)
class Wine:
    """A WINEPREFIX and how programs run in it. prefix: an absolute Linux path."""

    prefix: Path

    def environment(
        self, extra: Mapping[str, str] | None = None, dll_overrides: Mapping[str, str] | None = None
    ) -> dict[str, str]:
        """The environment of a program under Wine: ours, less what would steer Python or Wine.

        dll_overrides: for example `{"dnsapi": "n,b"}` to prefer a DLL beside the program.
        """
        ours = ("PYTHON", "PIP_", "VIRTUAL_ENV", "WINE", "LC_", "COVERAGE_", "PYTEST_")
        env = {key: value for key, value in os.environ.items() if not key.startswith(ours)}
        overrides = {"mscoree": "d", "mshtml": "d", **(dll_overrides or {})}
        env.update(
            WINEPREFIX=str(self.prefix),
            WINEDEBUG="-all",
            WINEDLLOVERRIDES=";".join(f"{name}={order}" for name, order in overrides.items()),
            WINELOADER=str(wine_loader()),
            WINESERVER=str(wineserver()),
            # Without a UTF-8 locale Wine cannot see file names outside ASCII.
            LC_ALL="C.UTF-8",
        )
        env.pop("DISPLAY", None)
        env.update(extra or {})
        return env

    def popen(
        self,
        args: Sequence[str | Path],
        env: Mapping[str, str] | None = None,
        cwd: Path | None = None,
        dll_overrides: Mapping[str, str] | None = None,
    ) -> subprocess.Popen[bytes]:
        """Start a Windows program and leave it running; the caller ends it (or `kill_all`).

        Not by `communicate`: others may hold its pipes when it has ended (see `output_of`).

        args[0]: a Linux path (Path) or a Windows one (`C:\\windows\\system32\\rundll32.exe`).
        Its streams are pipes: a plain file as stdout ends Python at start with WinError 6.
        """
        environment = self.environment(env, dll_overrides)
        self._start_services()
        return subprocess.Popen(
            [str(wine_loader()), *(str(word) for word in args)],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env=environment,
            cwd=cwd,
        )

    def _start_services(self) -> None:
        """Have Wine's own services running, for a minute after the last program ends.

        Without this the first program starts them, they inherit its pipes, and whoever reads to
        the end of its output waits for them (2 s; measured).
        """
        server, nothing = [str(wineserver()), "-p60"], [str(wine_loader()), "cmd.exe", "/c", "exit"]
        for command in (server, nothing):
            subprocess.run(
                command,
                env=self.environment(),
                check=False,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
            )

    def run_exe(
        self,
        path: Path | str,
        args: Sequence[str | Path] = (),
        dll_overrides: Mapping[str, str] | None = None,
        env: Mapping[str, str] | None = None,
        cwd: Path | None = None,
        timeout: float | None = 120,
    ) -> subprocess.CompletedProcess[str]:
        """Run a Windows program to its end; its output as text (UTF-8, else replaced).

        Raises `subprocess.TimeoutExpired` after ending it. Note that a Linux exit code has eight
        bits: a Windows code above 255 is cut.
        """
        program = path if isinstance(path, str) else str(path.absolute())
        process = self.popen([program, *args], env, cwd, dll_overrides)
        with process:
            try:
                out, err = output_of(process, timeout)
            except BaseException:
                process.kill()
                raise
        return subprocess.CompletedProcess(
            process.args,
            process.returncode,
            out.decode("utf-8", "replace"),
            err.decode("utf-8", "replace"),
        )

    def kill_all(self) -> None:
        """End every program that runs in the prefix, Wine's services too, and wait for it: the
        server still writes the registry into the prefix."""
        for option in ("-k", "-w"):
            with suppress(subprocess.TimeoutExpired):
                subprocess.run(
                    [wineserver(), option],
                    env=self.environment(),
                    check=False,
                    capture_output=True,
                    timeout=30,
                )

    # ---- paths and drives --------------------------------------------------------------------

    @property
    def drive_c(self) -> Path:
        """What Windows programs see as `C:\\`."""
        return self.prefix / "drive_c"

    def clone_prefix(self, folder: Path) -> Self:
        """The same with a private copy of the prefix: for a test that changes drives,
        registry or services. The caller ends it with `kill_all` and removes the folder.

        Wine's own programs and DLLs are hard links where the file system allows (700 MB else).
        """
        programs = {".dll", ".exe", ".drv", ".sys", ".ocx", ".cpl", ".nls", ".ttf"}

        def link_or_copy(source: str, target: str) -> None:
            if Path(source).suffix.lower() in programs:
                with suppress(OSError):
                    os.link(source, target)
                    return
            shutil.copy2(source, target)

        shutil.copytree(self.prefix, folder, symlinks=True, copy_function=link_or_copy)
        return replace(self, prefix=folder.resolve())

    def put_in_system32(self, dll: Path, name: str | None = None) -> Path:
        """Copy a DLL into system32, the only place the agent loads system DLLs from.

        For a cloned prefix: it unlinks first, so that the original's file stays. Wine prefers its
        own of that name unless the program is run with `dll_overrides={NAME: "n,b"}`.
        """
        target = self.drive_c / "windows" / "system32" / (name or dll.name)
        target.unlink(missing_ok=True)
        shutil.copyfile(dll, target)
        return target

    def map_drive(self, letter: str, folder: Path | None, volume: Path | None = None) -> None:
        """Make a drive: `folder` is its root; `volume`, an image or device, its raw `\\\\.\\X:`."""
        for suffix, target in ((":", folder), ("::", volume)):
            link = self.prefix / "dosdevices" / (letter.lower() + suffix)
            link.unlink(missing_ok=True)
            if target is not None:
                link.symlink_to(target.resolve())

    def to_windows(self, path: Path) -> str:
        """The Windows path of a Linux path: on C: if it is inside the prefix, else on Z:."""
        absolute = Path(os.path.abspath(path))
        if absolute.is_relative_to(self.drive_c):
            return str(PureWindowsPath("C:\\", absolute.relative_to(self.drive_c)))
        return str(PureWindowsPath("Z:\\", absolute.relative_to("/")))
