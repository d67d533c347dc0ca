"""Profiles: what rows look like, column by column, in a few numbers. `pipeline.data_profile` is its door."""
