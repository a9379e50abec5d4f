"""Text and spans, diagnostics, the table of error codes: what every phase shares."""
