"""Shell scripts, read as the shell reads them: a syntax tree, the values of words, and what becomes of a status."""
