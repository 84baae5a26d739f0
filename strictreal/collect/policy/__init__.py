"""The passes of the policy collector: one module each."""
