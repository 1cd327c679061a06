"""What others have copied of a host, told by its shape, and read as the host's own files."""
