"""``--preset NAME``: what a deployment channel needs, as one word.

Limits of the channels: Microsoft Learn, "Live response command examples" (10 minutes a script run
by the API), "Remediations" of Intune (the last line of output, 2,048 characters; anything on stderr
is a failure, whatever the exit code). Each preset's times leave room below them: a sweep may take
``--max-runtime``, and sending then ``--send-window``.
"""

from __future__ import annotations

from types import MappingProxyType

from .given import Argument

OF = "live"
"""The command that has presets: whatever the variable says, no other is meant by it."""
OPTION, FIELD, VARIABLE = "--preset", "preset", "IOCSWEEP_PRESET"
PRESETS = MappingProxyType(
    {
        "live-response": ("--quiet", "--max-runtime=8m", "--send-window=1m"),
        "rtr": ("--detach", "--quiet", "--nice", "--max-runtime=2h"),
        "gpo-startup": (
            "--detach", "--quiet", "--exit-zero", "--nice", "--pause=1h", "--max-memory=1G",
            "--splay=0-30m", "--max-runtime=3h",
        ),
        "intune": (
            "--quiet", "--exit-zero", "--nice", "--pause=5m", "--max-memory=1G",
            "--max-runtime=25m", "--send-window=3m",
        ),
    }
)  # fmt: skip
SILENT = frozenset({"intune"})
"""Those that say nothing on stderr, whatever happens."""


def arguments_of(name: str) -> list[Argument]:
    """What it stands for; nothing for none."""
    return [Argument(text, f"{OPTION} {name}") for text in PRESETS.get(name, ())]
