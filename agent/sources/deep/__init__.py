"""Bytes that no format gives a meaning to any more: swapped out, dumped, traced, freed."""
