"""Sweeps of many hosts as tasks of a Dask Distributed cluster, from the side that asks.

The scheduler and its workers are there already: nothing of a cluster is started here, and no port
is opened. Whoever reaches a scheduler can run programs on its workers, so that one is worth as much
as its security (``tls://``, by Dask's own configuration). One task is one host. When its worker
dies the scheduler gives it to another one, as often as ``distributed.scheduler.allowed-failures``
says, and its report is written once all the same (:mod:`.written_once`).

Source: Dask Distributed 2026.8, "API" (``Client.get``, ``Client.subscribe_topic``), "Resilience".
"""

from __future__ import annotations

import logging
import operator
import os
import pkgutil
import time
import warnings
from collections.abc import Callable, Iterator
from concurrent.futures import CancelledError
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import msgspec
from msgspec import structs

from ..exit_codes import FAILED, HIT, CannotRun, UsageError
from ..options import Options
from ..output.plain import plain
from ..output.say import say
from ..spelling import whole_path
from ..sweep.identity import running_agent
from .cluster_task import TOPIC, stop_one, sweep_one
from .one_of_many import STOPPED, written
from .written_once import digest

CONNECT_S = 15.0
_TASK = f"{sweep_one.__module__}:{sweep_one.__name__}"
_SEEN_AFTER_S = (0.1, 0.5, 1.0, 2.0, 4.0)
_RETRIES = 2
"""Of a task that a worker could not load; those that die are the scheduler's to count."""
_LOST = "the scheduler was lost, or the task was cancelled there"
Told = Callable[[dict[str, Any]], None]


@contextmanager
def cluster_at(address: str) -> Iterator[Cluster]:
    """Raises UsageError, and CannotRun where no scheduler answers."""
    try:
        import asyncio

        from distributed import Client
    except ImportError as error:
        raise UsageError(
            "--scheduler needs Dask Distributed (extra: cluster), which is not in the exe"
        ) from error
    try:
        # What speaks another protocol is waited for without end, or taken for a size of memory.
        asyncio.run(asyncio.wait_for(_reach(address), CONNECT_S + 1))
        with warnings.catch_warnings(record=True) as told:
            warnings.simplefilter("always")
            client = Client(address, timeout=CONNECT_S, set_as_default=False, name="iocsweep")
    except (OSError, ValueError, TypeError, RuntimeError, MemoryError) as error:
        why = plain(error) if str(error) else "what is there is no scheduler of Dask"
        raise CannotRun(f"--scheduler {address}: {why}") from error
    # What goes wrong with a task is said by its row.
    logger = logging.getLogger("distributed.client")
    level = logger.level
    logger.setLevel(logging.CRITICAL)
    try:
        with client:
            for one in told:
                say(f"--scheduler {address}: {' '.join(str(one.message).split())}")
            yield Cluster(client)
    finally:
        logger.setLevel(level)


async def _reach(address: str) -> None:
    """A client that cannot connect leaves a thread that it waits for; this does not."""
    from distributed import Security
    from distributed.comm import connect

    security = Security().get_connection_args("client")
    comm = await connect(address, timeout=CONNECT_S, **security)
    await comm.close()


class Cluster:
    """The connection to a scheduler."""

    def __init__(self, client: Any) -> None:
        self._client = client
        self._agent = msgspec.to_builtins(running_agent())
        self._told: dict[str, Told] = {}
        """Who is told how a task goes, by its key."""
        client.subscribe_topic(TOPIC, self._tell)
        if not client.nthreads():
            say("the scheduler has no workers: waiting for the first")

    def start(self, options: Options, say: Callable[[str], None]) -> Task:
        """One task; ``say``: is told each line that it said, when it is over."""
        return Task(self, everywhere(options), say)

    def submitted(self, key: str, options: Options, told: Told) -> Any:
        """The future of a task; of one key there is one task.

        It is named by functions that every Python has: a worker that cannot load what it is to
        call would end, and take the next one with it; so would the scheduler refuse it.
        """
        self._told[key] = told
        load = (pkgutil.resolve_name, _TASK)
        # An argument that is the key itself would mean the task's own result.
        task = (operator.call, load, written(options).decode("ascii"), self._agent)
        return self._client.get({key: task}, key, sync=False, retries=_RETRIES)

    def over(self, key: str) -> None:
        """Nobody is told of it any more."""
        self._told.pop(key, None)

    def stop(self, key: str) -> None:
        """Wherever it runs, it ends with a report as far as it came."""
        self._client.run(stop_one, key, on_error="ignore")

    def _tell(self, event: tuple[float, Any]) -> None:
        message = event[1]
        told = self._told.get(str(message.get("key"))) if isinstance(message, dict) else None
        if told is not None:
            told(message)


class Task:
    """One sweep on some worker, as :class:`~agent.commands.one_of_many.OneOfMany`."""

    def __init__(self, cluster: Cluster, options: Options, say: Callable[[str], None]) -> None:
        self.summary: dict[str, Any] = {}
        self._cluster = cluster
        self._say = say
        self._key = key_of(options)
        self._runs = self._stopped = False
        self._told: Told | None = None
        self._future = cluster.submitted(self._key, options, self._tell)

    def wait(self, told: Told) -> tuple[int, str]:
        """The exit code, and why it could not sweep; ``told``: is told how it goes."""
        self._told = told
        try:
            error = self._future.exception()
            if error is not None or self._future.status != "finished":
                return FAILED, STOPPED if self._stopped else _why(error)
            answer = self._future.result()
        except CancelledError:
            return FAILED, STOPPED if self._stopped else _LOST
        finally:
            self._cluster.over(self._key)
        for line in answer["said"]:
            self._say(line)
        self.summary = answer["summary"]
        code, why, path = answer["code"], answer["why"], self.summary.get("path")
        if not isinstance(path, str) or _is_seen(path):
            return code, why
        why = f"{answer['worker']}: its report is not here: {path}; is that on shared storage?"
        return (HIT if code == HIT else FAILED), why

    def stop(self) -> None:
        """As Ctrl-C does; one that has not begun does not."""
        self._stopped = True
        if self._runs:
            self._cluster.stop(self._key)
        else:
            self._future.cancel()

    def _tell(self, message: dict[str, Any]) -> None:
        self._runs = True
        if self._told is not None:
            self._told(message)


def key_of(options: Options) -> str:
    """Of the task: the same where the same is asked about the same evidence, wherever that lies."""
    asked = written(structs.replace(options, paths=[])).decode("ascii")
    return f"iocsweep-{digest(asked)}"


def everywhere(options: Options) -> Options:
    """With whole paths: each process stands in another folder."""
    whole = dict[str, Any](paths=[whole_path(path) for path in options.paths])
    for name, value in structs.asdict(options).items():
        if isinstance(value, Path):
            whole[name] = value.absolute()
        elif isinstance(value, list) and value and isinstance(value[0], Path):
            whole[name] = [path.absolute() for path in value]
    return structs.replace(options, **whole)


def _why(error: BaseException | None) -> str:
    if error is None:
        return _LOST
    if isinstance(error, (ImportError, AttributeError)):
        return f"a worker without iocsweep, or with another one: {plain(error)}"
    return plain(error)


def _is_seen(path: str) -> bool:
    """Storage that is shared over a network takes a moment to show what another machine wrote."""
    for pause in _SEEN_AFTER_S:
        if os.path.exists(path):
            return True
        time.sleep(pause)
    return os.path.exists(path)


__all__ = ["Cluster", "Task", "cluster_at", "everywhere", "key_of"]
