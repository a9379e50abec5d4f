"""The Python state model: instances, evaluation, states and traces."""
