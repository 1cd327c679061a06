"""What a self-test has running while it looks: a process, a DLL in it, a connection, a pipe, and a
record in a log.

What cannot be set up is no end of the test: its probes say why.
"""

from __future__ import annotations

import socket
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from ..indicators import Address, CommandLine, Content, Gate, Indicator, Pipe
from ..model.report import Strength
from ..reading.opening import reason_of
from ..targets.live.system import NOT_THIS_PLATFORM
from .marks import Marks
from .planted_files import Files
from .probe import REFERENCE, Probe, identified
from .sleeper import Sleeper

EVENT_SOURCE = "IOC sweep self-test"
"""Of the record; not this program's name, which would make it one of its own traces."""
EVENT_ID = 1
_WINDOWS = sys.platform == "win32"


class Running:
    """Sets all of it up, and takes it down with the stack that it is given."""

    def __init__(self, marks: Marks, folder: Path, stack: ExitStack, left: list[str]) -> None:
        """``left``: is told what stays on the host."""
        self._marks, self._folder, self._stack, self._left = marks, folder, stack, left

    def probes(self) -> list[Probe]:
        """All of them, set up as far as this host lets."""
        return [*self._process(), *self._connection(), *self._pipe(), *self._record()]

    def _id(self, part: str) -> dict[str, Any]:
        return {
            "id": identified(self._marks.word, part),
            "strength": Strength.WEAK,
            "reference": [REFERENCE],
            "status": "DRV",
        }

    def _process(self) -> Iterator[Probe]:
        dll = Files(self._marks).dll().loaded
        line = Probe.of(
            CommandLine(value=self._marks.command, **self._id("command")),
            "processes",
            "a command line",
        )
        memory = Probe.of(self._text("memory"), "memory", "a text in a process's memory")
        if not _WINDOWS:
            memory = memory.absent(NOT_THIS_PLATFORM)
        module = self._folder / self._marks.module
        try:
            sleeper = Sleeper(self._marks.command, str(module), f"{self._marks.word}-memory")
        except OSError as error:
            why = f"its process could not be started: {reason_of(error)}"
            yield from (one.failed(why) for one in (line, memory, *dll))
            return
        self._stack.enter_context(sleeper)
        yield from (line, memory)
        why = f"the DLL could not be loaded: {sleeper.not_loaded}"
        yield from (one.failed(why) if sleeper.not_loaded else one for one in dll)

    def _text(self, part: str) -> Indicator:
        """For what is no file: its gate lets none be opened for it but what is named."""
        gate = Gate(extensions=[".txt"])
        return Content(value=f"{self._marks.word}-{part}", gate=gate, **self._id(part))

    def _connection(self) -> Iterator[Probe]:
        known = Address(value=self._marks.address, private=True, **self._id("address"))
        probe = Probe.of(known, "connections", "the other end of a connection")
        yield self._set_up(probe, self._connect, "a connection")

    def _connect(self) -> None:
        """With ourselves, on this machine alone. Raises OSError."""
        listener = self._stack.enter_context(socket.socket())
        listener.bind((self._marks.address, 0))
        listener.listen(1)
        client = self._stack.enter_context(socket.socket())
        client.settimeout(5)
        client.connect(listener.getsockname())
        self._stack.enter_context(listener.accept()[0])

    def _pipe(self) -> Iterator[Probe]:
        """One that its pattern's example names, and one that only the list of all pipes tells."""
        named, listed = self._marks.pipe, f"{self._marks.pipe}-1"
        yield self._pipe_of(Pipe(value=named, example=named, **self._id("pipe")), named)
        pattern = Pipe(value=f"{named}-[0-9]", example=f"{named}-0", **self._id("listed-pipe"))
        yield self._pipe_of(pattern, listed)

    def _pipe_of(self, known: Pipe, name: str) -> Probe:
        def begin() -> None:
            from ..windows.own_pipe import OwnPipe

            self._stack.enter_context(OwnPipe(name))

        what = "a pipe's name" if name == known.example else "a pipe's name, by its pattern"
        return self._windows(Probe.of(known, "pipes", what), begin, "a pipe")

    def _record(self) -> Iterator[Probe]:
        probe = Probe.of(self._text("record"), "event_logs", "a record of its own")
        yield self._windows(probe, self._write_record, "a record")

    def _write_record(self) -> None:
        from ..windows.event_log import write_record

        said = "A self-test of the indicator sweep wrote this record. It means nothing else."
        write_record(EVENT_SOURCE, EVENT_ID, f"{said} {self._marks.word}-record")
        self._left.append(f"log Application: one record of the source {EVENT_SOURCE!r}")

    def _windows(self, probe: Probe, begin: Callable[[], None], what: str) -> Probe:
        return self._set_up(probe, begin, what) if _WINDOWS else probe.absent(NOT_THIS_PLATFORM)

    def _set_up(self, probe: Probe, begin: Callable[[], None], what: str) -> Probe:
        try:
            begin()
        except OSError as error:
            return probe.failed(f"{what} could not be made: {reason_of(error)}")
        return probe
