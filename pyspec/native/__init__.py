"""Exhaustive search in generated C."""
