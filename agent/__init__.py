"""The IOC sweep agent: looks for a campaign's traces on one host and says how sure it is.

Runs on the endpoint and imports nothing from ``collector``.
"""

from __future__ import annotations

__version__ = "0.1.0"
