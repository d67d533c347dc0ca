"""`<model>.model_training`: fit the candidates, prove the best one, register it. One DAG per contract."""

from pathlib import Path
from typing import Any

from airflow.sdk import Param, dag

from dags import wiring
from dags.wiring import run_key, stage
from pipeline.contract import Contract, load_contracts
from pipeline.settings import load_settings

DOC = """
### Model training

Fits every candidate of the contract on the training rows of one named data version (one mapped task each, one nested
MLflow run each), takes the one with the least validation error, evaluates it **once** on the frozen test rows, converts
it to ONNX and proves that both agree, and lets the gate judge. What passes is registered as *challenger* and triggers
the deployment; what does not fails in `gate`, with the rule that refused it and by how much.
"""


def build(contract: Contract) -> Any:
    """Return the contract's training DAG."""
    request, challenger = wiring.request_asset(contract), wiring.challenger_asset(contract)
    params = {
        "data_version": Param(None, type=["null", "string"], title="Data version", description="Empty: the newest one"),
        "reason": Param("asked for by hand", type="string", title="Reason", description="Kept with the model version"),
    }

    @dag(
        dag_id=f"{contract.name}.model_training",
        schedule=[request],
        params=params,
        **wiring.dag_options(contract, "Model training", DOC),
    )
    def model_training() -> None:
        @stage
        def plan(*, params: Any = None, run_id: Any = None, triggering_asset_events: Any = None) -> Any:
            from training import plan

            event = wiring.event_extra(triggering_asset_events, request)
            asked = {**params, **event}
            refs = (run_key(run_id), asked["data_version"], asked["reason"])
            return plan.plan(contract, load_settings(), *refs, requested=bool(event))

        @stage(map_index_template="{{ task.op_kwargs['name'] }}")
        def fit(planned: dict[str, Any], name: str, *, ti: Any = None) -> Any:
            from pipeline.model_registry import run_url
            from training import fit, plan

            settings = load_settings()
            fitted = fit.fit_candidate(contract, settings, plan.Plan(**planned), name)
            ti.xcom_push("mlflow_url", run_url(settings, fitted.run_id))
            return fitted

        @stage
        def evaluate(planned: dict[str, Any], fitted: list[dict[str, Any]]) -> Any:
            from training import evaluate, fit, plan

            candidates = [fit.Fitted(**one) for one in fitted]
            return evaluate.evaluate(contract, load_settings(), plan.Plan(**planned), candidates)

        @stage
        def package(planned: dict[str, Any], evaluated: dict[str, Any]) -> Any:
            from training import evaluate, package, plan

            return package.package(contract, load_settings(), plan.Plan(**planned), evaluate.Evaluated(**evaluated))

        @stage
        def gate(planned: dict[str, Any], evaluated: dict[str, Any], packaged: dict[str, Any]) -> Any:
            from training import evaluate, gate, package, plan, register

            decision = gate.judge(contract, evaluate.Evaluated(**evaluated), package.Packaged(**packaged))
            return register.enforce(contract, load_settings(), plan.Plan(**planned), decision)

        @stage(outlets=[challenger])
        def register(
            planned: dict[str, Any],
            evaluated: dict[str, Any],
            packaged: dict[str, Any],
            decision: dict[str, Any],
            *,
            outlet_events: Any = None,
        ) -> Any:
            from training import evaluate, gate, package, plan, register

            refs = (plan.Plan(**planned), evaluate.Evaluated(**evaluated), package.Packaged(**packaged))
            registered = register.register(contract, load_settings(), *refs, gate.Decision(**decision))
            outlet_events[challenger].extra = {"version": registered.version}
            return registered

        planned = plan()
        evaluated = evaluate(planned, fit.partial(planned=planned).expand(name=list(contract.training.candidates)))
        packaged = package(planned, evaluated)
        register(planned, evaluated, packaged, gate(planned, evaluated, packaged))

    return model_training()


for contract in load_contracts(Path(__file__).resolve().parents[1] / "contracts").values():
    globals()[contract.name] = build(contract)
