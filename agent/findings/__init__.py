"""What belongs together, what it proves, and what is known to be harmless."""
