"""Storing a model version's card: beside its model in MLflow, and where Airflow shows it with the run that made it."""

from pipeline.contract import Contract
from pipeline.model_registry import read_version
from pipeline.settings import Settings
from pipeline.storage import storage, write_bytes
from training.card.write import PLOTS, Card, card
from training.evaluation.document import EVALUATION, Evaluation
from training.gate.decision import DECISION, Decision
from training.leaderboard import leaderboard
from training.tracking import Tracker

CARDS = "cards"  # the folder of the storage


def write_card(contract: Contract, settings: Settings, run: str, version: int) -> Card:
    """Write the card of a registered version; written again it is the same.

    Args:
        contract: that the version was trained under.
        settings: where things are.
        run: that registered the version, by which Airflow finds its card.
        version: of the registered model.

    Raises:
        ModelRegistryError: when there is no such version.
        TrainingError: when its evaluation or decision is gone.
    """
    tracker = Tracker(contract, settings)
    registered = read_version(settings, contract.name, version)
    made = card(
        contract,
        version,
        registered.tags,
        tracker.read_document(registered.run_id, EVALUATION, Evaluation),
        tracker.read_document(registered.run_id, DECISION, Decision),
        leaderboard(settings, registered.run_id),
        tracker.read_files(registered.run_id, PLOTS),
    )
    forms = {"model_card.html": made.html.encode(), "model_card.md": made.markdown.encode()}
    tracker.log_files(registered.run_id, "", forms)
    write_bytes(storage(settings, CARDS, contract.name, run) / "report.html", made.html.encode())
    return made
