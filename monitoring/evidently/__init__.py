"""Evidently's own pages, and the history in its UI service."""
