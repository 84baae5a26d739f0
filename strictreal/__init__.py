"""strictreal proves that what a repository claims is real."""

__version__ = "0.1.0"
