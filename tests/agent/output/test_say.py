"""What nobody can read, or nothing can be written to, takes nothing from the exit code."""

from __future__ import annotations

import errno
import io
import os
import subprocess
import sys
from pathlib import Path

import pytest

from agent.output import say

ROOT = Path(__file__).parents[3]
RESULT = (
    "from agent.output.say import *; use_safe_streams(); tell('a'); say('b'); tell('c'); exit(3)"
)


@pytest.mark.parametrize(
    "streams",
    [
        ">/dev/full",
        "2>/dev/full",
        ">/dev/full 2>&1",
        ">&- 2>&-",
        "<&- >&- 2>&-",
        "2>&1 | true",
    ],
)
def test_the_exit_code_is_the_same_wherever_the_result_goes(streams: str) -> None:
    line = f'"$0" -c "$1" {streams}; exit ${{PIPESTATUS[0]}}'
    done = subprocess.run(
        ["/bin/bash", "-c", line, sys.executable, RESULT],
        cwd=ROOT,
        capture_output=True,
        check=False,
    )
    assert (done.returncode, b"Traceback" in done.stdout + done.stderr) == (3, False)


def test_why_the_result_cannot_be_shown_is_said(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    class Full(io.StringIO):
        def write(self, _: str) -> int:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(sys, "stdout", Full())
    say.tell("HIT")
    assert "the result cannot be shown: No space left on device" in capsys.readouterr().err


def test_nothing_in_a_message_is_active(capsys: pytest.CaptureFixture[str]) -> None:
    say.say("/case/a\x1b[2J.E01 of WS\u202e\udcff: no\nsecond line\x07")
    said = capsys.readouterr().err
    assert said == "iocsweep: /case/a\\x1b[2J.E01 of WS\\u202e\\udcff: no\nsecond line\\x07\n"
