"""Backup and restore of everything that the pipeline keeps, as one file."""
