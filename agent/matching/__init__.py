"""Indicators compared with what was seen."""
