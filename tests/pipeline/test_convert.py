"""Converters of our own."""

import numpy as np
import pytest
from sklearn.svm import SVR

from pipeline.bundle.convert import ConversionError, to_onnx
from pipeline.bundle.load import open_session, run


@pytest.mark.parametrize("gamma", ["scale", "auto", 0.01])
@pytest.mark.parametrize("rows", [1, 2, 5_000])
def test_support_vectors_answer_to_the_last_digits_however_many_there_are(gamma: str | float, rows: int) -> None:
    rng = np.random.default_rng(0)
    train = rng.normal(size=(800, 30)).astype(np.float32)
    model = SVR(C=100, gamma=gamma, epsilon=0.001).fit(train, 12 + train[:, 0] + rng.normal(size=800))
    asked = (3 * rng.normal(size=(rows, 30))).astype(np.float32)
    session = open_session(to_onnx(model, 30))
    found = run(session, session.get_inputs()[0].name, asked)
    assert found.shape == (rows,)
    assert found == pytest.approx(model.predict(asked), rel=1e-6)


def test_another_kernel_is_refused_and_not_converted_wrongly() -> None:
    model = SVR(kernel="poly").fit(np.eye(4, dtype=np.float32), np.arange(4.0))
    with pytest.raises(ConversionError, match="only the rbf kernel can be written as ONNX, not 'poly'"):
        to_onnx(model, 4)
