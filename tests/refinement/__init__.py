"""Tests of the refinement harness."""
