"""The append-only log of everything that left a place."""
