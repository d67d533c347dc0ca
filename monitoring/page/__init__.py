"""The page of a run, view by view."""
