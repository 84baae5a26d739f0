"""What collectors lean on: engines made by the field, each behind one module."""
