"""The bundle: what serving needs of a model version, and nothing else."""
