"""Gather: from bundles and held-out rows to the evidence that the gate decides on."""

import numpy as np

from pipeline.bundle.parity import Predict
from pipeline.contract import Contract
from pipeline.slices import slice_labels
from training.data import Part, recent
from training.evaluation.document import Evaluation
from training.gate.champion import Champion, IncomparableError, held_out_of, predictions_of
from training.gate.evidence import Evidence, Rival
from training.metrics import errors
from training.package import Packaged


def gather(
    contract: Contract,
    evaluation: Evaluation,
    packaged: Packaged,
    challenger: Predict,
    rows: Part,
    champion: Champion | None,
    *,
    shift: bool,
    incomparable: str = "",
) -> Evidence:
    """Return the evidence on held-out rows: with a champion, on those of them that it was not fitted on either.

    Args:
        contract: whose gate it is for.
        evaluation: of the challenger, on test rows.
        packaged: the challenger's bundle.
        challenger: what the challenger predicts.
        rows: held-out rows, which the challenger was not fitted on.
        champion: what is live, if it is there.
        shift: whether monitoring has found one.
        incomparable: why there is no champion, though one is live.
    """
    rival = None
    if champion:
        try:
            rows, rival = _face(contract, champion, rows)
        except IncomparableError as error:
            incomparable = str(error)
    return Evidence(
        evaluation=evaluation,
        packaged=packaged,
        errors=errors(contract, rows.target, challenger(rows.matrix)),
        recent=recent(rows, contract.gate.recent_rows),
        shift=shift,
        groups=slice_labels(contract, rows.frame),
        rival=rival,
        incomparable=incomparable,
    )


def _face(contract: Contract, champion: Champion, rows: Part) -> tuple[Part, Rival]:
    rows = rows.take(held_out_of(champion, contract, rows))
    if not len(rows):
        raise IncomparableError(f"version {champion.version} was fitted on every row that is held out today")
    found = errors(contract, rows.target, predictions_of(champion, contract, rows))
    undefined = int(np.sum(~np.isfinite(found)))
    if undefined:
        raise IncomparableError(
            f"the error of version {champion.version} is not defined on {undefined:,} of {len(rows):,} rows"
        )
    return rows, Rival(champion.version, found)
