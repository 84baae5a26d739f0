"""A cluster on Kind with the Soma stack in it: `python -m kind up`. See README.md."""
