"""The operator's rules behind a guard that can be ended: no file stops a sweep, whatever the engine
does with it.

The engine runs in processes of this same program (``worker.py``). One that is late, that takes too
much memory, dies or answers out of form is ended, its file is a gap, and another takes its place;
files with the other processes are not touched. Threads and the engine's own timeout cannot promise
that: boreal's has been seen not to end its ``pe`` module.
"""

from __future__ import annotations

import queue
import threading
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from types import TracebackType
from typing import Final

from ..output.plain import plain
from .frames import Setup
from .rule_answers import NOTHING, Content, Externals, Lost, RuleMatch, RulesFailed, ScanAnswer, Why
from .rules_process import START_S, RulesProcess, worker_command

__all__ = [
    "NOTHING",
    "Content",
    "GuardedRules",
    "RuleMatch",
    "RulesFailed",
    "ScanAnswer",
    "worker_command",
]

CLOSED: Final = "own rules: ended before their answer"
"""The reason where :meth:`GuardedRules.close` did not wait for it."""
_NAMING_S: Final = 2.0
_MOST_NAMINGS: Final = 5
_FAILED_STARTS: Final = 3


class _Slot:
    """The place of one process, which comes and goes."""

    def __init__(self) -> None:
        self.worker: RulesProcess | None = None


class GuardedRules:
    """The operator's rules in processes of their own. By any thread; a context manager.

    ``notes``: which rights could not be taken from the processes, for whom it may concern.
    """

    def __init__(
        self,
        sources: Mapping[str, str],
        externals: Mapping[str, str | int | bool],
        *,
        timeout_s: float = 10.0,
        workers: int = 2,
        memory: int = 1 << 30,
        command: Sequence[str] | None = None,
    ) -> None:
        """Starts the processes and compiles the rules in each.

        ``sources``: rule text by namespace; ``externals``: values that fix their types;
        ``timeout_s``: of one file; ``workers``: processes; ``memory``: bytes that each may take;
        ``command``: what is started instead of this program (tests).

        Raises RulesFailed.
        """
        self._sources = dict(sources)
        self._externals = dict(externals)
        self._timeout_s = timeout_s
        self._memory = memory
        self._command = worker_command() if command is None else list(command)
        self.notes: list[str] = []
        self.ended_s = 0.0
        """Seconds of processors that those took which have ended, where the system does not count
        them for this process (Windows)."""
        self._lock = threading.Lock()
        self._live: set[RulesProcess] = set()
        self._namings = 0
        self._failed_starts = 0
        self._closed = threading.Event()
        self._slots: queue.SimpleQueue[_Slot] = queue.SimpleQueue()
        slots = [_Slot() for _ in range(workers)]
        self._watchdog = threading.Thread(target=self._watch, daemon=True)
        self._watchdog.start()
        try:
            for slot in slots:
                slot.worker = self._begun_worker()
            for slot in slots:
                assert slot.worker is not None
                self._await(slot.worker)
        except BaseException:
            self.close()
            for slot in slots:
                self._put_away(slot)
            raise
        for slot in slots:
            self._slots.put(slot)

    # ---- Scanning

    def scan(self, data: bytes | memoryview, externals: Externals) -> ScanAnswer:
        """Every rule that matches. By any thread; waits for a process that is free.

        Raises RulesFailed.
        """
        (answer,) = self.scan_many([Content(data, externals)])
        if isinstance(answer, RulesFailed):
            raise answer
        return answer

    def scan_many(self, contents: Sequence[Content]) -> list[ScanAnswer | RulesFailed]:
        """Of each content its answer, or why there is none. Several small files at once cost less
        than one after the other."""
        slot = self._slots.get()
        try:
            return self._all(slot, contents)
        finally:
            if self._closed.is_set():
                self._put_away(slot)
            self._slots.put(slot)

    def _some(self, slot: _Slot, contents: Sequence[Content]) -> list[ScanAnswer | RulesFailed]:
        """Answers of the first batch, and how far it got when its process was lost in it."""
        try:
            worker = self._ready(slot)
        except RulesFailed as error:
            return [error] * len(contents)
        start, end = next(worker.batches(contents))
        batch = contents[start:end]
        try:
            return worker.scan(batch, self._timeout_s)
        except Lost as lost:
            self._put_away(slot)
            if lost.index is None and len(batch) > 1:
                return [answer for one in batch for answer in self._some(slot, [one])]
            index = min(lost.index or 0, len(batch) - 1)
            # Those before it have been looked at, but not answered: again, without it.
            before = self._all(slot, batch[:index])
            return [*before, self._failure(slot, lost, batch[index])]
        except BaseException:
            self._put_away(slot)
            raise

    def _all(self, slot: _Slot, contents: Sequence[Content]) -> list[ScanAnswer | RulesFailed]:
        answers: list[ScanAnswer | RulesFailed] = []
        while len(answers) < len(contents):
            answers += self._some(slot, contents[len(answers) :])
        return answers

    def _failure(self, slot: _Slot, lost: Lost, content: Content) -> RulesFailed:
        if lost.why == Why.CLOSED:
            return RulesFailed(CLOSED)
        if lost.why == Why.MEMORY:
            return RulesFailed(f"own rules: more than {self._memory >> 20:,} MB of memory")
        named = self._named(slot, content)
        if lost.why == Why.TIME:
            reason = f"own rules: no answer within {self._timeout_s:g} s"
            return RulesFailed(f"{reason} ({named})" if named else reason)
        return RulesFailed(
            f"own rules: their process died ({f'{named}; ' if named else ''}{lost.words})"
        )

    def _named(self, slot: _Slot, content: Content) -> str:
        """What of the rules is at fault, if the file does it again."""
        with self._lock:
            self._namings += 1
            if self._namings > _MOST_NAMINGS:
                return ""
        try:
            worker = self._ready(slot)
        except RulesFailed:
            return ""
        try:
            named = worker.name(content, min(self._timeout_s, _NAMING_S))
        except BaseException:
            self._put_away(slot)
            raise
        if worker.is_lost:
            self._put_away(slot)
        return named

    # ---- Processes

    def _begun_worker(self) -> RulesProcess:
        """One that is starting. Raises RulesFailed."""
        if self._failed_starts >= _FAILED_STARTS:
            raise RulesFailed("own rules: their process cannot be started any more")
        setup = Setup(self._sources, self._externals, self._memory, 2 * self._timeout_s + 5.0)
        try:
            worker = RulesProcess(self._command, setup)
        except OSError as error:
            self._failed_starts += 1
            raise RulesFailed(
                f"own rules: their process cannot be started: {plain(error)}"
            ) from error
        with self._lock:
            self._live.add(worker)
        if self._closed.is_set():
            worker.end()
        return worker

    def _await(self, worker: RulesProcess) -> None:
        """Until its rules are compiled. Raises RulesFailed; then it is put away."""
        try:
            worker.setup()
            worker.wait_ready()
        except Lost as lost:
            self._forget(worker)
            if lost.why == Why.CLOSED:
                raise RulesFailed(CLOSED) from lost
            self._failed_starts += 1
            why = f"no answer within {START_S:g} s" if lost.why == Why.TIME else lost.words
            raise RulesFailed(f"own rules: their process did not start ({why})") from lost
        except BaseException:
            self._forget(worker)
            raise
        self._failed_starts = 0
        with self._lock:
            self.notes += [note for note in worker.notes if note not in self.notes]

    def _ready(self, slot: _Slot) -> RulesProcess:
        """The process of a place, a new one where it has none. Raises RulesFailed."""
        if self._closed.is_set():
            raise RulesFailed(CLOSED)
        if slot.worker is not None and slot.worker.is_lost:
            self._put_away(slot)  # ended when it had answered already
        if slot.worker is None:
            worker = self._begun_worker()
            self._await(worker)
            slot.worker = worker
        return slot.worker

    def _put_away(self, slot: _Slot) -> None:
        worker, slot.worker = slot.worker, None
        if worker is not None:
            self._forget(worker)

    def _forget(self, worker: RulesProcess) -> None:
        with self._lock:
            if worker not in self._live:
                return
            self._live.discard(worker)
        worker.close()
        with self._lock:
            self.ended_s += worker.ended_s

    def _watch(self) -> None:
        interval = min(0.25, max(0.01, self._timeout_s / 20))
        last = time.monotonic()
        while not self._closed.wait(interval):
            now = time.monotonic()
            step, last = min(now - last, 2 * interval), now
            with self._lock:
                live = list(self._live)
            for worker in live:
                worker.watch(step)

    def close(self) -> None:
        """End all processes; threads that wait for an answer get RulesFailed. Nothing is left
        running."""
        self._closed.set()
        with self._lock:
            live = list(self._live)
        for worker in live:
            worker.end()
        for worker in live:
            worker.wait()
        self._watchdog.join()
        for _ in range(self._slots.qsize()):
            with suppress(queue.Empty):
                slot = self._slots.get_nowait()
                self._put_away(slot)
                self._slots.put(slot)  # for whoever asks after the end

    def __enter__(self) -> GuardedRules:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()
