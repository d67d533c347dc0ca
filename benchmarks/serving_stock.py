"""A released model for the service to serve: support vectors on the default data, trained as the DAGs do it."""

from pathlib import Path

from benchmarks.ingestion_ours import ROOT
from benchmarks.serving_named import save_named
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

CANDIDATE, OTHER = "support_vectors", "ridge"


def released(folder: Path, port: int) -> tuple[Contract, Settings]:
    """Train, release and place a model in the folder; return its contract, and settings of a service on the port."""
    told, own = contract(), f"sqlite:///{folder}/mlflow.db"
    settings = Settings(project_dir=ROOT, state_dir=folder, mlflow_uri=own, reports_uri="", serving_port=port)
    collected = collect(told, settings, "benchmark", Window(), None)
    publish(told, settings, validate(told, settings, "benchmark", collected))
    trained(told, settings, CANDIDATE)
    live = release(settings, evidence(told, settings, None, None))
    switch(place_release(settings, live))
    save_named(Tracker(told, settings), live.run_id, folder)
    return told, settings


def trained(told: Contract, settings: Settings, candidate: str) -> int:
    """Train a candidate and register it, whatever the gate says of it; return its version."""
    one = _one_candidate(told, candidate)
    planned = plan(one, settings, f"benchmark-{candidate}", None, "a benchmark")
    evaluated = evaluate(one, settings, planned, fit_all(one, settings, planned))
    packaged = package(one, settings, planned, evaluated)
    decision = judge(one, settings, planned, evaluated, packaged).model_copy(update={"passed": True})
    return register(one, settings, planned, evaluated, packaged, decision).version


def _one_candidate(told: Contract, candidate: str) -> Contract:
    tuning = told.training.tuning.model_copy(update={"trials": 1})
    candidates = {candidate: told.training.candidates[candidate]}
    training = told.training.model_copy(update={"candidates": candidates, "tuning": tuning})
    return told.model_copy(update={"training": training})
