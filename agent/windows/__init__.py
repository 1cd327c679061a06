"""Every call into Windows, each a small typed function, and nothing else.

Importable anywhere: DLLs are loaded when a function is first called. Errors are raised as OSError
whose ``filename`` names the place and whose ``winerror`` is Windows' own number.
"""
