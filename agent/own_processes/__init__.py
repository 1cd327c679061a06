"""Processes of this same program beside the one that a person started: how they are started, and
that they end with it."""
