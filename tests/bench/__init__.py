"""What a scrape costs: `make bench`, or `python -m tests.bench`."""
