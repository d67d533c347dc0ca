"""Frames that monitoring compares: values of both sides in one normal form, kept as Parquet in the storage."""

from io import BytesIO

import numpy as np
import pandas as pd
from upath import UPath

from pipeline.coders import Coder, coder
from pipeline.contract import Column, Contract
from pipeline.contract.words import fold
from pipeline.storage import write_bytes

# What the live frame carries beside the features, the prediction and the target (its truth, once that has arrived).
LOW, HIGH, LATENCY_MS = "__low__", "__high__", "__latency_ms__"
ID, TIME, VERSION = "__id__", "__time__", "__version__"  # of the answer; of the model that gave it


HUGEST = 1e60  # in size; what is larger counts as that: its square and its cube are numbers still


def is_numeric(column: Column) -> bool:
    """Whether a column's values are compared as numbers; truth values and categories are compared as words."""
    return column.type in ("number", "integer")


def normal_form(contract: Contract, frame_: pd.DataFrame) -> pd.DataFrame:
    """Return the features that are in the frame, numbers as float64 and all else as words; missing values stay missing.

    A value that the contract does not allow is no failure here: an older release may have answered it. A word is kept
    as it is, to be found as unseen; what is no number counts as missing.
    """
    present = {name: column for name, column in contract.features.items() if name in frame_.columns}
    series = {name: _normal(column, frame_[name]) for name, column in present.items()}
    return pd.DataFrame(series, index=frame_.index)


def write_frame(target: UPath, frame: pd.DataFrame) -> str:
    """Write a frame as Parquet and return its address."""
    content = BytesIO()
    frame.to_parquet(content, index=False)
    return write_bytes(target, content.getvalue())


def read_frame(uri: str) -> pd.DataFrame:
    """Read a frame that `write_frame` wrote."""
    return pd.read_parquet(BytesIO(UPath(uri).read_bytes()))


def _normal(column: Column, values: pd.Series) -> pd.Series:
    if is_numeric(column):
        return pd.to_numeric(values, errors="coerce").astype("float64").replace([np.inf, -np.inf], np.nan)
    normaliser = coder(column)
    words = {value: _word(normaliser, value) for value in values.dropna().unique()}
    return values.map(words).astype("str")


def _word(normaliser: Coder, value: object) -> str | None:
    try:
        normal = normaliser.normalise(value)
    except ValueError:
        return fold(str(value))
    return str(normal).lower() if isinstance(normal, bool) else normal
