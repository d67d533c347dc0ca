"""Alerts: one message per condition until it changes, with what can be done about it."""
