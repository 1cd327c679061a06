"""The collector: takes the reports of a fleet's sweeps, keeps them, and answers for every host.

Imports of the agent only what has no I/O: the report model, its codec and the output mappings.
"""
