"""Logging, tracing, and clients of the shared services."""
