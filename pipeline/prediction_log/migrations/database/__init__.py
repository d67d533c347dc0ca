"""Revisions of the PostgreSQL that outboxes are copied to."""
