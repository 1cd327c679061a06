"""What an administrator does: one file a command, or a group of them."""
