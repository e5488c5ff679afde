"""What is shown to a person, in a terminal and on a page."""
