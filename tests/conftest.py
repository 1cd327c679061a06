"""For all tests."""

from __future__ import annotations

import pytest
from hypothesis import settings

from tests.lanes import marked

# No assertion on time: a busy machine is no defect. What must not hang has bounds of its own.
settings.register_profile("iocsweep", deadline=None)
settings.load_profile("iocsweep")


@pytest.hookimpl(tryfirst=True)  # before the workers' plugin reads the groups
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    marked(items)
