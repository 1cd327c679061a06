"""What runs now."""
