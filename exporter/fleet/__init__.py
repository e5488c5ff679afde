"""Other nodes, seen over the network."""
