"""Concrete protocols: pure cores at the top, the machinery that runs them in `runtime`."""
