"""Engines that misbehave on a content that begins with ``bad``, each in its way, behind the real
worker: ``python bad_engines.py WAY``. Started by the tests of the guard."""

from __future__ import annotations

import os
import re
import sys
import time
from collections.abc import Callable

from agent.engine import worker
from agent.engine.frames import Begun, FileAnswer, Setup, encoded

ANSWERS = os.dup(1)


def never_returns() -> None:
    while True:
        time.sleep(0.01)


def holds_the_interpreter() -> None:
    re.match("(a+)+$", "a" * 60 + "b")


def leaves() -> None:
    os._exit(7)


def aborts() -> None:
    os.abort()


def eats_memory() -> None:
    eaten = []
    while True:
        eaten.append(b"\1" * (16 << 20))


def eats_memory_slowly() -> None:
    eaten = []
    while True:
        eaten.append(b"\1" * (4 << 20))
        time.sleep(0.05)


def answers_garbage() -> None:
    os.write(ANSWERS, b"\xff" * 100)


def answers_out_of_turn() -> None:
    os.write(ANSWERS, encoded(Begun("something")))


def answers_for_ever() -> None:
    os.write(ANSWERS, (10 << 20).to_bytes(4, "little"))
    while True:
        os.write(ANSWERS, b"\0")
        time.sleep(0.01)


def raises() -> None:
    raise ValueError("no good")


class BadEngine:
    def __init__(self, misbehave: Callable[[], None]) -> None:
        self._misbehave = misbehave

    def scan(self, data: bytes, externals: dict[str, str | int]) -> FileAnswer:
        if data.startswith(b"bad place"):
            return FileAnswer([("rules/x.yar:a", len(data), 1)])
        if data.startswith(b"bad rule"):
            return FileAnswer([("elsewhere:a", 0, 1)])
        if data.startswith(b"bad"):
            self._misbehave()
        return FileAnswer([("rules/x.yar:a", 0, len(data))])

    def name(
        self, data: bytes, externals: dict[str, str | int], begun: Callable[[str], None]
    ) -> None:
        begun("rule rules/x.yar:fast")
        begun("rule rules/x.yar:slow")
        if data.startswith(b"bad"):
            self._misbehave()
        begun("rule rules/x.yar:last")


def engine(_: Setup) -> BadEngine:
    return BadEngine(globals()[sys.argv[1]])


if __name__ == "__main__":
    sys.exit(worker.main(engine))
