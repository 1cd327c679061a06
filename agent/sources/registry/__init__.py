"""What the registry's hives say."""
