"""One chart, from its files to facts: found, unpacked, rendered, traced back to its templates, validated."""
