"""Detectors over Python syntax trees: each module has one `facts(module)` and judges nothing."""
