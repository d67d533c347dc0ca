"""scikit-learn to ONNX: one float tensor in, one number out; the target's inverse transform stays outside of the graph.

Facts that shape this: `TransformedTargetRegressor` has no converter, so the regressor inside it is converted; trees
with double inputs do not load in ONNX Runtime, so the input is float32; scikit-learn's dummy has no converter; and the
thresholds of histogram gradient boosting are doubles, which its converter rounds to the nearest float32.
"""

from copy import deepcopy
from typing import Any

import numpy as np
from numpy.typing import NDArray
from onnx import TensorProto, helper
from skl2onnx import convert_sklearn, update_registered_converter
from skl2onnx.common.data_types import FloatTensorType
from sklearn.base import BaseEstimator
from sklearn.compose import TransformedTargetRegressor
from sklearn.dummy import DummyRegressor
from sklearn.ensemble import HistGradientBoostingRegressor
from sklearn.pipeline import Pipeline

import pipeline.bundle.convert_svr  # noqa: F401 (registers a converter)
from pipeline.errors import PipelineError


class ConversionError(PipelineError):
    """A model that cannot be written as ONNX."""


def to_onnx(model: BaseEstimator, features: int) -> bytes:
    """Convert a fitted model.

    Args:
        model: fitted on matrices of shape (n, features); wrapped in `TransformedTargetRegressor` or not.
        features: how many columns the matrix has.

    Returns:
        The model with the input `features` (float32, shape (n, features)) and one output of shape (n, 1), before the
        target's inverse transform. The same model gives the same bytes.

    Raises:
        ConversionError: when a part of it has no converter.
    """
    inner = model.regressor_ if isinstance(model, TransformedTargetRegressor) else model
    try:
        converted = convert_sklearn(
            _with_float_thresholds(inner), "model", [("features", FloatTensorType([None, features]))]
        )
    except Exception as error:  # skl2onnx raises an own class for each way in which a converter fails
        raise ConversionError(f"{type(inner).__name__} cannot be written as ONNX: {error}") from error
    return bytes(converted.SerializeToString(deterministic=True))


def _with_float_thresholds(model: BaseEstimator) -> BaseEstimator:
    """Round the thresholds down to float32: then `x <= threshold` has the same answer for every float32 `x`.

    To the nearest, a row between two values seen in training could change sides (5 % off, found by border rows).
    """
    last = model[-1] if isinstance(model, Pipeline) else model
    if not isinstance(last, HistGradientBoostingRegressor):
        return model
    copy = deepcopy(model)
    for trees in (copy[-1] if isinstance(copy, Pipeline) else copy)._predictors:
        for tree in trees:
            tree.nodes["num_threshold"] = _round_down(tree.nodes["num_threshold"])
    return copy


def _round_down(values: NDArray[np.float64]) -> NDArray[np.float32]:
    nearest = values.astype(np.float32)
    return np.where(nearest > values, np.nextafter(nearest, np.float32(-np.inf)), nearest)


def _dummy_shape(operator: Any) -> None:
    operator.outputs[0].type = FloatTensorType([None, 1])


def _convert_dummy(scope: Any, operator: Any, container: Any) -> None:
    """The constant, as often as there are rows: Shape -> Concat with 1 -> ConstantOfShape."""
    constant = [float(np.ravel(operator.raw_operator.constant_)[0])]
    rows, one, shape = (scope.get_unique_variable_name(name) for name in ("rows", "one", "shape"))
    container.add_initializer(one, TensorProto.INT64, [1], [1])
    container.add_node("Shape", [operator.inputs[0].full_name], [rows], op_version=15, start=0, end=1)
    container.add_node("Concat", [rows, one], [shape], op_version=13, axis=0)
    value = helper.make_tensor("value", TensorProto.FLOAT, [1], constant)
    container.add_node("ConstantOfShape", [shape], [operator.outputs[0].full_name], op_version=9, value=value)


update_registered_converter(DummyRegressor, "Dummy", _dummy_shape, _convert_dummy)
