"""A self-test from its marks to what it proved; whatever it planted is gone when it ends."""

from __future__ import annotations

import os
import shutil
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from datetime import datetime, timezone
from pathlib import Path

from msgspec import structs

from ..model.report import Host
from ..model.self_test import Attempt, SelfTest, by_source, by_type
from ..output.plain import plain
from ..packs.built_in import load_packs, matcher_of
from ..reading.opening import reason_of
from ..sources.artefact_source import ArtefactSource
from ..sweep.course import Watcher
from ..sweep.identity import running_agent
from ..targets.live.host import LiveHost
from ..targets.live.system import NOT_THIS_PLATFORM
from .existing import Existing
from .leftover import FOLDER, is_leftover
from .marks import Marks
from .planted_files import Files, Planted
from .probe import Probe
from .running import Running
from .sweeps import Sweeps

_PAUSES_S = (0.2, 1.0)
NO_STREAMS = "the file system of the folder has no streams"


class SelfTestRun:
    """One self-test, in a folder of its own that it makes below ``home``."""

    def __init__(
        self, home: Path, watcher: Watcher, *, sweeps: Callable[..., Sweeps] = Sweeps
    ) -> None:
        self._marks = Marks.made()
        self.folder = home / f"{FOLDER}{self._marks.word.rpartition('-')[2]}"
        """Is removed in the end."""
        self._sweeps = sweeps(self.folder, watcher)
        self.left: list[str] = []
        """What stays on the host, as it must."""
        self.not_removed: list[str] = []
        """What should have gone, and why it did not."""

    def run(self) -> SelfTest:
        """Raises OSError if nothing can be planted at all, Stopped."""
        started = datetime.now(timezone.utc)
        target = self._sweeps.target()
        with self._own_folder(), ExitStack() as stack:
            running = Running(self._marks, self.folder, stack, self.left)
            probes = [*self._files(), *running.probes(), *self._existing(target)]
            attempts = self._sweeps.attempts(probes)
        return self._told(started, target.host(), attempts)

    def _told(self, started: datetime, host: Host, attempts: list[Attempt]) -> SelfTest:
        return SelfTest(
            agent=running_agent(),
            host=host,
            started=started,
            finished=datetime.now(timezone.utc),
            attempts=attempts,
            types=by_type(attempts),
            sources=by_source(attempts),
            left=self.left,
            not_removed=self.not_removed,
        )

    @contextmanager
    def _own_folder(self) -> Iterator[None]:
        """What cannot be removed is told, and nothing else is lost by it."""
        for left in self.folder.parent.glob(f"{FOLDER}*"):
            if is_leftover(left):
                self._remove(left)
        self.folder.mkdir(mode=0o700)
        try:
            yield
        finally:
            self._remove(self.folder)

    def _remove(self, folder: Path) -> None:
        # A virus scanner or indexer may have what is new open for a moment.
        for pause in _PAUSES_S if sys.platform == "win32" else ():
            shutil.rmtree(folder, ignore_errors=True)
            if not folder.exists():
                return
            time.sleep(pause)
        shutil.rmtree(folder, onerror=lambda *error: self._kept(error[1], error[2][1]))

    def _kept(self, path: str, error: BaseException) -> None:
        why = reason_of(error) if isinstance(error, OSError) else plain(error)
        self.not_removed.append(f"{path}: {why}")

    def _files(self) -> Iterator[Probe]:
        files = Files(self._marks)
        for planted in files.made(self.folder.name):
            yield from self._plant(planted)
        yield from self._stream(files.stream())

    def _plant(self, planted: Planted) -> list[Probe]:
        try:
            planted.write(self.folder)
        except OSError as error:
            why = f"the file could not be written: {reason_of(error)}"
            return [one.failed(why) for one in planted.probes]
        return [structs.replace(one, file=planted.name) for one in planted.probes]

    def _stream(self, planted: Planted) -> list[Probe]:
        if sys.platform != "win32":
            return [one.absent(NOT_THIS_PLATFORM) for one in planted.probes]
        probes = self._plant(planted)
        # What knows no streams takes the colon for a part of a name (Wine), or refuses it (FAT).
        wrong = [name for name in os.listdir(self.folder) if ":" in name]
        for name in wrong:
            (self.folder / name).unlink()
        if wrong or self._is_fat():
            return [one.absent(NO_STREAMS) for one in planted.probes]
        return probes

    def _is_fat(self) -> bool:
        from ..windows.streams import StreamsUnsupported, streams

        try:
            streams(str(self.folder))
        except StreamsUnsupported:
            return True
        except OSError:
            return False
        return False

    def _existing(self, target: LiveHost) -> Iterator[Probe]:
        existing = Existing(target, matcher_of(load_packs()), self._marks.word)
        for source in self._sweeps.sources():
            if isinstance(source, ArtefactSource):
                yield existing.probe(source)
        host = target.host()
        yield existing.cached_name(target.live, [host.fqdn, host.name])
