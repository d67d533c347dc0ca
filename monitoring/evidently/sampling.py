"""The rows that Evidently's own page is made of: few enough to be read, and the same each time."""

import numpy as np
import pandas as pd

MOST_ROWS = 20_000  # of each side: more make Evidently's pages heavy, and its pictures no better


def drawn(frame: pd.DataFrame, seed: int) -> pd.DataFrame:
    """Return the frame, or rows that are drawn from it, in their order, where it has more than `MOST_ROWS`."""
    if len(frame) <= MOST_ROWS:
        return frame
    places = np.random.default_rng(seed).choice(len(frame), MOST_ROWS, replace=False, shuffle=False)
    return frame.iloc[np.sort(places)]
