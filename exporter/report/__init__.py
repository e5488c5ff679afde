"""The periodic check: what a week of history says of the memory of nodes, and of what is to come."""
