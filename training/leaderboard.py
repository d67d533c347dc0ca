"""The candidates of the training run that a model version comes from, as MLflow keeps them."""

from mlflow.entities import Run

from pipeline.contract.base import Section
from pipeline.model_registry import connect
from pipeline.settings import Settings
from training.fit import CROSS_VALIDATED


class Line(Section):
    """A candidate by cross-validation within the training rows; errors are in the target's unit."""

    candidate: str
    mae: float
    rmse: float
    r2: float
    seconds: float  # of tuning and fitting


def leaderboard(settings: Settings, run_id: str) -> list[Line]:
    """Return all candidates of the training that the run belongs to, best first."""
    client = connect(settings)
    run = client.get_run(run_id)
    parent = run.data.tags["mlflow.parentRunId"]
    siblings = client.search_runs([run.info.experiment_id], f"tags.`mlflow.parentRunId` = '{parent}'")
    finished = [_line(sibling) for sibling in siblings if sibling.info.status == "FINISHED"]
    return sorted(finished, key=lambda line: line.mae)


def _line(run: Run) -> Line:
    metrics = run.data.metrics
    measured = {name: metrics[CROSS_VALIDATED + name] for name in ("mae", "rmse", "r2")}
    return Line(candidate=run.data.tags["candidate"], **measured, seconds=metrics["fit_seconds"])
