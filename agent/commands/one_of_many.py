"""One sweep of many, in a process of its own: from the side of the process that starts it.

It is this same program again, and gets its options as a line of JSON on stdin: they may be longer
than a command line. Whatever becomes of it, of a damaged image and what it does to a library too,
the others go on. When the process that waits for it is killed, this one ends at once, as if it had
been killed as well, and leaves its journal; on Windows a job of the system's sees to that, too.
"""

from __future__ import annotations

import contextlib
import json
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
from ..own_processes.itself import environment, itself
from ..own_processes.starter import end_with_it
from ..windows import lowered_rights

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
        # Before it has its options: whatever it starts is in the job then.
        self._job = _held(self._process.pid)
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
        if self._job is not None:
            self._job.close()
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


def _held(pid: int) -> lowered_rights.Job | None:
    """On Windows, so that it ends with this process, and what it has started with it. Where the
    system refuses (7 has no job in a job) it only watches this process by itself."""
    if sys.platform != "win32":
        return None
    with contextlib.suppress(OSError):
        return lowered_rights.Job.around(pid, None, alone=False)
    return None


def command() -> list[str]:
    """This same program as one of many."""
    return itself(ONE_OF_MANY, "--quiet")


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


def ends_with_its_starter() -> None:
    """This process ends when nobody waits for it any more."""
    with contextlib.suppress(OSError):  # nobody may be asked about; then a job holds this one
        end_with_it(FAILED)


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
    "ends_with_its_starter",
    "read_options",
    "written",
]
