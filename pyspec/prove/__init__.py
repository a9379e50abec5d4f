"""Proof: invariants for any number of nodes, from the same specification, with z3."""
