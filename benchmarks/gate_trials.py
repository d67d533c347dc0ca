"""Trials of the gate: models that are really fitted, on the default history split anew, and the gate's own decision."""

import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow.parquet
from numpy.typing import NDArray
from upath import UPath

from benchmarks.ingestion_ours import CONTRACT, ROOT, accepted
from pipeline.bootstrap import Estimate
from pipeline.bundle.format import Interval
from pipeline.bundle.parity import Predict
from pipeline.contract import SPLIT, Contract, load_contract
from pipeline.slices import slice_labels
from pipeline.split import SplitName, assign_splits, identity_columns
from pipeline.storage import fetched
from training.data import Part, join, recent, split_parts
from training.estimator import build_estimator
from training.evaluation.document import Evaluation
from training.gate.decide import decide
from training.gate.evidence import Evidence, Rival
from training.metrics import error_name, errors, measure, names_of
from training.package import Packaged
from training.proof import one_thread, predictor

Numbers = NDArray[np.float64]


@dataclass(frozen=True)
class Trial:
    """What the gate made of one challenger."""

    promoted: bool
    gain: float  # share of the champion's mean error
    refused: tuple[str, ...]  # names of the rules that refused it


@dataclass(frozen=True)
class History:
    """Validated rows, the place of each row's quarter, and the rows that came later."""

    contract: Contract
    frame: pd.DataFrame
    windows: NDArray[np.int64]
    later: pd.DataFrame


@dataclass(frozen=True)
class Resplit:
    """The history under another salt: a contract of its own, and the rows that no model of it is fitted on."""

    contract: Contract
    train: Part
    test: Part
    held_out: Part  # validation rows, then test rows


def read_history() -> History:
    """Return the rows of the default data that the demo takes for history, as ingestion validates them."""
    contract = load_contract(CONTRACT)
    if contract.demo is None or contract.event_time is None:
        raise ValueError(f"{contract.name} has no demo.history with dates")
    with tempfile.TemporaryDirectory(prefix="mlops-bench-") as name:
        validated = accepted(ROOT / contract.ingestion.source, Path(name))
        with fetched(UPath(validated.uri)) as file:
            frame = pyarrow.parquet.read_table(file).to_pandas()
    before = frame[contract.event_time] < pd.Timestamp(str(contract.demo.history.end))
    frame, later = (rows.reset_index(drop=True) for rows in (frame[before], frame[~before]))
    quarters = pd.factorize(frame[contract.event_time].dt.to_period("Q"), sort=True)[0]
    return History(contract, frame, quarters.astype(np.int64), later)


def split_anew(history: History, number: int) -> Resplit:
    """Return the history split under a salt that stands for the number."""
    salted = history.contract.split.model_copy(update={"salt": f"trial {number}"})
    contract = history.contract.model_copy(update={"split": salted})
    columns = [history.frame[name] for name in identity_columns(contract)]
    frame = history.frame.assign(**{SPLIT: assign_splits(contract, columns)})
    parts: dict[SplitName, Part] = split_parts(contract, frame, "the history", history.windows)
    return Resplit(contract, parts["train"], parts["test"], join(parts["validation"], parts["test"]))


def predictions(resplit: Resplit, candidate: str, seed: int = 0, without: Sequence[str] = ()) -> Numbers:
    """Fit a candidate of the contract with its stated parameters and return what it says of the held-out rows."""
    return fitted(resplit, candidate, seed, without)(resplit.held_out.matrix)


def fitted(resplit: Resplit, candidate: str, seed: int = 0, without: Sequence[str] = ()) -> Predict:
    """Fit a candidate of the contract with its stated parameters, on all columns but some, and return its `predict`."""
    contract = _with_seed(resplit.contract, seed)
    names = list(contract.features)
    kept = [place for place, name in enumerate(names) if name not in without]
    columns = {name: column for name, column in contract.columns.items() if name not in without}
    model = build_estimator(contract.model_copy(update={"columns": columns}), candidate, target=resplit.train.target)
    with one_thread():
        model.fit(resplit.train.matrix[:, kept], resplit.train.target)
    predict = predictor(model)
    return lambda matrix: predict(matrix[:, kept])


def try_gate(resplit: Resplit, champion: Numbers, challenger: Numbers) -> Trial:
    """Return what the gate decides, by its own rules; what is not on trial, such as latency, is as it should be."""
    contract, rows = resplit.contract, resplit.held_out
    of_champion, of_challenger = (errors(contract, rows.target, predicted) for predicted in (champion, challenger))
    evidence = Evidence(
        evaluation=_evaluation(resplit, challenger[-len(resplit.test) :]),
        packaged=Packaged(run_id="", digest="", bytes=1, parity=0.0, latency_ms=1.0, rows={}),
        errors=of_challenger,
        recent=recent(rows, contract.gate.recent_rows),
        shift=False,
        groups=slice_labels(contract, rows.frame),
        rival=Rival(1, of_champion),
    )
    decision = decide(contract, evidence)
    refused = tuple(rule.name for rule in decision.rules if not rule.passed)
    return Trial(decision.passed, float(1 - of_challenger.mean() / of_champion.mean()), refused)


def _evaluation(resplit: Resplit, predicted: Numbers) -> Evaluation:
    target, names = resplit.test.target, names_of(resplit.contract)
    found = measure(target, predicted, names)
    return Evaluation(
        error=error_name(resplit.contract),
        rows=len(target),
        metrics={name: Estimate(value=value, low=None, high=None) for name, value in found.items()},
        dummy=measure(target, np.full(len(target), np.median(resplit.train.target)), names),
        interval=Interval(level=resplit.contract.training.interval, scale="identity", half_width=0),
        coverage=None,
        width=0.0,
        slices=[],
        worst=None,
        recent=None,
        robustness=[],
        importance=[],
        explained=[],
    )


def _with_seed(contract: Contract, seed: int) -> Contract:
    return contract.model_copy(update={"training": contract.training.model_copy(update={"seed": seed})})
