"""A cluster through its API: what each module reads of it is said at its head."""
