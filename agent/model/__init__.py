"""The words of a report, and how they are written down; nothing here reads or writes a file."""
