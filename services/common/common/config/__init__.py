"""The one source of every setting."""
