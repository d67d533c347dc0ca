"""Monitoring: gather what happened, compare it with the training data, reach a verdict, report it."""
