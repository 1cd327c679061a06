"""What was on the disk."""
