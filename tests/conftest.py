"""For all tests."""

from __future__ import annotations

import gc

import pytest
from hypothesis import settings

from tests.lanes import marked, ungrouped

# No assertion on time: a busy machine is no defect. What must not hang has bounds of its own.
settings.register_profile("iocsweep", deadline=None)
settings.load_profile("iocsweep")

# Thousands of tests are kept to the end: to go through them time and again costs a tenth of a run.
gc.set_threshold(100_000, 50, 100)


@pytest.hookimpl(tryfirst=True)  # before the workers' plugin reads the groups
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    marked(items)


def pytest_make_parametrize_id(val: object, argname: str) -> str | None:
    """What is long is named by its argument: the name of the test that runs is in the environment
    of all that it starts, where 128 KiB have no room."""
    return argname if isinstance(val, (str, bytes)) and len(val) > 100 else None


def pytest_collection_finish(session: pytest.Session) -> None:
    """A worker refuses to begin if the groups are not kept."""
    gc.freeze()
    if getattr(session.config.option, "loadgroup", False) and (lost := ungrouped(session.items)):
        raise pytest.UsageError(f"pytest-xdist does not see the group of {lost[0]}")
