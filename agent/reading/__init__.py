"""Files found, opened and read so that nothing on them changes."""
