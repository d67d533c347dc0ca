"""Serving: the prediction service, and how a release reaches it."""
