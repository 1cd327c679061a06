"""Where reports are kept: SQLite by default, PostgreSQL beyond one machine.

``database.py`` says what an engine must do, ``sqlite.py`` (with its process ``writer.py``) and
``postgresql.py`` do it, ``store.py`` holds every question that the collector asks, in SQL that both
understand.
"""
