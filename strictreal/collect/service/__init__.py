"""Exercising the memory service: its wire, the identities that may call it, its process, and the scenario."""
