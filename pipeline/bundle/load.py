"""A bundle in use: NumPy and ONNX Runtime only, so that the service imports nothing else."""

import os
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

os.environ.setdefault("ORT_DISABLE_TELEMETRY", "1")  # ONNX Runtime reads it on import: nothing is sent anywhere

import onnxruntime
from numpy.typing import NDArray

from pipeline.bundle.format import MODEL, BundleError, BundleMetadata, read_contract, read_metadata
from pipeline.bundle.parity import TOLERANCE, relative_difference
from pipeline.contract import Contract
from pipeline.encode import EncodeError, Encoder, Matrix

Numbers = NDArray[np.float64]
_BLOCK = 32  # rows: the graph of support vectors needs a third of a megabyte for them, which a core keeps at hand


@dataclass(frozen=True)
class Bundle:
    """A model that answers. Safe to share between threads."""

    contract: Contract
    metadata: BundleMetadata
    session: onnxruntime.InferenceSession
    encoder: Encoder = field(init=False)
    _input: str = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "encoder", Encoder(self.contract))
        object.__setattr__(self, "_input", self.session.get_inputs()[0].name)

    def predict(self, matrix: Matrix) -> Numbers:
        """Predict encoded rows.

        Args:
            matrix: float32, shape (rows, features), as `encoder` gives it.

        Returns:
            Predictions in the target's unit, shape (rows,).
        """
        return back(run(self.session, self._input, matrix), self.metadata.target_transform)

    def interval(self, prediction: Numbers) -> tuple[Numbers, Numbers]:
        """Return the low and high ends around predictions, in the target's unit, in their shape."""
        interval = self.metadata.interval
        if interval.scale == "log":
            return prediction * np.exp(-interval.half_width), prediction * np.exp(interval.half_width)
        return prediction - interval.half_width, prediction + interval.half_width

    def check_smoke(self) -> None:
        """Answer the smoke rows that the bundle carries.

        Raises:
            BundleError: naming the first row whose answer is not the trained model's.
        """
        try:
            matrix = np.concatenate([self.encoder.record(row.record) for row in self.metadata.smoke])
        except EncodeError as error:
            raise BundleError(f"smoke rows of {self.metadata.model}: {error}") from error
        expected = np.array([row.prediction for row in self.metadata.smoke])
        answered = self.predict(matrix)
        for place in np.flatnonzero(~(relative_difference(expected, answered) <= TOLERANCE)):
            raise BundleError(
                f"smoke row {place + 1} of {self.metadata.model}: the bundle answers {answered[place]:.10g}, "
                f"the trained model said {expected[place]:.10g}; train again, or release another version"
            )


def run(session: onnxruntime.InferenceSession, name: str, matrix: Matrix) -> Numbers:
    """Return what the graph gives for encoded rows, shape (rows,), given its input's name.

    In blocks: a graph may need one number a row and support vector.
    """
    blocks = [matrix[start : start + _BLOCK] for start in range(0, len(matrix), _BLOCK)] or [matrix]
    found = [np.asarray(session.run(None, {name: block})[0], dtype=np.float64).reshape(-1) for block in blocks]
    return found[0] if len(found) == 1 else np.concatenate(found)


def back(values: Numbers, transform: str) -> Numbers:
    """Turn what the graph gives into the target's unit: the inverse transform stands outside of it."""
    return np.exp(values) if transform == "log" else values


def load_bundle(folder: Path) -> Bundle:
    """Load a bundle and check that its parts belong together.

    Raises:
        BundleError: when a file is missing or damaged, or the model does not take the contract's features.
    """
    bundle = Bundle(read_contract(folder), read_metadata(folder), open_session(folder / MODEL))
    width = bundle.session.get_inputs()[0].shape[-1]
    if width != len(bundle.encoder.names):
        raise BundleError(f"{folder}: the model takes {width} features, the contract has {len(bundle.encoder.names)}")
    if bundle.metadata.model != bundle.contract.name:
        raise BundleError(f"{folder}: the model {bundle.metadata.model} has the contract {bundle.contract.name}")
    return bundle


def open_session(model: Path | bytes) -> onnxruntime.InferenceSession:
    """Open an ONNX model, from a file or from its bytes, for rows that come one at a time.

    Raises:
        BundleError: when it is missing or damaged.
    """
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1  # a row takes microseconds: threads only cost
    options.log_severity_level = 3
    try:
        content = model if isinstance(model, bytes) else model.read_bytes()
        return onnxruntime.InferenceSession(content, options, providers=["CPUExecutionProvider"])
    except Exception as error:  # ONNX Runtime raises an own class for each way in which a model is damaged
        where = "the model" if isinstance(model, bytes) else str(model)
        raise BundleError(f"{where}: cannot be opened as ONNX: {error}") from error
