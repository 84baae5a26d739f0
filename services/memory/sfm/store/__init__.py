"""Durable storage: a log of changes in a database, committed in groups, and snapshots for a fast start."""
