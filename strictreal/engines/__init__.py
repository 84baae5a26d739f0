"""What collectors lean on: engines made by others, each behind one module."""
