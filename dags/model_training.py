"""`<model>.model_training`: fit the candidates, prove the best one, register it. One DAG per contract."""

from pathlib import Path
from typing import Any

from airflow.sdk import dag

from dags import wiring
from dags.form import training_form
from dags.wiring import run_key, stage
from pipeline.contract import Contract, load_contracts
from pipeline.settings import load_settings

DOC = """
### Model training

Tunes every candidate of the contract by cross-validation on the training rows of one named data version (one mapped
task each, one nested MLflow run each) and takes the best. It is evaluated **once** on the frozen test rows, converted
to ONNX and proven to answer the same. Then the **gate** compares it with the champion, as Git says, on rows that
neither was fitted on, and asks whether it is robust, small and fast enough.

What passes is registered as *challenger*, with a model card (the *Report* tab of the run), and triggers the deployment.
What does not fails in `gate`, whose log ends with the rule that refused it and by how much; the champion stays.
"""


def build(contract: Contract) -> Any:  # noqa: C901 (it lists the tasks, one after the other)
    """Return the contract's training DAG."""
    request, challenger = wiring.request_asset(contract), wiring.challenger_asset(contract)
    votes = contract.training.votes

    @dag(
        dag_id=f"{contract.name}.model_training",
        schedule=[request],
        params=training_form(),
        **wiring.dag_options(contract, "Model training", DOC),
    )
    def model_training() -> None:
        @stage
        def plan(*, params: Any = None, run_id: Any = None, triggering_asset_events: Any = None) -> Any:
            from training import plan

            event = wiring.event_extra(triggering_asset_events, request)
            asked = {**params, **event}
            refs = (run_key(run_id), asked["data_version"], asked["reason"])
            options = {"requested": bool(event), "shift": asked["shift"]}
            return plan.plan(contract, load_settings(), *refs, **options)

        @stage(map_index_template="{{ task.op_kwargs['name'] }}")
        def fit(planned: dict[str, Any], name: str, *, ti: Any = None) -> Any:
            from pipeline.model_registry import run_url
            from training import fit, plan

            settings = load_settings()
            fitted = fit.fit_candidate(contract, settings, plan.Plan(**planned), name)
            ti.xcom_push("mlflow_url", run_url(settings, fitted.run_id))
            return fitted

        @stage(map_index_template="{{ task.op_kwargs['name'] }}")
        def combine(planned: dict[str, Any], fitted: list[dict[str, Any]], name: str, *, ti: Any = None) -> Any:
            from pipeline.model_registry import run_url
            from training import fit, plan, vote

            settings, members = load_settings(), [fit.Fitted(**one) for one in fitted]
            made = vote.fit_vote(contract, settings, plan.Plan(**planned), name, members)
            ti.xcom_push("mlflow_url", run_url(settings, made.run_id))
            return made

        @stage
        def evaluate(planned: dict[str, Any], fitted: list[dict[str, Any]], votes: list[dict[str, Any]]) -> Any:
            from training import fit, plan
            from training.evaluation import evaluate

            found = [fit.Fitted(**one) for one in (*fitted, *votes)]
            return evaluate.evaluate(contract, load_settings(), plan.Plan(**planned), found)

        @stage
        def package(planned: dict[str, Any], evaluated: dict[str, Any]) -> Any:
            from training import package, plan
            from training.evaluation import evaluate

            return package.package(contract, load_settings(), plan.Plan(**planned), evaluate.Evaluated(**evaluated))

        @stage
        def gate(planned: dict[str, Any], evaluated: dict[str, Any], packaged: dict[str, Any]) -> Any:
            from training import package, plan, register
            from training.evaluation import evaluate
            from training.gate import judge

            settings, plan_ = load_settings(), plan.Plan(**planned)
            refs = (evaluate.Evaluated(**evaluated), package.Packaged(**packaged))
            return register.enforce(contract, settings, plan_, judge.judge(contract, settings, plan_, *refs))

        @stage(outlets=[challenger])
        def register(
            planned: dict[str, Any],
            evaluated: dict[str, Any],
            packaged: dict[str, Any],
            decision: dict[str, Any],
            *,
            outlet_events: Any = None,
            ti: Any = None,
        ) -> Any:
            from pipeline.model_registry import run_url
            from training import package, plan, register
            from training.evaluation import evaluate
            from training.gate import decision as decided

            settings = load_settings()
            refs = (plan.Plan(**planned), evaluate.Evaluated(**evaluated), package.Packaged(**packaged))
            registered = register.register(contract, settings, *refs, decided.Decision(**decision))
            ti.xcom_push("mlflow_url", run_url(settings, registered.run_id))
            outlet_events[challenger].extra = {"version": registered.version}
            return registered

        planned = plan()
        fitted = fit.partial(planned=planned).expand(
            name=[name for name in contract.training.candidates if name not in votes]
        )
        combined = combine.partial(planned=planned, fitted=fitted).expand(name=list(votes)) if votes else []
        evaluated = evaluate(planned, fitted, combined)
        packaged = package(planned, evaluated)
        register(planned, evaluated, packaged, gate(planned, evaluated, packaged))

    return model_training()


for contract in load_contracts(Path(__file__).resolve().parents[1] / "contracts").values():
    globals()[contract.name] = build(contract)
