"""Whether to ask for a retraining: conditions, guards, and what is remembered of earlier runs."""
