"""Alembic's scripts: `outbox` for the SQLite file, `database` for PostgreSQL. `migrate` runs them."""
