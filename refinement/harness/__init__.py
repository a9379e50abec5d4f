"""The ways to hold code against a specification; nothing here knows a protocol."""
