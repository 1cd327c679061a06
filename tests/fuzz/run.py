"""Fuzzes one target with atheris (PyPI; libFuzzer), in this process.

    python -m tests.fuzz.run TARGET [-runs=N] [-max_total_time=S] [further options of libFuzzer]
                             [FOLDER for new inputs]

New inputs go to ``.cache/fuzz/TARGET`` by default, what fails to ``.cache/fuzz/TARGET-crash-…``. It ends with a
code other than 0 on an exception, a time-out or too much memory. ``make fuzz`` calls it for each.
"""

from __future__ import annotations

import contextlib
import resource
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import atheris

with atheris.instrument_imports(
    include=["agent.ntfs", "agent.formats"], enable_loader_override=False
):
    # What is instrumented has to be imported here.
    import agent.formats.compound
    import agent.formats.detection_history
    import agent.formats.ese
    import agent.formats.evtx
    import agent.formats.firewall_log
    import agent.formats.hive
    import agent.formats.hive_places
    import agent.formats.hive_text
    import agent.formats.jump_lists
    import agent.formats.mozilla_lz4
    import agent.formats.prefetch
    import agent.formats.recent_file_cache
    import agent.formats.recycled
    import agent.formats.shell_items
    import agent.formats.shimcache
    import agent.formats.sqlite
    import agent.formats.task_file
    import agent.formats.user_assist
    import agent.ntfs
    import agent.ntfs.index_slack
    import agent.ntfs.log_file
    import agent.ntfs.shadow_copies  # noqa: F401

from agent.engine.scanner import PatternScanner
from tests.fuzz.targets import CORPUS, TARGETS

FOUND = Path(__file__).parents[2] / ".cache" / "fuzz"
MEMORY_MB = 512
TIMEOUT_S = 10
MAX_LENGTH = {
    "volume": 1 << 14,
    "usn_journal": 1 << 14,
    "log_file": 1 << 15,
    "remembered": 1 << 15,
    "memories": 1 << 15,
}


def compile_once() -> None:
    """All scans look for the same; to compile it anew each time takes longer than the scan."""
    compiled = PatternScanner._compiled
    made: dict[tuple[object, ...], Any] = {}

    def remembered(self: PatternScanner, declarations: Sequence[str]) -> Any:
        key = (self._most, *declarations)
        if key not in made:
            made[key] = compiled(self, declarations)
        return made[key]

    setattr(PatternScanner, "_compiled", remembered)  # noqa: B010 (a method, to mypy)


def limit_memory() -> None:
    """libFuzzer looks at the memory once a second; a sudden need fails here at once."""
    used = int(Path("/proc/self/statm").read_text().split()[5]) * resource.getpagesize()
    limit = used + (MEMORY_MB << 20)
    resource.setrlimit(resource.RLIMIT_DATA, (limit, limit))


def main(target: str, *options: str) -> None:
    """Does not return."""
    folders = [option for option in options if not option.startswith("-")]
    if not folders:
        (FOUND / target).mkdir(parents=True, exist_ok=True)
        options = (*options, str(FOUND / target))
    compile_once()
    limits = [f"-rss_limit_mb={MEMORY_MB}", f"-timeout={TIMEOUT_S}"]
    longest = f"-max_len={MAX_LENGTH.get(target, 4096)}"
    artifacts = f"-artifact_prefix={FOUND / target}-"
    arguments = [sys.argv[0], *limits, longest, artifacts, *options, str(CORPUS / target)]
    atheris.Setup(arguments, TARGETS[target])
    limit_memory()
    atheris.Fuzz()


if __name__ == "__main__":
    with contextlib.suppress(KeyboardInterrupt):
        main(*sys.argv[1:])
