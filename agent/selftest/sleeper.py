"""The process that a self-test looks for: this same program, which does nothing but wait.

Its command line carries a marker, it has a DLL loaded that holds no code, and one text is in its
memory. It ends when the one that started it closes its standard input, or has ended however.
"""

from __future__ import annotations

import mmap
import subprocess
import sys
import threading
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from types import TracebackType

from ..own_processes.itself import environment, itself
from ..own_processes.starter import until_closed

SLEEPER = "--sleeper"
"""How this program starts itself so; its marker and the DLL's path follow."""
_READY, _NOT_LOADED = b"ready", b"not loaded: "
_MAX_TEXT = 1 << 10
_START_S, _END_S = 60.0, 10.0


class Sleeper:
    """One such process; a context manager, which ends it."""

    def __init__(self, marker: str, module: str, text: str) -> None:
        """Raises OSError if it cannot be started."""
        self._process = subprocess.Popen(
            itself(SLEEPER, marker, module),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            env=environment(),
            creationflags=getattr(subprocess, "CREATE_NO_WINDOW", 0),
        )
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        late = threading.Timer(_START_S, self._process.kill)
        late.start()
        try:
            with suppress(BrokenPipeError):  # it has ended: it does not answer
                self._process.stdin.write(f"{text}\n".encode("ascii"))
                self._process.stdin.flush()
            answer = self._process.stdout.readline(_MAX_TEXT).strip()
        except BaseException:
            self.end()
            raise
        finally:
            late.cancel()
        self.not_loaded = ""
        """Why it could not load the DLL."""
        if answer.startswith(_NOT_LOADED):
            self.not_loaded = answer.removeprefix(_NOT_LOADED).decode("utf-8", "replace")
        elif answer != _READY:
            self.end()
            raise OSError(f"it ended at once, with {self._process.returncode}")

    def end(self) -> None:
        """As soon as it sees that nobody holds its input; else it is killed."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        with suppress(OSError):  # what it never read is lost with it
            self._process.stdin.close()
        try:
            self._process.wait(_END_S)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        finally:
            self._process.stdout.close()

    def __enter__(self) -> Sleeper:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.end()


def main(arguments: Sequence[str] | None = None) -> int:
    """What that process does: load, answer, wait."""
    given = list(sys.argv[2:] if arguments is None else arguments)
    read, write = sys.stdin.buffer, sys.stdout.buffer
    text = read.readline(_MAX_TEXT)
    held = None
    try:
        held = _loaded(given[1])
        answer = _READY
    except OSError as error:
        answer = _NOT_LOADED + " ".join((error.strerror or str(error)).split()).encode("utf-8")
    write.write(answer + b"\n")
    write.flush()
    until_closed(read)
    # Until here both are in memory.
    del text, held
    return 0


def _loaded(path: str) -> object:
    """Held while what is given lives. Raises OSError."""
    if sys.platform == "win32":
        from ..windows.loading import load

        load(path)
        return None
    with Path(path).open("rb") as file:
        return mmap.mmap(file.fileno(), 0, mmap.MAP_PRIVATE, mmap.PROT_READ | mmap.PROT_EXEC)
