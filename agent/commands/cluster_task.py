"""One sweep as a task of a Dask Distributed cluster, on the worker that got it.

It is a process of its own (:mod:`.one_of_many`), so that whatever becomes of it, the worker goes
on; and when the worker is killed it ends as well, and leaves its journal. A task gives what came of
it and raises nothing: an exception of no use to anybody would be tried again.
"""

from __future__ import annotations

import io
import time
from typing import Any, TypedDict

import msgspec

from ..exit_codes import FAILED, UsageError
from ..output.plain import plain
from ..sweep.identity import running_agent
from .one_of_many import OneOfMany, read_options

TOPIC = "iocsweep"
"""Of the events by which the tasks tell how they go."""
_TOLD_S = 2.0
_MOST_SAID = 200
"""Lines that are passed on."""


class Answer(TypedDict):
    """What came of one."""

    code: int
    why: str
    """It could not be swept."""
    summary: dict[str, Any]
    said: list[str]
    worker: str


def sweep_one(asked: str, agent: dict[str, Any]) -> Answer:
    """``asked``: options as :func:`~.one_of_many.written` has them; ``agent``: the program that
    asks."""
    from distributed import get_worker

    worker = get_worker()
    key = str(worker.get_current_task())
    answer = Answer(code=FAILED, why="", summary={}, said=[], worker=str(worker.name))
    if (mine := msgspec.to_builtins(running_agent())) != agent:
        answer["why"] = f"{worker.name} has {_named(mine)}, and {_named(agent)} asks"
        return answer

    def say(line: str) -> None:
        if len(answer["said"]) < _MOST_SAID:
            answer["said"].append(line)

    running = worker.extensions.setdefault(TOPIC, {})
    try:
        process = running[key] = OneOfMany(read_options(io.BytesIO(asked.encode("ascii"))), say)
    except (OSError, UsageError) as error:
        answer["why"] = f"{worker.name}: {plain(error)}"
        return answer
    last = 0.0

    def tell(told: dict[str, Any]) -> None:
        nonlocal last
        if (now := time.monotonic()) - last >= _TOLD_S:
            last = now
            worker.log_event(TOPIC, {**told, "key": key})

    tell({})
    try:
        code, why = process.wait(tell)
    finally:
        running.pop(key, None)
    answer["code"], answer["why"] = code, why and f"{worker.name}: {why}"
    answer["summary"] = process.summary
    return answer


def stop_one(key: str, dask_worker: Any) -> None:
    """On every worker: the task of this key ends with a report, if it runs here.
    ``dask_worker``: given by Dask, by this name."""
    process = dask_worker.extensions.get(TOPIC, {}).get(key)
    if process is not None:
        process.stop()


def _named(agent: dict[str, Any]) -> str:
    build = f"{agent.get('build', '')} {str(agent.get('sha256') or '')[:12]}".rstrip()
    return f"iocsweep {agent.get('version')} ({build})"


__all__ = ["TOPIC", "Answer", "stop_one", "sweep_one"]
