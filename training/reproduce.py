"""Reproduce: train a model version again from exactly what it was made from, and say whether that gives the same."""

import json
from collections.abc import Mapping

import numpy as np
from mlflow.entities import Run
from mlflow.exceptions import MlflowException

from pipeline.contract import Contract
from pipeline.data_registry import DataRegistry
from pipeline.model_registry import read_version
from pipeline.settings import Settings
from training.data import Part, join, load_parts
from training.errors import TrainingError
from training.fit import CROSS_VALIDATED, VALIDATION, Fitted, measured
from training.lineage import origin
from training.metrics import METRICS
from training.plan import REPRODUCES, Plan, plan
from training.proof import predictor
from training.reproduce_fit import PARENT, fit_again
from training.reproducible import Origin, check_checkout, differences
from training.reproduction import Outcome, Reproduction, compare, tell
from training.tracking import Tracker

REPRODUCTION = "reproduction.json"
_TEST = "test_"


def reproduce(contract: Contract, settings: Settings, version: int, run: str, *, anyway: bool = False) -> Reproduction:
    """Train a version's candidate again and compare the two, on all rows that neither was fitted to.

    Args:
        contract: of this checkout.
        settings: where things are.
        version: the model version.
        run: identifies the run; the same run finds what it did before.
        anyway: train here even where not all is as it was when the version was made; the sentence says so then.

    Raises:
        AnotherCheckoutError: where code, contract, lock or libraries are not the version's; its message holds the
            commands that set those up.
        ModelRegistryError: when there is no such version.
        TrainingError: when its data version holds other rows by now, or what it was made from is gone.
    """
    tracker = Tracker(contract, settings)
    registered = read_version(settings, contract.name, version)
    before = _run(tracker, registered.run_id)
    made = Origin(contract.name, version, before.info.run_id, dict(registered.tags), origin(contract, settings))
    caveats = differences(made)
    if not anyway:
        check_checkout(settings, made, caveats)
    caveats += _check_rows(contract, settings, tracker, before, anyway)
    planned = _plan(contract, settings, tracker, version, before.data.tags["data_version"], run)
    fitted = fit_again(contract, settings, tracker, planned, before)
    outcome = _compare(contract, settings, tracker, planned, before, fitted)
    found = _verdict(contract, version, planned, fitted, outcome, caveats)
    _record(tracker, planned, found)
    return found


def _run(tracker: Tracker, run_id: str) -> Run:
    try:
        return tracker.client.get_run(run_id)
    except MlflowException as error:
        raise TrainingError(f"run {run_id!r}, which made the version, cannot be read from MLflow: {error}") from error


def _check_rows(contract: Contract, settings: Settings, tracker: Tracker, before: Run, anyway: bool) -> list[str]:
    """A data version is for ever; but a tag can be moved by hand, and then nothing that follows means anything."""
    version = before.data.tags["data_version"]
    recorded = _run(tracker, before.data.tags[PARENT]).inputs.dataset_inputs
    then = [json.loads(one.dataset.profile)["checksum"] for one in recorded if one.dataset.digest == version]
    now = DataRegistry(settings, contract).note(version).checksum
    if then in ([], [now]):
        return []
    found = f"{version} of {contract.name} holds other rows: checksum {then[0][:12]} then, {now[:12]} now"
    if anyway:
        return [found]
    raise TrainingError(
        f"{found}: its tag was moved by hand in the data registry; bring it back from a copy of the registry, or train "
        "on what is there with --anyway"
    )


def _plan(contract: Contract, settings: Settings, tracker: Tracker, version: int, data_version: str, run: str) -> Plan:
    """A run of its own, which says that it is no training."""
    reason = f"version {version} is trained again, to see whether it can be reproduced"
    planned = plan(contract, settings, f"reproduce version {version}: {run}", data_version, reason)
    tracker.client.set_tag(planned.parent_run_id, REPRODUCES, str(version))
    tracker.client.update_run(planned.parent_run_id, name=f"reproduce version {version}")
    return planned


def _compare(
    contract: Contract, settings: Settings, tracker: Tracker, planned: Plan, before: Run, fitted: Fitted
) -> Outcome:
    parts = load_parts(contract, settings, planned.data_version)
    held_out = join(parts["validation"], parts["test"])
    was, now = (predictor(tracker.load_model(run_id)) for run_id in (before.info.run_id, fitted.run_id))
    after = _run(tracker, fitted.run_id)
    metrics = _metrics(after.data.metrics) | _tested(contract, parts["test"], now(parts["test"].matrix))
    return compare(
        (was(held_out.matrix), now(held_out.matrix)),
        (_metrics(before.data.metrics), metrics),
        (before.data.params, after.data.params),
    )


def _metrics(logged: Mapping[str, float]) -> dict[str, float]:
    named = [prefix + name for prefix in (CROSS_VALIDATED, VALIDATION, _TEST) for name in METRICS]
    return {name: logged[name] for name in named if name in logged}


def _tested(contract: Contract, test: Part, predicted: np.ndarray) -> dict[str, float]:
    return {_TEST + name: value for name, value in measured(contract, test.target, predicted).items()}


def _verdict(
    contract: Contract, version: int, planned: Plan, fitted: Fitted, outcome: Outcome, caveats: list[str]
) -> Reproduction:
    title = f"version {version} of {contract.name} ({fitted.candidate} on {planned.data_version})"
    return Reproduction(
        model=contract.name,
        version=version,
        candidate=fitted.candidate,
        data_version=planned.data_version,
        run_id=fitted.run_id,
        equal=outcome.equal,
        outcome=outcome,
        caveats=caveats,
        sentence=tell(title, outcome, caveats),
    )


def _record(tracker: Tracker, planned: Plan, found: Reproduction) -> None:
    tracker.log_document(planned.parent_run_id, REPRODUCTION, found)
    tracker.client.set_tag(planned.parent_run_id, "reproduction", found.sentence)
    if found.outcome.largest_difference is not None:
        tracker.log_metrics(planned.parent_run_id, {"largest_difference": found.outcome.largest_difference})
    tracker.client.set_terminated(planned.parent_run_id)
