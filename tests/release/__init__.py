"""What a release consists of, and what it is made by."""
