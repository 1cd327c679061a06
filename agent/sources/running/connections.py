"""TCP and UDP sockets with the processes that hold them, listeners included.

Evidence: the system's own table of sockets, as of now; no rights needed on Windows. Since: every
Windows,
and Linux. Cannot tell: connections of the past, host names (an address is all there is), and whose
a
closing connection was: in ``time_wait`` it belongs to nobody any more. On Linux the sockets of
other
users have no process unless one is root; their addresses are compared all the same.
"""

from __future__ import annotations

from collections.abc import Iterator

from ...coverage import Ledger
from ...matching.matcher import Matcher
from ...model.objects import Destination, Process
from ...model.observation import Claim, Observation, Place
from ...targets import Target
from ...targets.live.system import ConnectionInfo, LiveSystem, ProcessTable, Unreadable
from .processes import describe, running_system
from .program_files import ImageFiles


class ConnectionsSource:
    """One observation per socket."""

    name = "connections"

    def required(self, target: Target) -> bool:
        return target.live is not None

    def observe(self, target: Target, matcher: Matcher, ledger: Ledger) -> Iterator[Observation]:
        system = running_system(target, ledger)
        if system is None:
            return
        try:
            connections = system.connections()
        except Unreadable as error:
            ledger.unavailable(f"connections: {error.reason}")
            return
        holders = _Holders(target, system, matcher, ledger)
        for connection in connections:
            if connection.pid is not None and target.own.has_pid(connection.pid):
                ledger.own += 1
                continue
            ledger.examined += 1
            process = holders.of(connection)
            remote = connection.remote
            yield Observation(
                source=self.name,
                seen=f"{connection.protocol} connection"
                if remote
                else f"{connection.protocol} listener",
                claim=Claim.CONNECTED,
                place=Place(text=_place(connection, process)),
                process=process,
                destination=Destination(
                    ip=remote[0] if remote else "",
                    port=remote[1] if remote else None,
                    state=connection.state,
                    local=_end(connection.local),
                ),
            )


class _Holders:
    """The processes behind the sockets. The processes are listed after the sockets: who opened one
    was
    there before."""

    def __init__(
        self, target: Target, system: LiveSystem, matcher: Matcher, ledger: Ledger
    ) -> None:
        self._windows = target.platform == "windows"
        self._ledger = ledger
        self._images = ImageFiles(system, matcher, ledger)
        self._table = ProcessTable(())
        try:
            self._table = ProcessTable(system.processes().found)
        except Unreadable as error:
            # The addresses are compared all the same; the processes source counts the gap.
            ledger.note(f"processes: {error.reason}")

    def of(self, connection: ConnectionInfo) -> Process | None:
        if not connection.pid:
            if connection.state != "time_wait":
                self._ledger.note("process of the socket not told", _end(connection.local))
            return None
        found = self._table.get(connection.pid)
        if found is None:
            self._ledger.note("process of the socket has ended", f"[{connection.pid}]")
            return Process(pid=connection.pid)
        original = ""
        if self._windows and connection.remote and found.executable and not found.kernel:
            original = self._images.original_file_name(found.executable)
        return describe(found, self._table, original)


def _end(end: tuple[str, int] | None) -> str:
    if end is None:
        return ""
    address, port = end
    return f"[{address}]:{port}" if ":" in address else f"{address}:{port}"


def _place(connection: ConnectionInfo, process: Process | None) -> str:
    who = f"{process.name or 'process'}[{process.pid}] " if process else ""
    if connection.remote:
        return f"{who}{connection.protocol} {_end(connection.local)} to {_end(connection.remote)}"
    return f"{who}{connection.protocol} {_end(connection.local)}"
