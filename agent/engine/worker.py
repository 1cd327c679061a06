"""The process that runs the operator's rules, so that nothing a file does to the engine ends a
sweep.

It gets the rules and the files from the sweep that started it (``guard.py``, ``frames.py``), gives
up what rights it can before the first file, and ends when the sweep does. It is the same program
again: ``iocsweep --rules-worker``, or ``python -m agent.engine.worker``.
"""

from __future__ import annotations

import io
import os
import re
import signal
import sys
import threading
from collections.abc import Callable, Mapping
from functools import partial
from typing import BinaryIO, Final, Protocol, cast

import boreal

from ..output.plain import plain
from ..own_processes.starter import end_with_it
from ..windows import lowered_rights
from .frames import (
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
    read_order,
)

if sys.platform != "win32":
    import pwd
    import resource

MAX_MATCHES: Final = 1_000_000
"""Of one string in one file, as in YARA; a rule that counts further is told as a gap."""
DAMAGED_PE: Final = (
    "own rules: this PE file is too damaged for the rules' engine: "
    'rules with import "pe" were not answered'
)
_MATCHES_AT_ONCE: Final = 10_000
"""After so many an answer goes out, so that no frame grows too large."""
_NOBODY: Final = 65_534

_OWN: Final = "iocsweep"
"""A namespace that no rule file has: theirs begin with ``rules/``."""
_FIRST: Final = "begun"
_REFUSED: Final = "refused"
# YARA and YARA-X take these for PE files (found by mutating headers): a SizeOfOptionalHeader that
# is too small, another Magic than 10Bh and 20Bh, more than 16 data directories: boreal's module
# refuses each. Where the section table does not fit in the file it gives none of its entries, and
# YARA those that do.
_OWN_RULES: Final = f"""
rule {_REFUSED} {{
  condition:
    uint16(0) == 0x5A4D and uint32(uint32(0x3C)) == 0x00004550 and (
      not defined pe.machine or (
        pe.number_of_sections > 0 and not defined pe.sections[0].raw_data_offset and
        uint32(0x3C) + 24 + uint16(uint32(0x3C) + 20) + 40 <= filesize
      )
    )
}}
"""
_IMPORT: Final = re.compile(r'\bimport\s*"(\w+)"')


class RulesRefused(Exception):
    """The rules do not compile; the engine's words."""


class Engine(Protocol):
    """What runs rules over bytes (tests put bad ones in its place)."""

    def scan(self, data: bytes, externals: dict[str, str | int]) -> FileAnswer:
        """All rules that match."""

    def name(
        self, data: bytes, externals: dict[str, str | int], begun: Callable[[str], None]
    ) -> None:
        """The same once more, saying what begins: "module pe", "rule rules/x.yar:slow"."""


class BorealEngine:
    """boreal."""

    def __init__(
        self, sources: Mapping[str, str], externals: Mapping[str, str | int | bool]
    ) -> None:
        """Raises RulesRefused."""
        self._sources = sources
        self._externals = dict(externals)
        self._gaps: list[str] = []
        # Also one in a comment: then a module is looked at that no rule asks.
        imports = (name for text in sources.values() for name in _IMPORT.findall(text))
        self._modules = [name for name in dict.fromkeys(imports) if name in boreal.modules]
        own = {_OWN: f'import "pe"{_OWN_RULES}'} if "pe" in self._modules else {}
        self._scanner = self._compiled({**own, **sources})

    def _compiled(self, sources: Mapping[str, str]) -> boreal.Scanner:
        try:
            scanner = boreal.compile(
                sources=dict(sources), externals=dict(self._externals), includes=False
            )
        except boreal.Error as error:
            raise RulesRefused(str(error)) from error
        scanner.set_params(string_max_nb_matches=MAX_MATCHES)
        return scanner

    def scan(self, data: bytes, externals: dict[str, str | int]) -> FileAnswer:
        """All rules that match, each at its earliest place."""
        self._gaps = gaps = []
        try:
            # "Fast" would not tell where the strings are, and saves nothing that can be measured.
            found = self._scanner.match(
                data=data,
                externals=cast("dict[str, boreal.ExternalValue]", externals),
                fast=False,
                max_match_data=0,
                warnings_callback=self._too_many,
            )
        except boreal.Error as error:
            return FileAnswer(failure=f"{type(error).__name__}: {error}")
        matches = []
        for match in found:
            if match.namespace == _OWN:
                gaps.append(DAMAGED_PE)
                continue
            places = (
                (place.offset, place.matched_length)
                for string in match.strings
                for place in string.instances
            )
            matches.append((f"{match.namespace}:{match.rule}", *min(places, default=(0, 0))))
        return FileAnswer(matches, gaps)

    def _too_many(self, kind: int, string: boreal.RuleString) -> int:
        if kind == boreal.CALLBACK_TOO_MANY_MATCHES:
            self._gaps.append(
                f"rule {string.namespace}:{string.rule}: {string.string} occurs more than "
                f"{MAX_MATCHES:,} times: its counts are not true"
            )
        return boreal.CALLBACK_CONTINUE

    def name(
        self, data: bytes, externals: dict[str, str | int], begun: Callable[[str], None]
    ) -> None:
        """Each module alone, then each file of rules alone. The engine calls back when a rule was
        evaluated, so what begins is the rule after it."""
        for module in self._modules:
            begun(f"module {module}")
            self._compiled({_OWN: f'import "{module}" rule {_FIRST} {{ condition: true }}'}).match(
                data=data
            )
        for namespace, text in self._sources.items():
            begun(f"the strings of {namespace}")
            first = f"global rule {_FIRST} {{ condition: true }}"
            scanner = self._compiled({_OWN: first, namespace: text})
            rules = [((rule.namespace, rule.identifier), rule.is_private) for rule in scanner]
            following = {
                rule: _until_public(rules[number + 1 :]) for number, (rule, _) in enumerate(rules)
            }

            def evaluated(
                details: boreal.RuleDetails,
                following: Mapping[tuple[str, str], str] = following,
            ) -> int:
                what = following.get((details["namespace"], details["rule"]))
                if what:
                    begun(what)
                return boreal.CALLBACK_CONTINUE

            scanner.match(
                data=data,
                externals=cast("dict[str, boreal.ExternalValue]", externals),
                fast=False,
                max_match_data=0,
                callback=evaluated,
                which_callbacks=boreal.CALLBACK_ALL,
            )


def _until_public(rules: list[tuple[tuple[str, str], bool]]) -> str:
    """The rules one of which is under way: the engine is silent about private ones."""
    names = []
    for (namespace, identifier), is_private in rules:
        names.append(f"{namespace}:{identifier}")
        if not is_private:
            break
    if len(names) > 1:
        return f"one of the rules {names[0]} to {names[-1]}"
    return f"rule {names[0]}" if names else ""


class Server:
    """Answers orders until there are no more."""

    def __init__(self, orders: BinaryIO, answers: BinaryIO) -> None:
        """``answers``: unbuffered."""
        self._orders = orders
        self._answers = answers
        self._room: Room | None = None
        self._longest_s = 0.0

    def _say(self, frame: bytes) -> None:
        rest = memoryview(frame)
        while rest:
            rest = rest[self._answers.write(rest) :]

    def serve(
        self,
        engine: Callable[[Setup], Engine],
        lower_rights: Callable[[Setup], list[str]],
    ) -> None:
        """``lower_rights``: what could not be lowered; called once the rules are compiled. Raises
        FrameError."""
        setup = read_order(self._orders)
        if not isinstance(setup, Setup):
            raise FrameError("no setup")
        notes = []
        if setup.room:
            try:
                self._room = Room.opened(setup.room)
            except (OSError, ValueError) as error:
                notes.append(f"own rules: no memory is shared with their process: {plain(error)}")
        self._longest_s = setup.longest_s
        try:
            made = engine(setup)
        except RulesRefused as error:
            self._say(encoded(Refused(str(error))))
            return
        notes += lower_rights(setup)
        self._say(encoded(Ready(self._room.proof if self._room is not None else b"", notes)))
        while True:
            try:
                order = read_order(self._orders)
            except Ended:
                return
            if not isinstance(order, Scan):
                raise FrameError("no scan")
            with _alarm(self._longest_s * len(order.sizes)):
                self._scan(made, order)

    def _scan(self, engine: Engine, order: Scan) -> None:
        ready: list[FileAnswer | None] = []
        held = start = 0
        for number, (size, externals) in enumerate(zip(order.sizes, order.externals, strict=True)):
            if self._room is not None:
                self._room.begun = number + 1
            try:
                if order.in_room and self._room is not None:
                    data = self._room.piece(start, size)
                else:
                    data = self._orders.read(size)
                if order.naming:
                    engine.name(data, externals, lambda what: self._say(encoded(Begun(what))))
                    answer = FileAnswer()
                else:
                    answer = engine.scan(data, externals)
            except MemoryError:
                answer = FileAnswer(out_of_memory=True)
            except Exception as error:  # noqa: BLE001 - whatever the engine throws is an answer
                answer = FileAnswer(failure=f"{type(error).__name__}: {error}")
            start += size
            ready.append(answer if answer.says_something else None)
            held += len(answer.matches)
            if held > _MATCHES_AT_ONCE or answer.out_of_memory:
                self._say(encoded(Answers(order.serial, ready)))
                ready, held = [], 0
        if ready:
            self._say(encoded(Answers(order.serial, ready)))


class _alarm:  # noqa: N801 - used as a word
    """Ends a process that nobody ends any more, whatever its engine holds on to (POSIX)."""

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds

    def __enter__(self) -> None:
        if sys.platform != "win32" and threading.current_thread() is threading.main_thread():
            signal.setitimer(signal.ITIMER_REAL, self._seconds)

    def __exit__(self, *_: object) -> None:
        if sys.platform != "win32" and threading.current_thread() is threading.main_thread():
            signal.setitimer(signal.ITIMER_REAL, 0)


def end_with_parent() -> list[str]:
    """End this process when the one that started it has, also while the engine works. What is
    wrong with that, in words."""
    try:
        end_with_it(1)
    except OSError as error:
        return [f"own rules: their process cannot watch the sweep's: {plain(error)}"]
    return []


def lower_rights(setup: Setup) -> list[str]:
    """Give up what reading bytes does not need. What could not be given up, in words."""
    if sys.platform == "win32":
        return [f"own rules: {what}" for what in lowered_rights.lower()]
    else:  # noqa: RET505 - for a type checker that looks at one platform
        return _lower_posix(setup)


if sys.platform != "win32":

    def _lower_posix(setup: Setup) -> list[str]:
        steps: list[tuple[str, Callable[[], None]]] = []
        if os.geteuid() == 0:
            steps.append(("they run as root", _become_nobody))
        # Threads that a process of this user has count too: none can be started from here on.
        bounds = (
            ("open files", resource.RLIMIT_NOFILE, 1),  # poll(2) wants no less
            ("start processes", resource.RLIMIT_NPROC, 0),
            ("write files", resource.RLIMIT_FSIZE, 0),
            ("dump core", resource.RLIMIT_CORE, 0),
            ("take memory without a bound", resource.RLIMIT_AS, _mapped() + setup.memory),
        )
        for what, kind, bound in bounds:
            steps.append((f"they can {what}", partial(_bound, kind, bound)))
        notes = []
        for what, step in steps:
            try:
                step()
            except (OSError, ValueError) as error:
                notes.append(f"own rules: {what}: {plain(error)}")
        return notes

    def _become_nobody() -> None:
        try:
            user = pwd.getpwnam("nobody")
            uid, gid = user.pw_uid, user.pw_gid
        except KeyError:
            uid = gid = _NOBODY
        os.setgroups([])
        os.setgid(gid)
        os.setuid(uid)

    def _bound(kind: int, bound: int) -> None:
        hard = resource.getrlimit(kind)[1]
        if hard != resource.RLIM_INFINITY:
            bound = min(bound, hard)
        resource.setrlimit(kind, (bound, bound))

    def _mapped() -> int:
        """Bytes of address space in use: RLIMIT_AS counts them too (proc(5), statm)."""
        try:
            with open("/proc/self/statm", "rb") as file:  # noqa: PTH123 - of /proc, once
                return int(file.read().split()[0]) * resource.getpagesize()
        except OSError:
            return 1 << 29


def main(
    engine: Callable[[Setup], Engine] = lambda setup: BorealEngine(setup.sources, setup.externals),
) -> int:
    """Serve the sweep that started this process; its exit code, which nobody reads."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    answers = io.FileIO(os.dup(1), "wb")
    # Whatever prints, prints to the last words, and not into an answer.
    os.dup2(2, 1)
    orders = io.BufferedReader(io.FileIO(0, "rb", closefd=False), 1 << 16)
    notes = end_with_parent()
    try:
        Server(orders, answers).serve(engine, lambda setup: notes + lower_rights(setup))
    except (FrameError, OSError) as error:
        sys.stderr.write(f"{error}\n")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
