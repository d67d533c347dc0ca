"""Support-vector regression as ONNX, in doubles.

ONNX's own operator sums over a thousand support vectors in float32, and was seen 1.1e-4 off. Written out, the kernel
exp(-gamma |x - s|^2) takes a product of matrices and is exact to the last digits that a float32 answer has.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray
from onnx import TensorProto
from skl2onnx import update_registered_converter
from skl2onnx.common.data_types import FloatTensorType
from sklearn.svm import SVR


def _shape(operator: Any) -> None:
    operator.outputs[0].type = FloatTensorType([None, 1])


def _convert(scope: Any, operator: Any, container: Any) -> None:
    """Distance^2 = |x|^2 - 2 x s' + |s|^2, for all rows and support vectors at once."""
    model = operator.raw_operator
    if model.kernel != "rbf":
        raise NotImplementedError(f"only the rbf kernel can be written as ONNX, not {model.kernel!r}")
    vectors = np.asarray(model.support_vectors_, dtype=np.float64)
    graph = _Graph(scope, container)
    x = graph.add("Cast", operator.inputs[0].full_name, to=TensorProto.DOUBLE)
    products = graph.add("MatMul", x, graph.constant(-2 * vectors.T))
    squares = graph.add("MatMul", graph.add("Mul", x, x), graph.constant(np.ones((vectors.shape[1], 1))))
    distance = graph.add("Add", graph.add("Add", products, squares), graph.constant(np.sum(vectors**2, axis=1)))
    kernel = graph.add("Exp", graph.add("Mul", distance, graph.constant(np.array([-model._gamma]))))
    weighted = graph.add("MatMul", kernel, graph.constant(np.asarray(model.dual_coef_, dtype=np.float64).T))
    result = graph.add("Add", weighted, graph.constant(np.asarray(model.intercept_, dtype=np.float64)))
    graph.add("Cast", result, to=TensorProto.FLOAT, output=operator.outputs[0].full_name)


class _Graph:
    """Adds nodes of the default operator set to skl2onnx's container, under names that are unique in it."""

    def __init__(self, scope: Any, container: Any) -> None:
        self._scope, self._container = scope, container

    def constant(self, values: NDArray[np.float64]) -> str:
        name = str(self._scope.get_unique_variable_name("constant"))
        self._container.add_initializer(name, TensorProto.DOUBLE, values.shape, values.ravel())
        return name

    def add(self, kind: str, *inputs: str, output: str = "", **attributes: Any) -> str:
        output = output or str(self._scope.get_unique_variable_name(kind.lower()))
        self._container.add_node(kind, list(inputs), [output], op_version=13, **attributes)
        return output


update_registered_converter(SVR, "SupportVectors", _shape, _convert)
