"""Documents and docstrings as blocks of plain text, and what their sentences assert. Nothing here touches a file."""
