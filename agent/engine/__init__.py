"""The byte scan engine: patterns and rules compiled once, bytes in, matches out.

Nothing outside this package knows which engine it is (``docs/decisions/scan-engine.md``).
"""
