"""Exhaustive search in Python: the reference, and the fallback where there is no C compiler."""
