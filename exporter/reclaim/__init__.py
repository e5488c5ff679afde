"""The command `reclaim`: what would give memory back, what it costs, and how to undo it."""
