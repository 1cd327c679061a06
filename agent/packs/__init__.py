"""Packs: read, checked, proved, and found beside the program."""
