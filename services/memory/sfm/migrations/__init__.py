"""Alembic migrations of the store; run by `sfm.store.migrate`, or by `alembic -c services/memory/alembic.ini upgrade head`."""
