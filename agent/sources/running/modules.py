"""Modules loaded in processes, by name, path and content.

Evidence: each process's own list of modules, and for the processes that exist to run other people's
DLLs (``rundll32``, under whatever name) and for those whose list is denied, empty or broken, also
the
kernel's list of files mapped as images: it shows a module that unlinked itself from the process's
list.
Since: every Windows; on Linux the mapped files.
Cannot tell: code that was copied into memory without a file (see ``memory``), and modules that
were unloaded. A module that is only in memory now, its file deleted, is reported with ``on_disk``
false.

Windows lets nobody into a protected process, administrators included. That is said in the notes
and is
no gap: the same protection lets only code signed by its publisher in.
"""

from __future__ import annotations

from collections.abc import Iterator

from ...coverage import Ledger
from ...matching.matcher import Matcher
from ...model.objects import Dll
from ...model.observation import Claim, Observation, Place, moments
from ...spelling import base_name
from ...targets import Target
from ...targets.live.system import LiveSystem, ProcessInfo, ProcessTable, Unreadable, Vanished
from .processes import describe, others, process_table, running_system
from .program_files import RUNDLL32, ImageFile, ImageFiles, is_program

PROTECTED = "protected by Windows: only code signed by its publisher can be loaded there"


class ModulesSource:
    """One observation per process and module that an indicator could be about."""

    name = "modules"

    def required(self, target: Target) -> bool:
        return target.live is not None

    def observe(self, target: Target, matcher: Matcher, ledger: Ledger) -> Iterator[Observation]:
        system = running_system(target, ledger)
        table = process_table(system, ledger) if system else None
        if system is None or table is None:
            return
        sweep = _Sweep(target, system, matcher, ledger, table)
        for process in others(table, target, ledger):
            if not (process.kernel or process.ended):
                yield from sweep.process(process)


def loaded_modules(
    system: LiveSystem, process: ProcessInfo, ledger: Ledger, *, mapped: bool
) -> list[str] | None:
    """Paths, each once; None when nothing could be had, and the ledger says why.

    ``mapped``: ask the kernel too, even if the process's own list looks whole.
    """
    paths: list[str] = []
    problem: Unreadable | None = None
    try:
        paths = system.modules(process.pid)
    except Vanished:
        ledger.note("process ended while it was looked at", process.place)
        return None
    except Unreadable as error:
        problem = error
    if mapped or problem or not paths:
        try:
            images = system.mapped_images(process.pid)
            problem = None
            if "" in images:
                ledger.unread("image that Windows does not name", process.place)
            paths = [*paths, *filter(None, images)]
        except Vanished:
            ledger.note("process ended while it was looked at", process.place)
            return paths or None
        except Unreadable as error:
            problem = error
    if problem is not None:
        if not paths and _protected(system, process):
            ledger.note(PROTECTED, process.place)
        else:
            ledger.unread(f"modules: {problem.reason}", process.place)
    return _distinct(paths) or None


def _distinct(paths: list[str]) -> list[str]:
    """Each file once: the process's list and the kernel's often differ in case only (on
    Windows).
    """
    found: dict[str, str] = {}
    for path in paths:
        found.setdefault(path.casefold() if "\\" in path else path, path)
    return list(found.values())


def _protected(system: LiveSystem, process: ProcessInfo) -> bool:
    try:
        return system.is_protected(process.pid)
    except Unreadable:
        # Not known to be protected: the refusal stays a gap.
        return False


class _Sweep:
    def __init__(
        self,
        target: Target,
        system: LiveSystem,
        matcher: Matcher,
        ledger: Ledger,
        table: ProcessTable,
    ) -> None:
        self._windows = target.platform == "windows"
        self._system = system
        self._matcher = matcher
        self._ledger = ledger
        self._table = table
        self._images = ImageFiles(system, matcher, ledger)
        self._own_folders = tuple(
            folder.casefold().rstrip("\\/") + "\\" for folder in system.system_folders()
        )

    def process(self, process: ProcessInfo) -> Iterator[Observation]:
        """The modules of one process."""
        original = ""
        if self._windows and process.executable:
            original = self._images.original_file_name(process.executable)
        loader = self._windows and is_program(RUNDLL32, process.name, original)
        paths = loaded_modules(
            self._system,
            process,
            self._ledger,
            mapped=self._windows and (loader or self._matcher.thorough),
        )
        if paths is None:
            return
        self._ledger.examined += len(paths)
        wanted = set(self._matcher.selector.matching_names([base_name(path) for path in paths]))
        for path in paths:
            named = base_name(path) in wanted
            foreign = loader and not path.casefold().startswith(self._own_folders)
            image = self._images.look(path, closely=named or foreign)
            if named or foreign or image.wanted:
                yield self._observation(process, original, path, image)

    def _observation(
        self, process: ProcessInfo, original: str, path: str, image: ImageFile
    ) -> Observation:
        return Observation(
            source=ModulesSource.name,
            seen="loaded module",
            claim=Claim.LOADED,
            place=Place(text=f"{path} in {process.place}"),
            moments=moments(ran=process.start),
            process=describe(process, self._table, original),
            dll=Dll(
                path=path,
                name=base_name(path),
                size=image.size,
                hash=image.hash,
                pe=image.pe,
                on_disk=image.on_disk,
            ),
        )
