"""One file a command: what its options mean, done and told."""
