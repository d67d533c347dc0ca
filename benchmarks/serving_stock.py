"""A released model for the service to serve: support vectors on the default data, trained as the DAGs do it."""

from pathlib import Path

from benchmarks.ingestion_ours import ROOT
from benchmarks.training_ours import contract
from ingestion.collect import collect
from ingestion.publish import publish
from ingestion.validate import validate
from pipeline.contract import Contract, Window
from pipeline.settings import Settings
from serving.reconcile import place_release, switch
from serving.release import evidence, release
from training.evaluation.evaluate import evaluate
from training.gate.judge import judge
from training.package import package
from training.plan import plan
from training.register import register
from training.tracking import Tracker
from training.vote import fit_all

CANDIDATE = "support_vectors"


def released(folder: Path, port: int) -> tuple[Contract, Settings]:
    """Train, release and place a model in the folder; return its contract, and settings of a service on the port."""
    told, own = _one_candidate(contract()), f"sqlite:///{folder}/mlflow.db"
    settings = Settings(project_dir=ROOT, state_dir=folder, mlflow_uri=own, reports_uri="", serving_port=port)
    collected = collect(told, settings, "benchmark", Window(), None)
    publish(told, settings, validate(told, settings, "benchmark", collected))
    planned = plan(told, settings, "benchmark", None, "a benchmark")
    evaluated = evaluate(told, settings, planned, fit_all(told, settings, planned))
    packaged = package(told, settings, planned, evaluated)
    decision = judge(told, settings, planned, evaluated, packaged)
    register(told, settings, planned, evaluated, packaged, decision)
    live = release(settings, evidence(told, settings, None, None))
    switch(place_release(settings, live))
    (folder / "mlflow-model.txt").write_text(Tracker(told, settings).model_uri(live.run_id), encoding="utf-8")
    return told, settings


def _one_candidate(told: Contract) -> Contract:
    tuning = told.training.tuning.model_copy(update={"trials": 1})
    candidates = {CANDIDATE: told.training.candidates[CANDIDATE]}
    training = told.training.model_copy(update={"candidates": candidates, "tuning": tuning})
    return told.model_copy(update={"training": training})
