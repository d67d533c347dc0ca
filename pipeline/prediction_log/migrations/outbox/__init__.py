"""Revisions of the outbox: each takes one of `steps.STEPS`."""
