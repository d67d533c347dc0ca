"""Package: the chosen model as a bundle that is proven to say what the trained model says."""

import statistics
import tempfile
import time
from contextlib import suppress
from pathlib import Path

import numpy as np
from sklearn.base import BaseEstimator

from pipeline.bundle.convert import to_onnx
from pipeline.bundle.format import BundleMetadata, SmokeRow, write_bundle
from pipeline.bundle.load import Bundle, load_bundle
from pipeline.contract import Contract, IntegerColumn, NumberColumn
from pipeline.contract.base import Section
from pipeline.encode import Encoder, Matrix
from pipeline.model_registry import BUNDLE
from pipeline.records import to_record
from pipeline.settings import Settings
from pipeline.split import SplitName
from training.data import Part, load_parts
from training.errors import TrainingError
from training.evaluation.evaluate import Evaluated
from training.evaluation.probing import some
from training.plan import Plan
from training.proof import predictor, prove
from training.tracking import Tracker

PACKAGED = "packaged.json"
BACKGROUND = 100  # training rows for explanations: a mean over twice as many orders is off by a percent of the largest
_CALLS = 200

Parts = dict[SplitName, Part]


class Packaged(Section):
    """A bundle among the artifacts of the candidate's run."""

    run_id: str
    digest: str
    bytes: int  # of the ONNX model
    parity: float  # largest relative difference between ONNX and scikit-learn
    latency_ms: float  # of one row, encoded and predicted: the median
    rows: dict[SplitName, int]  # of the data version, by split


def package(contract: Contract, settings: Settings, plan: Plan, evaluated: Evaluated) -> Packaged:
    """Convert the chosen model, prove it, and store its bundle. The same model gives the same bundle.

    Raises:
        ConversionError: when the model cannot be written as ONNX.
        ParityError: when ONNX and scikit-learn disagree on any row that is tried.
    """
    tracker = Tracker(contract, settings)
    parts = load_parts(contract, settings, plan.data_version)
    model = tracker.load_model(evaluated.run_id)
    content = to_onnx(model, len(contract.features))
    held_out = np.concatenate([parts["validation"].matrix, parts["test"].matrix])
    parity = prove(contract, model, content, parts["train"].matrix, held_out)
    metadata = _metadata(contract, plan, evaluated, model, parts)
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch) / BUNDLE
        digest = write_bundle(folder, content, contract, metadata)
        bundle = load_bundle(folder)
        bundle.check_smoke()
        latency = _latency(bundle)
        tracker.client.log_artifacts(evaluated.run_id, str(folder), BUNDLE)
    packaged = Packaged(
        run_id=evaluated.run_id,
        digest=digest,
        bytes=len(content),
        parity=parity,
        latency_ms=round(latency, 4),
        rows={name: len(part) for name, part in parts.items()},
    )
    return _record(tracker, plan, packaged)


def _record(tracker: Tracker, plan: Plan, packaged: Packaged) -> Packaged:
    """Keep what was found, unless this bundle was measured before: that stands, since no two times are equal."""
    with suppress(TrainingError):
        before = tracker.read_document(packaged.run_id, PACKAGED, Packaged)
        if before.digest == packaged.digest:
            return before
    measured = {"parity": packaged.parity, "latency_ms": packaged.latency_ms, "bytes": float(packaged.bytes)}
    tracker.log_metrics(plan.parent_run_id, measured)
    tracker.log_document(packaged.run_id, PACKAGED, packaged)
    tracker.client.set_terminated(plan.parent_run_id)
    return packaged


def _latency(bundle: Bundle) -> float:
    """Milliseconds that one row takes, encoded and predicted: the median, since the machine has other things to do."""
    taken = []
    for place in range(_CALLS):
        record = bundle.metadata.smoke[place % len(bundle.metadata.smoke)].record
        start = time.perf_counter()
        bundle.predict(bundle.encoder.record(record))
        taken.append(time.perf_counter() - start)
    return 1000 * statistics.median(taken)


def _metadata(
    contract: Contract, plan: Plan, evaluated: Evaluated, model: BaseEstimator, parts: Parts
) -> BundleMetadata:
    return BundleMetadata(
        model=contract.name,
        run_id=evaluated.run_id,
        data_version=plan.data_version,
        candidate=evaluated.candidate,
        metrics=evaluated.metrics,
        target_transform=contract.target.transform,
        interval=evaluated.interval,
        training_ranges=_ranges(contract, parts["train"].matrix),
        smoke=_smoke(contract, model, parts["test"]),
        background=_background(some(parts["train"], BACKGROUND, contract.training.seed).matrix),
    )


def _ranges(contract: Contract, train: Matrix) -> dict[str, tuple[float, float]]:
    """The smallest and largest value of each number seen in training; a column without any value has none."""
    ranges = {}
    for index, (name, column) in enumerate(contract.features.items()):
        seen = train[~np.isnan(train[:, index]), index]
        if isinstance(column, NumberColumn | IntegerColumn) and seen.size:
            ranges[name] = (float(seen.min()), float(seen.max()))
    return ranges


def _background(rows: Matrix) -> tuple[tuple[float | None, ...], ...]:
    """Encoded rows as JSON can hold them: each number in the fewest digits that are the same float32."""
    return tuple(tuple(None if np.isnan(value) else float(str(value)) for value in row) for row in rows)


def _smoke(contract: Contract, model: BaseEstimator, test: Part) -> tuple[SmokeRow, ...]:
    """Test rows from first to last, as requests would have them, with what the trained model says of them."""
    chosen = np.unique(np.linspace(0, len(test) - 1, min(contract.serving.smoke_rows, len(test))).astype(int))
    records = [to_record(contract, test.frame.iloc[place]) for place in chosen]
    matrix = np.concatenate([Encoder(contract).record(record) for record in records])
    predictions = predictor(model)(matrix)
    return tuple(
        SmokeRow(record=record, prediction=float(value)) for record, value in zip(records, predictions, strict=True)
    )
