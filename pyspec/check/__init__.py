"""Exhaustive search in Python, and the results every search returns."""
