"""One process that runs the operator's rules, from the side of the sweep: orders, answers, its end.

What it answers is believed as little as what any file says: bounded, strictly decoded, and within
the bytes that were asked about.
"""

from __future__ import annotations

import io
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator, Sequence
from contextlib import suppress
from typing import Final

import psutil

from ..output.plain import plain
from ..own_processes.itself import environment
from ..windows import lowered_rights
from ..windows.process_times import ProcessTimes
from .frames import (
    ROOM_BYTES,
    Answer,
    Answers,
    Begun,
    Ended,
    FileAnswer,
    FrameError,
    Ready,
    Refused,
    Room,
    Scan,
    Setup,
    encoded,
    read_answer,
)
from .rule_answers import NOTHING, Content, Externals, Lost, RuleMatch, RulesFailed, ScanAnswer, Why

if sys.platform == "linux":
    import fcntl


BATCH_FILES: Final = 64
BATCH_BYTES: Final = 1 << 20
"""What goes at once at most; a larger file goes alone. More leaves the processor's cache."""
START_S: Final = 120.0
"""To start, and to compile the rules."""
_KEEP_MEMORY: Final = {
    "MALLOC_MMAP_THRESHOLD_": str(1 << 30),
    "MALLOC_TRIM_THRESHOLD_": str(1 << 30),
}
"""For glibc (mallopt(3)): what one file took is used for the next. By default it goes back to the
system, and its pages are made anew, for each larger file: a sixth of the process's time."""
_MOST_BEGUN: Final = 100_000
_SHORT_S: Final = 0.5
"""What takes longer is watched for its memory, too."""
_PIPE_BYTES: Final = 1 << 20
_LAST_WORDS: Final = 2_000
_TEXT_LENGTH: Final = 300
_OUT_OF_FORM: Final = "its answer was out of form"


def worker_command() -> list[str]:
    """This same program as a process that runs rules."""
    if getattr(sys, "frozen", False):
        return [sys.executable, "--rules-worker"]
    # -P: not what lies in the current folder.
    return [sys.executable, "-P", "-m", "agent.engine.worker"]


def _plain(text: str) -> str:
    """Text of the other process, fit to be shown."""
    line = " ".join(text[: 4 * _TEXT_LENGTH].split())
    return "".join(c if c.isprintable() else "?" for c in line)[:_TEXT_LENGTH]


class _Clock:
    """How long a process has been at one file, in the steps of the watchdog: a machine that slept
    has not made it late, whatever the system's clocks count."""

    def __init__(self, bound_s: float, files: int) -> None:
        self.bound_s = bound_s
        self.file_s = 0.0
        self.all_s = 0.0
        self.begun = 0
        self._longest_s = bound_s * files

    def step(self, seconds: float, begun: int) -> bool:
        """Whether it is late now."""
        self.all_s += seconds
        if begun == self.begun:
            self.file_s += seconds
        else:
            self.begun, self.file_s = begun, 0.0
        return self.file_s > self.bound_s or self.all_s > self._longest_s


class RulesProcess:
    """One process, used by one thread at a time; the watchdog may end it."""

    def __init__(self, command: Sequence[str], setup: Setup) -> None:
        """Starts it and does not wait. Raises OSError."""
        self._lock = threading.Lock()
        self._clock: _Clock | None = None
        self._lost: Why | None = None
        self._serial = 0
        self._sources = setup.sources
        self._memory = setup.memory
        self._setup = setup
        self.notes: list[str] = []
        self._room = self._shared_room()
        place = self._room.place if self._room is not None else None
        try:
            self._process = subprocess.Popen(
                command,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                bufsize=0,
                env=environment(**_KEEP_MEMORY),
                pass_fds=place.descriptors if place is not None else (),
                creationflags=getattr(subprocess, "CREATE_NO_WINDOW", 0),
            )
        except OSError:
            if self._room is not None:
                self._room.close()
            raise
        self._job = self._bounded()
        self._times = _counted(self._process.pid, self.notes)
        self.ended_s = 0.0
        """Seconds of processors that it took, once it is closed, where the system counts them for
        nobody else."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._orders = self._process.stdin.fileno()
        self._answers = io.BufferedReader(
            io.FileIO(self._process.stdout.fileno(), "rb", closefd=False), 1 << 16
        )
        self._words = b""
        self._listener = threading.Thread(target=self._listen, daemon=True)
        self._listener.start()
        if sys.platform == "linux":
            with suppress(OSError):  # more than this user may have
                fcntl.fcntl(self._orders, fcntl.F_SETPIPE_SZ, _PIPE_BYTES)

    def _shared_room(self) -> Room | None:
        try:
            return Room.made()
        except OSError as error:
            self.notes.append(f"own rules: no memory is shared with their process: {plain(error)}")
            return None

    def _bounded(self) -> lowered_rights.Job | None:
        """Windows ends the process with this one, and bounds its memory."""
        if sys.platform != "win32":
            return None
        try:
            return lowered_rights.Job.around(
                self._process.pid, self._memory, alone=getattr(sys, "frozen", False)
            )
        except OSError as error:
            self.notes.append(f"own rules: their process is not bounded: {plain(error)}")
            return None

    def _listen(self) -> None:
        """Keep what it says last on stderr."""
        assert self._process.stderr is not None
        number = self._process.stderr.fileno()
        with suppress(OSError):
            while said := os.read(number, 4096):
                self._words = (self._words + said)[-_LAST_WORDS:]

    # ---- Orders and answers

    def setup(self) -> None:
        """Hand over the rules; ``wait_ready`` waits for them."""
        self._start_clock(START_S, 1)
        place = self._room.place.name if self._room is not None else ""
        self._setup.room = place
        self._write([encoded(self._setup)])

    def wait_ready(self) -> None:
        """Until the rules are compiled. Raises RulesFailed, Lost."""
        answer = self._read()
        if isinstance(answer, Refused):
            raise RulesFailed(f"own rules: they do not compile: {_plain(answer.why)}")
        if not isinstance(answer, Ready):
            raise self._out_of_form()
        self._stop_clock()
        self.notes += [_plain(note) for note in answer.notes[:16]]
        if self._room is not None and answer.room_proof != self._room.proof:
            self._room.close()
            self._room = None

    def batches(self, contents: Sequence[Content]) -> Iterator[tuple[int, int]]:
        """Index of the first and after the last of what goes at once."""
        start = size = 0
        most = BATCH_FILES if self._room is not None else 1
        for index, content in enumerate(contents):
            length = len(content.data)
            if index > start and (size + length > BATCH_BYTES or index - start >= most):
                yield start, index
                start, size = index, 0
            size += length
        if start < len(contents):
            yield start, len(contents)

    def scan(self, contents: Sequence[Content], bound_s: float) -> list[ScanAnswer | RulesFailed]:
        """One batch. Raises Lost."""
        self._order(contents, bound_s, naming=False)
        answers: list[FileAnswer | None] = []
        while len(answers) < len(contents):
            answer = self._read()
            if (
                not isinstance(answer, Answers)
                or answer.serial != self._serial
                or not answer.files
                or len(answers) + len(answer.files) > len(contents)
            ):
                raise self._out_of_form()
            answers += answer.files
            if answers[-1] is not None and answers[-1].out_of_memory:
                self.end(Why.MEMORY)
                raise Lost(Why.MEMORY, len(answers) - 1)
        self._stop_clock()
        return [self._made(*both) for both in zip(answers, contents, strict=True)]

    def name(self, content: Content, bound_s: float) -> str:
        """What is under way when this file ends the process again; empty if it does not."""
        begun = ""
        try:
            self._order([content], bound_s, naming=True)
            for _ in range(_MOST_BEGUN):
                answer = self._read()
                if isinstance(answer, Begun):
                    begun = _plain(answer.what)
                    continue
                self._stop_clock()
                failed = isinstance(answer, Answers) and answer.files and answer.files[0]
                return begun if failed and failed.failure else ""
        except Lost:
            return begun
        self.end(Why.DIED)
        return begun

    def _order(self, contents: Sequence[Content], bound_s: float, *, naming: bool) -> None:
        self._serial += 1
        sizes = [len(content.data) for content in contents]
        in_room = self._room is not None and sum(sizes) <= ROOM_BYTES
        self._start_clock(bound_s, len(contents))
        externals = [
            each if isinstance(each, dict) else dict(each)
            for each in (content.externals for content in contents)
        ]
        try:
            frame = encoded(Scan(self._serial, sizes, externals, in_room, naming))
        except UnicodeEncodeError:
            externals = [_encodable(each) for each in externals]
            frame = encoded(Scan(self._serial, sizes, externals, in_room, naming))
        data = [content.data for content in contents]
        if in_room and self._room is not None:
            self._room.fill(data)
            self._write([frame])
        else:
            self._write([frame, *data])

    def _write(self, parts: Sequence[bytes | memoryview]) -> None:
        try:
            for part in parts:
                rest = memoryview(part)
                while rest:
                    rest = rest[os.write(self._orders, rest) :]
        except OSError as error:
            raise self._gone() from error

    def _read(self) -> Answer:
        try:
            return read_answer(self._answers)
        except (Ended, OSError) as error:
            raise self._gone() from error
        except FrameError as error:
            raise self._out_of_form() from error

    def _made(self, answer: FileAnswer | None, content: Content) -> ScanAnswer | RulesFailed:
        if answer is None:
            return NOTHING
        if answer.failure:
            return RulesFailed(f"own rules: the engine gave up: {_plain(answer.failure)}")
        size = len(content.data)
        for rule, offset, length in answer.matches:
            namespace, colon, _ = rule.rpartition(":")
            if not colon or namespace not in self._sources or not _within(offset, length, size):
                raise self._out_of_form()
        matches = [RuleMatch(*match) for match in answer.matches]
        return ScanAnswer(matches, tuple(_plain(gap) for gap in answer.gaps))

    # ---- Its time and its end

    def _start_clock(self, bound_s: float, files: int) -> None:
        if self._room is not None:
            self._room.begun = 0
        with self._lock:
            self._clock = _Clock(bound_s, files)

    def _stop_clock(self) -> None:
        with self._lock:
            self._clock = None

    def watch(self, seconds: float) -> None:
        """By the watchdog, every so many seconds: end what is late or takes too much."""
        with self._lock:
            clock = self._clock
            if clock is None or self._lost is not None:
                return
            begun = self._room.begun if self._room is not None else 0
            is_late = clock.step(seconds, begun)
            if (is_late or clock.all_s > _SHORT_S) and self._takes() > self._memory:
                self._kill(Why.MEMORY)
            elif is_late:
                self._kill(Why.TIME)

    def _takes(self) -> int:
        """Bytes of memory; 0 if nobody knows."""
        try:
            info = psutil.Process(self._process.pid).memory_info()
        except (psutil.Error, OSError):
            return 0
        # On Windows vms is what it has committed; "private" should be the same (not under Wine).
        taken: int = info.vms if sys.platform == "win32" else info.rss
        return taken

    def _kill(self, why: Why) -> None:
        if self._lost is None:
            self._lost = why
        with suppress(OSError):
            self._process.kill()

    def end(self, why: Why = Why.CLOSED) -> None:
        """End it, by any thread; who waits for its answer learns why."""
        with self._lock:
            self._kill(why)

    @property
    def is_lost(self) -> bool:
        """Whether it was ended or died; then it answers no more."""
        return self._lost is not None

    def _gone(self) -> Lost:
        """It answers no more: by its own fault unless somebody ended it."""
        self.end(Why.DIED)
        code = self._process.wait()
        self._listener.join(1.0)
        assert self._lost is not None
        why = self._lost
        said = self._words.decode("utf-8", "replace")
        # Rust's allocator says so before it aborts, the process itself where Python had the bytes.
        if why == Why.DIED and "memory allocation of" in said:
            why = Why.MEMORY
        return Lost(why, self._index(), _ending(code))

    def _out_of_form(self) -> Lost:
        self.end(Why.DIED)
        return Lost(Why.DIED, None, _OUT_OF_FORM)

    def _index(self) -> int:
        """Of the file that it was at, as far as it can be believed."""
        return max(0, self._room.begun - 1) if self._room is not None else 0

    def wait(self) -> None:
        """Until it has ended."""
        self._process.wait()

    def close(self) -> None:
        """End it, wait until it has ended, and give back what it used. By the thread that uses
        it."""
        self.end()
        self.wait()
        self._listener.join()
        for pipe in (self._process.stdin, self._process.stdout, self._process.stderr):
            assert pipe is not None
            pipe.close()
        if self._times is not None:
            with suppress(OSError):  # not told: the report counts less
                self.ended_s = self._times.cpu_s()
            self._times.close()
        if self._job is not None:
            self._job.close()
        with self._lock:  # the watchdog looks into it
            if self._room is not None:
                self._room.close()
                self._room = None


def _counted(pid: int, notes: list[str]) -> ProcessTimes | None:
    """None where what has ended counts for this process; ``notes``: for what is wrong."""
    if sys.platform != "win32":
        return None
    try:
        return ProcessTimes(pid)
    except OSError as error:
        notes.append(f"own rules: what their process takes is not counted: {plain(error)}")
        return None


def _encodable(externals: Externals) -> dict[str, str | int]:
    """Lone surrogates of undecodable names become ``?``."""
    return {
        name: value.encode("utf-8", "replace").decode() if isinstance(value, str) else value
        for name, value in externals.items()
    }


def _within(offset: int, length: int, size: int) -> bool:
    return offset >= 0 and length >= 0 and offset + length <= size


def _ending(code: int) -> str:
    if code < 0:
        try:
            return signal.Signals(-code).name
        except ValueError:
            return f"signal {-code}"
    return f"exit code {code:#010x}" if code > 0xFFFF else f"exit code {code}"
