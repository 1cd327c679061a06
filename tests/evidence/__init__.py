"""The kit of the agent's tests: made-up evidence, and sweeps of it."""
