"""Tests of the cores and of what runs them."""
