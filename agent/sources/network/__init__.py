"""Whom the host talked to."""
