"""One sweep of many, in a process of its own: from the side of the process that starts it.

It is this same program again, and gets its options as a line of JSON on stdin: they may be longer
than a command line. Whatever becomes of it, of a damaged image and what it does to a library too,
the others go on. Stdin stays open as long as somebody waits for it: when that process is killed,
this one ends at once, as if it had been killed as well, and leaves its journal.
"""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from typing import IO, Any, Protocol

import msgspec

from ..exit_codes import FAILED, HIT, UsageError
from ..options import ONE_OF_MANY, Options

STOPPED = "stopped by the operator before its turn"
_MAX_LINE = 64 << 10
_MOST_SAID = 1000
"""Lines of stderr that are passed on."""
_CODES = range(6)


class Running(Protocol):
    """One sweep of many, wherever it runs."""

    @property
    def summary(self) -> dict[str, Any]:
        """The line that it ended with."""

    def wait(self, told: Callable[[dict[str, Any]], None]) -> tuple[int, str]:
        """The exit code, and why it could not sweep; ``told``: is told how it goes."""

    def stop(self) -> None:
        """As Ctrl-C does."""


class OneOfMany:
    """A process that sweeps."""

    def __init__(self, options: Options, say: Callable[[str], None]) -> None:
        """Starts it. ``say``: is told each line that it says. Raises OSError."""
        self._process = subprocess.Popen(
            command(),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env=environment(),
            # Ctrl-C comes to it from here, once, and not from the terminal as well.
            start_new_session=sys.platform != "win32",
        )
        assert self._process.stderr is not None
        self._said = threading.Thread(
            target=_pass_on, args=(self._process.stderr, say), daemon=True
        )
        self._said.start()
        assert self._process.stdin is not None
        try:
            self._process.stdin.write(written(options))
            self._process.stdin.flush()
        except OSError:
            pass  # it has ended: its exit code says so
        self.summary: dict[str, Any] = {}
        """The line that it ended with."""

    def wait(self, told: Callable[[dict[str, Any]], None]) -> tuple[int, str]:
        """The exit code, and why it could not sweep; ``told``: is told how it goes."""
        assert self._process.stdout is not None
        while line := self._process.stdout.readline(_MAX_LINE):
            try:
                one = json.loads(line)
            except ValueError:
                continue
            if not isinstance(one, dict):
                continue
            if "v" in one:
                self.summary = one
            else:
                told(one)
        code = self._process.wait()
        self._let_go()
        self._said.join(5)
        if code in _CODES and self.summary:
            return code, str(self.summary.get("error", "")) if code == FAILED else ""
        code, why = (FAILED, f"its process ended with {code} and no answer")
        # What it had found is in its journal, but what it said counts.
        return (HIT if self.summary.get("verdict") == "hit" else code), why

    def _let_go(self) -> None:
        assert self._process.stdin is not None
        with contextlib.suppress(OSError):  # what it never read is lost with it
            self._process.stdin.close()

    def stop(self) -> None:
        """As Ctrl-C does: it ends with a report. On Windows the console has told it already."""
        if sys.platform != "win32":
            self._process.send_signal(signal.SIGINT)


def command() -> list[str]:
    """This same program as one of many."""
    return itself(ONE_OF_MANY, "--quiet")


def itself(*words: str) -> list[str]:
    """This same program with other arguments."""
    if getattr(sys, "frozen", False):
        return [sys.executable, *words]
    # -P: not what lies in the current folder.
    return [sys.executable, "-P", "-m", "agent", *words]


def environment() -> dict[str, str]:
    """As of the process that runs rules: a one-file program is unpacked once for all."""
    made = dict(os.environ)
    made.pop("PYINSTALLER_RESET_ENVIRONMENT", None)
    if not getattr(sys, "frozen", False):
        home = str(Path(__file__).resolve().parents[2])
        known = made.get("PYTHONPATH")
        made["PYTHONPATH"] = f"{home}{os.pathsep}{known}" if known else home
    return made


def _pass_on(stream: IO[bytes], say: Callable[[str], None]) -> None:
    count = 0
    while line := stream.readline(_MAX_LINE):
        count += 1
        if count <= _MOST_SAID:
            say(line.decode("utf-8", "replace").rstrip().removeprefix("iocsweep: "))


def written(options: Options) -> bytes:
    """Options as the other process reads them: a line of ASCII, whatever is in a path."""
    return json.dumps(msgspec.to_builtins(options, enc_hook=str)).encode("ascii") + b"\n"


def read_options(stream: IO[bytes]) -> Options:
    """Raises UsageError for what :func:`written` did not write."""
    try:
        return msgspec.convert(json.loads(stream.readline()), Options, dec_hook=_path)
    except (ValueError, RecursionError) as error:
        raise UsageError(f"{ONE_OF_MANY}: no options: {error}") from error


def ends_with_its_starter(stream: IO[bytes]) -> None:
    """This process ends when nobody waits for it any more: ``stream``, its stdin, is closed then.

    Not on Windows, where a program hangs that asks anything of a pipe while it is read from.
    """
    if sys.platform == "win32":
        return
    try:
        number = stream.fileno()
    except OSError:
        return  # none of the system's: in a test
    threading.Thread(target=_wait_for_its_end, args=(number,), daemon=True).start()


def _wait_for_its_end(number: int) -> None:
    while os.read(number, 1024):
        pass
    os._exit(FAILED)


def _path(kind: type[Any], value: Any) -> Any:
    if issubclass(kind, Path) and isinstance(value, str):
        return Path(value)
    raise ValueError(f"no {kind.__name__}")


__all__ = [
    "ONE_OF_MANY",
    "STOPPED",
    "OneOfMany",
    "Running",
    "command",
    "environment",
    "itself",
    "ends_with_its_starter",
    "read_options",
    "written",
]
