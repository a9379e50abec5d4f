"""From text to core: one module a phase, one typed result a phase."""
