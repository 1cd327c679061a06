"""What becomes of a report: console, summary line, JSON Schema. An output never reads evidence."""

from __future__ import annotations
