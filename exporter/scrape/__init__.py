"""One node, one scrape: what is read, and what is exposed of it."""
