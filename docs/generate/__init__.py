"""Writes the generated pages of docs and the rule files."""
