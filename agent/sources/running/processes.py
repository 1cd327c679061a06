"""Running processes: image, command line, owner, start and ancestors.

Evidence: the list of processes that the system keeps while they run. Since: every Windows, and
Linux.
The command line is what the process's own memory says, so a process can forge it; the image path
comes
from the kernel. A ``rundll32`` under another name is told by the original name in its version
resource.
Cannot tell: a process that has ended, and the name of a dead parent.
"""

from __future__ import annotations

from collections.abc import Iterator

from ...coverage import Ledger
from ...matching.matcher import Matcher
from ...model.objects import Parent, Process, User
from ...model.observation import Claim, Observation, Place, moments
from ...targets import Target
from ...targets.live.system import (
    NO_RUNNING_SYSTEM,
    NOT_THIS_PLATFORM,
    LiveSystem,
    ProcessInfo,
    ProcessTable,
    Unreadable,
)
from .program_files import ImageFiles

NAME = "processes"

_ESSENTIAL = frozenset({"command_line", "executable", "name"})
"""What indicators are compared with; a process without its owner's name is not a gap."""


def running_system(
    target: Target, ledger: Ledger, *, platform: str | None = None
) -> LiveSystem | None:
    """The target's running system, or None with the ledger saying why."""
    if target.live is None:
        ledger.unavailable(NO_RUNNING_SYSTEM)
        return None
    if platform is not None and target.platform != platform:
        ledger.unavailable(NOT_THIS_PLATFORM)
        return None
    return target.live


def process_table(system: LiveSystem, ledger: Ledger) -> ProcessTable | None:
    """All processes as of now, or None with the ledger saying why. Vanished ones are noted: whoever
    has ended holds nothing that a live source could read."""
    try:
        processes = system.processes()
    except Unreadable as error:
        ledger.unavailable(f"processes: {error.reason}")
        return None
    if processes.vanished:
        ledger.note("process ended while it was looked at", count=processes.vanished)
    return ProcessTable(processes.found)


def others(table: ProcessTable, target: Target, ledger: Ledger) -> Iterator[ProcessInfo]:
    """The processes that are not the agent's own; those are counted."""
    for process in table:
        started_by = (parent.pid for parent in table.ancestors(process))
        if target.own.has_pid(process.pid) or target.own.process in started_by:
            ledger.own += 1
        else:
            yield process


def describe(process: ProcessInfo, table: ProcessTable, original_file_name: str = "") -> Process:
    """For the report, ancestors included."""
    user = User(name=process.user, id=process.user_id) if process.user or process.user_id else None
    return Process(
        pid=process.pid,
        name=process.name,
        executable=process.executable,
        command_line=process.command_line,
        start=process.start,
        user=user,
        original_file_name=original_file_name,
        parent=[
            Parent(
                pid=ancestor.pid,
                name=ancestor.name,
                executable=ancestor.executable,
                command_line=ancestor.command_line,
                start=ancestor.start,
            )
            for ancestor in table.ancestors(process)
        ],
    )


class ProcessesSource:
    """One observation per process."""

    name = NAME

    def required(self, target: Target) -> bool:
        return target.live is not None

    def observe(self, target: Target, matcher: Matcher, ledger: Ledger) -> Iterator[Observation]:
        system = running_system(target, ledger)
        table = process_table(system, ledger) if system else None
        if system is None or table is None:
            return
        images = ImageFiles(system, matcher, ledger)
        for process in others(table, target, ledger):
            gaps = [gap for gap in process.unread if gap[0] in _ESSENTIAL]
            for field, reason in process.unread:
                if field not in _ESSENTIAL:
                    ledger.note(f"{field.replace('_', ' ')}: {reason}", process.place)
            if gaps:
                ledger.unread(
                    "; ".join(f"{_words(f)}: {reason}" for f, reason in gaps), process.place
                )
            else:
                ledger.examined += 1
            if process.ended:
                ledger.note("ended, and its parent has not asked how (zombie)", process.place)
            described = describe(process, table)
            if process.executable and not process.kernel:
                if target.platform == "windows":
                    described.original_file_name = images.original_file_name(process.executable)
                described.hash = images.look(process.executable).hash
            yield Observation(
                source=self.name,
                seen="running process",
                claim=Claim.RUNNING,
                place=Place(text=process.place),
                moments=moments(ran=process.start),
                process=described,
            )


def _words(field: str) -> str:
    return field.replace("_", " ")
