"""The world that a replay lives in: the source's good rows, read once, with what the scenario does to their target."""

from itertools import pairwise
from pathlib import Path

import numpy as np
import pandas as pd
from upath import UPath

from cli.replay.asked import Asked
from cli.replay.periods import Period, with_shift
from ingestion.collect import collect
from ingestion.files import load_table
from ingestion.validate import validate
from pipeline.contract import SPLIT, Contract, Window
from pipeline.contract.base import Section
from pipeline.data_content import to_frame, to_parquet, to_table
from pipeline.errors import NothingToDo
from pipeline.settings import Settings
from pipeline.storage import write_bytes

_SPREAD = 0.02  # of the shift's factor from row to row: no change of prices is the same for every house


class World(Section):
    """A Parquet file with all rows in the order of their windows, and where each window is in it."""

    uri: str
    first: Window
    first_rows: int
    periods: list[Period]  # up to the last one with a row
    quarantined: int  # rows that break the contract, which are no part of it


def make_world(contract: Contract, settings: Settings, asked: Asked, periods: list[Period], target: Path) -> World:
    """Read the history by windows, as ingestion does, shift its target where that is asked for, and store it.

    A replay that goes on later reads this file and not the source, which may have changed.

    Raises:
        SourceError, BatchRefused, IngestionError: as `collect` and `validate` do.
        NothingToDo: when the first part or all periods have no row.
    """
    first = Window(start=asked.start, end=asked.first_until)
    read = [_rows(contract, settings, window) for window in (first, *(period.window for period in periods))]
    frames = [frame for frame, _ in read]
    while len(frames) > 1 and not len(frames[-1]):
        frames.pop()
    if len(frames) == 1 or not len(frames[0]):
        raise NothingToDo(f"{contract.name}: no rows before {asked.first_until}, or none from then to {asked.end}")
    generator = np.random.default_rng(contract.training.seed)
    lived = with_shift(asked, periods[: len(frames) - 1])
    shifted = [frames[0]]
    shifted += [_shift(contract, asked, *pair, generator) for pair in zip(lived, frames[1:], strict=True)]
    filled = [frame for frame in shifted if len(frame)]
    whole = to_table(contract, pd.concat(filled, ignore_index=True).drop(columns=SPLIT))
    windows = [first, *(period.window for period in lived)]
    placed = windows if contract.event_time else _placed([len(frame) for frame in frames])
    return World(
        uri=write_bytes(UPath(target), to_parquet(whole)),
        first=placed[0],
        first_rows=len(frames[0]),
        periods=[one.model_copy(update={"window": window}) for one, window in zip(lived, placed[1:], strict=True)],
        quarantined=sum(bad for _, bad in read),
    )


def _rows(contract: Contract, settings: Settings, window: Window) -> tuple[pd.DataFrame, int]:
    run = f"world-{window.id}"
    try:
        validated = validate(contract, settings, run, collect(contract, settings, run, window))
    except NothingToDo:
        return pd.DataFrame(columns=[*contract.batch_columns, SPLIT]), 0
    return to_frame(load_table(validated.uri)), validated.quarantined


def _shift(
    contract: Contract, asked: Asked, period: Period, frame: pd.DataFrame, generator: np.random.Generator
) -> pd.DataFrame:
    if not period.shifted:
        return frame
    name = contract.target.name
    factors = asked.target_shift * np.exp(generator.normal(0, _SPREAD, len(frame)))
    return frame.assign(**{name: frame[name].to_numpy(dtype=float) * factors})


def _placed(counts: list[int]) -> list[Window]:
    """Return windows by the positions in the new file, from which bad rows are gone."""
    edges = np.cumsum([0, *counts])
    return [Window(start=int(start), end=int(end)) for start, end in pairwise(edges)]
