"""Bundles: written whole or not at all, signed, chained, verified offline and recomputed from their own facts."""
