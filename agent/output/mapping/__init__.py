"""A finding in the words of another system: pure functions from a report and one of its findings.

One module per destination. None does I/O; each gives valid Unicode within the destination's bounds
and says in its result what it had to cut.
"""
