"""Getting a report to the collector, or to a file share, and keeping it until it is there.

``outcome`` holds the table of answers and ``client`` one request; ``courier`` repeats it within the
send window, ``route`` falls back to ``share``, and ``spool`` keeps what is left.
"""

from __future__ import annotations
