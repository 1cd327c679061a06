"""Which tests need more than Python and a moment, so that the others can be passed all the time.

``slow.txt`` holds the tests that took 0.14 s or more on an idle machine, all parameters together,
measured by ``pytest -n 2 -m "not (wine or server or browser)" --durations=0``.
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import pytest

HERE = Path(__file__).parent
SLOW = HERE / "slow.txt"
PLACES = {
    "windows": "wine",
    "agent/commands/test_cluster.py": "server",
    "agent/output/page/test_browser.py": "browser",
    "collector/browser": "browser",
    "collector/test_cli.py": "server",
    "collector/test_deployment.py": "server",
    "collector/test_durability.py": "server",
    "collector/test_first_steps.py": "server",
    "collector/test_fleet.py": "server",
    "collector/test_health.py": "server",
    "collector/test_indexing.py": "server",
    "collector/test_openapi.py": "server",
    "collector/test_searchable.py": "server",
    "collector/test_server.py": "server",
    "collector/test_sockets.py": "server",
    "collector/store/test_postgresql.py": "server",
}
"""What all tests of a folder or file need."""
POSTGRESQL = frozenset({"postgres_server", "postgres_url", "own_postgres"})


def marked(items: Iterable[pytest.Item]) -> None:
    """Give each test its marks, and its group: what shares one Wine or one server runs in turn."""
    slow = slow_ones()
    for item in items:
        place = item.path.relative_to(HERE).as_posix()
        for start, need in PLACES.items():
            if place == start or place.startswith(f"{start}/"):
                item.add_marker(need)
        if item.get_closest_marker("wine"):
            item.add_marker(pytest.mark.xdist_group("wine"))
        elif needs_postgresql(item):
            item.add_marker("server")
            item.add_marker(pytest.mark.xdist_group("postgres"))
        if f"{place}::{item.name.partition('[')[0]}" in slow:
            item.add_marker("slow")


def needs_postgresql(item: pytest.Item) -> bool:
    fixtures = POSTGRESQL.intersection(getattr(item, "fixturenames", ()))
    return bool(fixtures) or "postgresql" in item.name


def ungrouped(items: Iterable[pytest.Item]) -> list[str]:
    """Tests of a group whose ids do not end with it: workers would share what runs in turn.

    pytest-xdist 3.8 tells the groups by the ids alone, and pytest 9.2 does not let it change them
    (pytest-xdist, issue 1386): all passes then, but for two Wines in one prefix.
    """
    return [
        item.nodeid
        for item in items
        if (group := item.get_closest_marker("xdist_group"))
        and not item.nodeid.endswith(f"@{group.args[0]}")
    ]


def slow_ones() -> frozenset[str]:
    """``FOLDER/FILE.py::TEST`` of each, whatever its parameters."""
    lines = SLOW.read_text(encoding="utf-8").splitlines()
    return frozenset(line for line in lines if line and not line.startswith("#"))
