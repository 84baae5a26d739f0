"""Rego policies: read by meaning, tested, mutated, compared between engines.

Nothing here touches the subject's files or the network; what evaluates foreign policies is meant to be called in a
bounded worker. The collector in strictreal/collect/policies.py and the command line's `policy` commands share this.
"""
