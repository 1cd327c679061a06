"""The self-test: whether each type of indicator and each source can fire on this very host."""
