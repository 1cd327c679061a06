"""For all tests."""

from __future__ import annotations

from hypothesis import settings

# No assertion on time: a busy machine is no defect. What must not hang has bounds of its own.
settings.register_profile("iocsweep", deadline=None)
settings.load_profile("iocsweep")
