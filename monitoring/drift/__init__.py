"""Each column against the training data: effects, what chance alone brings, and columns that are broken."""
