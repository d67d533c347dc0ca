"""What is meant to be fast, measured beside its rival in the same run."""
