"""An embedded node that the official client really connects to, and the shop that loads it."""
