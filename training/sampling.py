"""Which training rows are used where: by the hash of their keys, so that it is the same for all candidates and runs."""

import numpy as np
from numpy.typing import NDArray

from pipeline.contract import Contract
from pipeline.split import hashes, identity_columns, row_text
from training.data import Part


def shuffled(contract: Contract, part: Part) -> tuple[Part, NDArray[np.int64]]:
    """Return the rows in the order of their hashes, and the fold that each is in, shape (rows,).

    The first k rows are then a random sample, and a smaller sample is a part of a larger one. Rows of one key are in
    one fold: what is known of a key must not help to predict it.
    """
    columns = [part.frame[name].to_numpy() for name in identity_columns(contract)]
    places = hashes(contract, [row_text(values) for values in zip(*columns, strict=True)])
    order = np.argsort(places, kind="stable")
    # The splits cut the hashes' range: the low bits are as random within one split as over all.
    folds = places[order] % np.uint64(contract.training.tuning.folds)
    return part.take(order), folds.astype(np.int64)
