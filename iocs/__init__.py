"""Packs: what is searched for, and what is known to be benign. Data; see ``README.md``."""
