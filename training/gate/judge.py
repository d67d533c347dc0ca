"""Judge: the gate as a stage. It gathers what the rules need, decides, and keeps the decision with the run."""

from pipeline.contract import Contract
from pipeline.model_registry import version_of_run
from pipeline.settings import Settings
from training.data import join, load_parts
from training.evaluation.document import EVALUATION, Evaluation
from training.evaluation.evaluate import Evaluated
from training.gate.champion import Champion, IncomparableError, bundle_of, find_champion
from training.gate.decide import decide
from training.gate.decision import DECISION, Decision
from training.gate.evidence import Evidence
from training.gate.gather import gather
from training.package import Packaged
from training.plan import Plan
from training.tracking import Tracker


def judge(contract: Contract, settings: Settings, plan: Plan, evaluated: Evaluated, packaged: Packaged) -> Decision:
    """Decide whether the challenger may take the place of what is live, and store the decision with its run.

    A challenger that was registered keeps the decision that let it: compared with itself, or with one that has come
    since, it would gain nothing.

    Raises:
        TrainingError: when the data version has a split without rows.
        ModelRegistryError: when the challenger's bundle is not there, or the registry cannot be reached.
        BundleError: when the challenger's bundle is not the one that was packaged.
        ReleaseLogError: when what is live cannot be read.
    """
    tracker = Tracker(contract, settings)
    if version_of_run(tracker.client, contract.name, evaluated.run_id) is not None:
        return tracker.read_document(evaluated.run_id, DECISION, Decision)
    champion, incomparable = _live(contract, settings)
    evaluation = tracker.read_document(evaluated.run_id, EVALUATION, Evaluation)
    evidence = _evidence(contract, settings, plan, evaluation, packaged, champion, incomparable)
    decision = decide(contract, evidence)
    tracker.log_document(evaluated.run_id, DECISION, decision)
    return decision


def _live(contract: Contract, settings: Settings) -> tuple[Champion | None, str]:
    """What is live or, where it cannot be had, why."""
    try:
        return find_champion(contract, settings), ""
    except IncomparableError as error:
        return None, str(error)


def _evidence(
    contract: Contract,
    settings: Settings,
    plan: Plan,
    evaluation: Evaluation,
    packaged: Packaged,
    champion: Champion | None,
    incomparable: str,
) -> Evidence:
    parts = load_parts(contract, settings, plan.data_version)
    return gather(
        contract,
        evaluation,
        packaged,
        bundle_of(settings, packaged.run_id, packaged.digest).predict,
        join(parts["validation"], parts["test"]),
        champion,
        shift=plan.shift,
        incomparable=incomparable,
    )
