"""Getting a report to the collector, and keeping it until it is there."""

from __future__ import annotations
