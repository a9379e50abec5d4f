"""Implementations held against their specifications: the one place that sees both sides."""
