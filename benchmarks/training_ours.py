"""Training as the pipeline does it, from the plan to the gate's decision, on the default contract."""

from pathlib import Path

from benchmarks.child import main
from benchmarks.ingestion_ours import CONTRACT, ROOT
from pipeline.contract import Contract, load_contract
from pipeline.settings import Settings
from training.evaluation.evaluate import evaluate
from training.gate.judge import judge
from training.package import package
from training.plan import plan
from training.vote import fit_all


def contract() -> Contract:
    """Return the default contract."""
    return load_contract(CONTRACT)


def settings(folder: Path) -> Settings:
    """Return settings whose whole state is in the folder."""
    return Settings(project_dir=ROOT, state_dir=folder, mlflow_uri=f"sqlite:///{folder}/mlflow.db", reports_uri="")


def train(stock: Path, _: Path) -> int:
    """Train on the data version in the stock, one candidate after the other; return how many rows it has.

    The gate refuses what it gets: rows that were drawn again and again are learnt by heart, and robust to nothing.
    """
    told, where = contract(), settings(stock)
    planned = plan(told, where, "benchmark", None, "a benchmark")
    evaluated = evaluate(told, where, planned, fit_all(told, where, planned))
    packaged = package(told, where, planned, evaluated)
    judge(told, where, planned, evaluated, packaged)
    return sum(packaged.rows.values())


if __name__ == "__main__":
    main(train)
