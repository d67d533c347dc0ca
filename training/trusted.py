"""What a stored model may be made of: loading one runs no code but that of types which are listed here or by skops."""

import warnings
from pathlib import Path

from sklearn.base import BaseEstimator

from training.errors import TrainingError

with warnings.catch_warnings():
    # It looks every SciPy function up in every loaded module. Inside a task of Airflow, whose moved modules warn at
    # each look, that were a thousand lines of log and some seconds.
    warnings.simplefilter("ignore")
    import skops.io

# Beside what skops trusts by itself: arrays' types and scikit-learn's compiled trees, which hold numbers only.
TRUSTED = (
    "numpy.dtype",
    "sklearn.tree._tree.Tree",
    "sklearn.ensemble._hist_gradient_boosting.predictor.TreePredictor",
)


def check_trusted(model: BaseEstimator) -> None:
    """Raise TrainingError unless a fitted model could be loaded once it is stored."""
    found = set(skops.io.get_untrusted_types(data=skops.io.dumps(model))) - set(TRUSTED)
    if found:
        raise TrainingError(f"holds what may not be loaded: {', '.join(sorted(found))}; see training/trusted.py")


def load_trusted(path: Path) -> BaseEstimator:
    """Return a stored model.

    Not by MLflow's own loader, which trusts the types that the stored model itself names.

    Raises:
        TrainingError: when the file is none, or holds any other type; nothing of it is made then.
    """
    try:
        return skops.io.load(path, trusted=list(TRUSTED))
    except Exception as error:  # what a damaged file raises, nobody lists
        raise TrainingError(
            f"{path.name} is no model that training stores: {error}; it was changed or damaged: train again"
        ) from error
