"""The champion: the model that Git says is live, and what it can say of rows that it was not fitted on."""

import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from pipeline.bundle.format import BundleError
from pipeline.bundle.load import Bundle, load_bundle
from pipeline.coders import coder
from pipeline.contract import Column, Contract
from pipeline.encode import EncodeError
from pipeline.model_registry import BUNDLE, ModelRegistryError, fetch_bundle
from pipeline.release_log import read_release
from pipeline.settings import Settings
from pipeline.split import assign_splits, identity_columns
from training.data import Part
from training.errors import TrainingError

Numbers = NDArray[np.float64]


class IncomparableError(TrainingError):
    """A champion that cannot be asked about today's rows; the message says why."""


@dataclass(frozen=True)
class Champion:
    """A released version and its bundle."""

    version: int
    bundle: Bundle


def find_champion(contract: Contract, settings: Settings) -> Champion | None:
    """Return what Git says is live, or None before the first release.

    Raises:
        IncomparableError: when its bundle is gone or damaged.
        ReleaseLogError: when the release cannot be read.
        ModelRegistryAwayError: when the model registry cannot be reached; later it may be.
    """
    release = read_release(settings, contract.name)
    if release is None:
        return None
    try:
        return Champion(release.version, bundle_of(settings, release.run_id, release.bundle_digest))
    except (ModelRegistryError, BundleError) as error:
        if error.transient:
            raise
        raise IncomparableError(f"version {release.version} is live, but its bundle cannot be had: {error}") from error


def bundle_of(settings: Settings, run_id: str, digest: str) -> Bundle:
    """Fetch and open the bundle of a run.

    Raises:
        ModelRegistryError: when the run or its bundle is not there.
        BundleError: when it is not the one with this digest, or cannot be opened.
    """
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch) / BUNDLE
        fetch_bundle(settings, run_id, digest, folder)
        return load_bundle(folder)


def held_out_of(champion: Champion, contract: Contract, part: Part) -> NDArray[np.bool_]:
    """Return which rows the champion was not fitted on, shape (rows,).

    Its own contract says so. Where it splits as today's does, these are all rows that are held out today; with another
    salt or other shares they are fewer. A row that came after the champion counts by its split as well.

    Raises:
        IncomparableError: when its target is another one, or its row key is not among today's columns.
    """
    own = champion.bundle.contract
    _check_target(champion, contract)
    if own.data_hash == contract.data_hash:
        return np.ones(len(part), dtype=bool)
    names = identity_columns(own)
    _check_columns(champion, contract, part.frame, names)
    columns = [_as_split(champion, contract, name, part.frame[name].to_numpy()) for name in names]
    trained = [split == "train" for split in assign_splits(own, columns)]
    return ~np.array(trained, dtype=bool)


def predictions_of(champion: Champion, contract: Contract, part: Part) -> Numbers:
    """Return what the champion says of rows, read by the encoder of its own contract, shape (rows,).

    Raises:
        IncomparableError: when a column that it needs is gone or has another unit, or its contract refuses a value.
    """
    names = champion.bundle.encoder.names
    _check_columns(champion, contract, part.frame, names)
    try:
        matrix = champion.bundle.encoder.columns({name: part.frame[name].to_numpy() for name in names})
    except EncodeError as error:
        raise IncomparableError(f"version {champion.version} cannot read today's rows: {error}") from error
    return champion.bundle.predict(matrix)


def _check_target(champion: Champion, contract: Contract) -> None:
    then, now = ((one.target.name, one.target.unit) for one in (champion.bundle.contract, contract))
    if then != now:
        raise IncomparableError(
            f"version {champion.version} predicts {_with_unit(*then)}, and today's target is {_with_unit(*now)}"
        )


def _check_columns(champion: Champion, contract: Contract, frame: pd.DataFrame, names: tuple[str, ...]) -> None:
    gone = [name for name in names if name not in frame.columns or name not in contract.columns]
    if gone:
        raise IncomparableError(f"version {champion.version} needs columns that are gone: {', '.join(gone)}")
    for name in names:
        then, now = champion.bundle.contract.columns[name].unit, contract.columns[name].unit
        if then != now:
            raise IncomparableError(
                f"version {champion.version} reads {_with_unit(name, then)}, which today is {_with_unit(name, now)}"
            )


def _as_split(champion: Champion, contract: Contract, name: str, values: NDArray[Any]) -> NDArray[Any] | list[Any]:
    """Return values in the normal form that the champion's contract gives them, on which its splits depend."""
    then, now = champion.bundle.contract.columns[name], contract.columns[name]
    if (then.type == "text") != (now.type == "text"):
        raise IncomparableError(
            f"version {champion.version} tells its training rows by {name!r} as {then.type}, which today is {now.type}"
        )
    return values if then.type == "text" else _normal(champion, name, then, values)


def _normal(champion: Champion, name: str, column: Column, values: NDArray[Any]) -> list[Any]:
    try:
        return [coder(column).normalise(value) for value in values]
    except (ValueError, TypeError) as error:
        raise IncomparableError(
            f"version {champion.version} cannot read today's rows: column {name!r}: {error}"
        ) from error


def _with_unit(name: str, unit: str | None) -> str:
    return f"{name!r} in {unit}" if unit else f"{name!r} without a unit"
