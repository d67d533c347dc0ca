import json
from collections.abc import Callable
from pathlib import Path

import mlflow
import numpy as np
import pandas as pd
import pytest
from sklearn.datasets import load_diabetes

from pipeline.bundle.load import load_bundle
from pipeline.contract import Candidate, Contract, ContractError, Window, parse_contract
from pipeline.data_registry import DataRegistry, DataRegistryError
from pipeline.errors import NothingToDo
from pipeline.model_registry import challenger, champion, connect, fetch_bundle, read_version
from pipeline.settings import Settings
from training.data import load_parts
from training.errors import GateRefused, TrainingError
from training.evaluation.document import Evaluation
from training.evaluation.evaluate import choose, evaluate
from training.fit import Fitted, fit_candidate
from training.gate.judge import judge
from training.metrics import METRICS
from training.package import BACKGROUND, package
from training.plan import plan
from training.register import register
from training.tracking import Tracker


def test_a_plan_without_published_data_has_nothing_to_do(settings: Settings, small_contract: Contract) -> None:
    with pytest.raises(NothingToDo, match="no data version of small is published yet"):
        plan(small_contract, settings, "run", None, "a test")


def test_a_plan_names_the_version_and_records_it(stock: Settings, chain, small_contract: Contract) -> None:
    assert chain.plan.data_version == "data-v1.0.0"
    assert chain.plan.candidates == ["dummy", "ridge", "gradient_boosting"]
    parent = connect(stock).get_run(chain.plan.parent_run_id)
    recorded = parent.inputs.dataset_inputs[0].dataset
    assert (recorded.name, recorded.digest) == ("small", "data-v1.0.0")
    assert json.loads(recorded.source)["tag"] == "data-v1.0.0"
    assert json.loads(recorded.profile)["num_rows"] == 400
    assert parent.data.tags["gate"] == chain.decision.sentence
    assert parent.info.status == "FINISHED"
    assert connect(stock).get_experiment(parent.info.experiment_id).name == small_contract.name


def test_a_version_that_is_not_there_is_named(stock: Settings, small_contract: Contract) -> None:
    with pytest.raises(DataRegistryError, match=r"data-v9\.0\.0"):
        plan(small_contract, stock, "run", "data-v9.0.0", "a test")


def test_data_of_another_contract_is_not_trained_on(stock: Settings, small_contract: Contract) -> None:
    changed = small_contract.model_copy(
        update={"split": small_contract.split.model_copy(update={"salt": "another"})},
    )
    with pytest.raises(TrainingError, match="was published under another contract"):
        plan(changed, stock, "run", None, "a test")


def test_the_run_keeps_its_version_when_newer_data_comes(
    settings: Settings, small_contract: Contract, small_rows: Callable[..., pd.DataFrame], publish
) -> None:
    frame = small_rows(200, 0)
    publish(small_contract, settings, frame[:100], Window(end="2021-01-01"))
    first = plan(small_contract, settings, "run-1", None, "a test")
    publish(small_contract, settings, frame[100:], Window(start="2021-01-01"))
    assert plan(small_contract, settings, "run-1", None, "said otherwise") == first
    later = plan(small_contract, settings, "run-2", None, "a test")
    assert (first.data_version, later.data_version) == ("data-v1.0.0", "data-v1.1.0")
    assert later.parent_run_id != first.parent_run_id


def test_candidates_are_nested_runs_with_metrics_parameters_and_their_model(stock: Settings, chain) -> None:
    fitted = {one.candidate: one for one in chain.fitted}
    assert set(fitted["ridge"].metrics) == set(fitted["ridge"].validation) == set(METRICS)
    assert fitted["ridge"].metrics["mae"] < fitted["dummy"].metrics["mae"] / 2
    run = connect(stock).get_run(fitted["gradient_boosting"].run_id)
    assert run.data.tags["mlflow.parentRunId"] == chain.plan.parent_run_id
    stated = {"kind": "gradient_boosting", "seed": "3", "n_estimators": "60"}
    assert run.data.params == {**stated, "trials": "1", "rows": str(fitted["gradient_boosting"].rows)}
    assert run.data.metrics["fit_seconds"] == fitted["gradient_boosting"].seconds > 0
    assert run.data.metrics["cv_mae"] == fitted["gradient_boosting"].metrics["mae"]
    curve = connect(stock).get_metric_history(fitted["gradient_boosting"].run_id, "learning_curve")
    assert [point.step for point in curve] == sorted(point.step for point in curve)
    assert curve[-1].value < curve[0].value, "four times the rows should help here"


def test_the_logged_model_is_no_pickle_and_mlflow_can_load_it(stock: Settings, small_contract: Contract, chain) -> None:
    tracker = Tracker(small_contract, stock)
    parts = load_parts(small_contract, stock, "data-v1.0.0")
    for one in chain.fitted:
        files = mlflow.artifacts.list_artifacts(tracker.model_uri(one.run_id))
        assert "model.skops" in {file.path for file in files}
        assert not [file.path for file in files if file.path.endswith(".pkl")]
        model = mlflow.pyfunc.load_model(tracker.model_uri(one.run_id))
        direct = tracker.load_model(one.run_id).predict(parts["test"].matrix)
        assert np.array_equal(model.predict(parts["test"].matrix), direct)


def test_a_model_is_fitted_on_training_rows_only(stock: Settings, small_contract: Contract, chain) -> None:
    dummy = next(one for one in chain.fitted if one.candidate == "dummy")
    parts = load_parts(small_contract, stock, "data-v1.0.0")
    expected = np.exp(np.median(np.log(parts["train"].target)))
    model = Tracker(small_contract, stock).load_model(dummy.run_id)
    assert model.predict(parts["test"].matrix[:1])[0] == pytest.approx(expected)
    assert sum(map(len, parts.values())) == 400


def test_every_stage_repeated_gives_the_same(stock: Settings, small_contract: Contract, chain, train) -> None:
    assert train(small_contract, stock, "run-1") == chain
    runs = connect(stock).search_runs(
        [connect(stock).get_experiment_by_name("small").experiment_id],
        f"tags.`mlflow.parentRunId` = '{chain.plan.parent_run_id}'",
    )
    assert len(runs) == 3
    assert len(connect(stock).search_model_versions(f"run_id = '{chain.evaluated.run_id}'")) == 1


def test_another_run_on_the_same_data_gives_the_same_model(
    stock: Settings, small_contract: Contract, chain, train
) -> None:
    other = train(small_contract, stock, "run-same")
    assert other.evaluated.metrics == chain.evaluated.metrics
    assert [one.metrics for one in other.fitted] == [one.metrics for one in chain.fitted]
    assert other.challenger.version == chain.challenger.version + 1
    assert challenger(stock, "small") == other.challenger.version
    train(small_contract, stock, "run-1")
    assert challenger(stock, "small") == other.challenger.version, "an old run took the alias back"


def test_what_monitoring_asks_for_twice_is_made_once(stock: Settings, small_contract: Contract, chain) -> None:
    """Between a request and the release, monitoring may run again and still find no model."""
    made = chain.challenger
    with pytest.raises(NothingToDo, match=f"version .* was trained on {made.data_version} under this contract already"):
        plan(small_contract, stock, "asked again", made.data_version, "no model", requested=True)
    by_hand = plan(small_contract, stock, "asked again", made.data_version, "I want it")
    assert by_hand.parent_run_id != chain.plan.parent_run_id


def test_what_the_gate_has_refused_is_not_trained_again_until_something_changes(
    stock: Settings, small_contract: Contract, train
) -> None:
    training = small_contract.training.model_copy(update={"seed": 99})
    gate = small_contract.gate.model_copy(update={"share_of_dummy": 1e-6})
    strict = small_contract.model_copy(update={"training": training, "gate": gate})
    with pytest.raises(GateRefused):
        train(strict, stock, "run-in-vain")
    with pytest.raises(NothingToDo, match=r"against version none already, and the gate said: Refused: .* the dummy's"):
        plan(strict, stock, "asked again", None, "drift", requested=True)
    assert plan(strict, stock, "asked by hand", None, "I want it").data_version == "data-v1.0.0"
    assert plan(strict, stock, "after a shift", None, "drift", requested=True, shift=True).shift
    other = strict.model_copy(update={"training": training.model_copy(update={"seed": 100})})
    assert plan(other, stock, "other contract", None, "drift", requested=True).parent_run_id


def test_a_fit_that_was_cut_off_is_done_anew(stock: Settings, small_contract: Contract) -> None:
    planned = plan(small_contract, stock, "run-cut", None, "a test")
    tracker = Tracker(small_contract, stock)
    broken = small_contract.model_copy(
        update={
            "training": small_contract.training.model_copy(
                update={"candidates": {"bad": Candidate(kind="ridge", parameters={"alpha": -1.0})}}
            )
        }
    )
    with pytest.raises(TrainingError, match="candidate 'bad' cannot be fitted: The 'alpha' parameter"):
        fit_candidate(broken, stock, planned, "bad")
    with pytest.raises(TrainingError, match="candidate 'bad' cannot be fitted"):
        fit_candidate(broken, stock, planned, "bad")
    first = fit_candidate(small_contract, stock, planned, "ridge")
    tracker.client.update_run(first.run_id, status="RUNNING")  # as a lost worker leaves it
    second = fit_candidate(small_contract, stock, planned, "ridge")
    assert second.run_id != first.run_id
    assert second.metrics == first.metrics
    assert tracker.client.get_run(first.run_id).info.status == "KILLED"
    assert fit_candidate(small_contract, stock, planned, "ridge") == second


def test_a_candidate_that_the_contract_does_not_have_is_named(stock: Settings, small_contract: Contract, chain) -> None:
    with pytest.raises(TrainingError, match="no candidate 'magic'; there are: dummy, ridge, gradient_boosting"):
        fit_candidate(small_contract, stock, chain.plan, "magic")


def test_the_best_by_cross_validation_is_chosen_and_never_the_dummy(small_contract: Contract) -> None:
    def fitted(candidate: str, error: float | None, rows: int = 280) -> Fitted:
        metrics = {} if error is None else {"mean_abs_log_error": error}
        validation = {} if error is None else {"mean_abs_log_error": 1 / error}
        return Fitted(
            candidate=candidate,
            run_id="r",
            metrics=metrics,
            validation=validation,
            parameters={},
            trials=1,
            rows=rows,
            seconds=1,
        )

    ridge, boosting, dummy = fitted("ridge", 3), fitted("gradient_boosting", 2), fitted("dummy", 1)
    assert choose(small_contract, [dummy, ridge, boosting]) is boosting
    assert choose(small_contract, [dummy, ridge, fitted("gradient_boosting", None)]) is ridge
    assert choose(small_contract, [dummy]) is dummy
    with pytest.raises(TrainingError, match="nothing to choose from"):
        choose(small_contract, [fitted("ridge", None)])
    # With more rows than the tuning takes, what counts is how the final model does on the validation rows.
    assert choose(small_contract, [ridge, fitted("gradient_boosting", 2, rows=20_001)]) is ridge


def test_the_evaluation_is_of_test_rows(stock: Settings, small_contract: Contract, chain) -> None:
    parts = load_parts(small_contract, stock, "data-v1.0.0")
    test, found = parts["test"], chain.evaluated
    model = Tracker(small_contract, stock).load_model(found.run_id)
    assert found.rows == len(test)
    assert found.metrics["mae"] == pytest.approx(np.abs(model.predict(test.matrix) - test.target).mean())
    assert found.dummy["mae"] == pytest.approx(np.abs(np.median(parts["train"].target) - test.target).mean())
    logged = connect(stock).get_run(chain.plan.parent_run_id).data.metrics
    assert logged["test_mae"] == found.metrics["mae"]
    assert logged["dummy_mae"] == found.dummy["mae"]
    assert logged["parity"] == chain.packaged.parity < 1e-5
    evaluation = Tracker(small_contract, stock).read_document(found.run_id, "evaluation.json", Evaluation)
    assert evaluation.metrics["mae"].value == found.metrics["mae"]
    assert evaluation.metrics["mae"].low < found.metrics["mae"] < evaluation.metrics["mae"].high
    assert {one.feature for one in evaluation.importance} == set(small_contract.features)


def test_the_bundle_answers_as_the_logged_model_on_raw_records(
    stock: Settings, small_contract: Contract, chain, tmp_path: Path, small_rows: Callable[..., pd.DataFrame]
) -> None:
    fetch_bundle(stock, chain.packaged.run_id, chain.packaged.digest, tmp_path / "bundle")
    bundle = load_bundle(tmp_path / "bundle")
    bundle.check_smoke()
    raw = small_rows(60, 9)
    model = Tracker(small_contract, stock).load_model(chain.evaluated.run_id)
    expected = model.predict(bundle.encoder.columns(raw))
    records = raw.to_dict("records")
    answered = [bundle.predict(bundle.encoder.record(record))[0] for record in records]
    assert np.allclose(answered, expected, rtol=1e-5, atol=0)
    low, high = bundle.interval(np.array(answered))
    assert ((low < answered) & (answered < high)).all()


def test_the_bundle_says_what_training_has_seen(stock: Settings, small_contract: Contract, chain, tmp_path) -> None:
    fetch_bundle(stock, chain.packaged.run_id, chain.packaged.digest, tmp_path / "bundle")
    metadata = load_bundle(tmp_path / "bundle").metadata
    part = load_parts(small_contract, stock, "data-v1.0.0")["train"]
    train = part.frame
    assert set(metadata.training_ranges) == {"area", "class", "größe des gartens"}
    assert metadata.training_ranges["area"] == pytest.approx((train["area"].min(), train["area"].max()), rel=1e-6)
    assert len(metadata.smoke) == small_contract.serving.smoke_rows
    assert {type(row.record["class"]) for row in metadata.smoke} == {int}
    assert None in {row.record["größe des gartens"] for row in metadata.smoke}
    assert all(list(row.record) == list(small_contract.features) for row in metadata.smoke)
    background = np.array(metadata.background, dtype=np.float32)
    assert len(background) == min(BACKGROUND, len(train)) == 100
    assert {row.tobytes() for row in background} <= {row.tobytes() for row in part.matrix}


def test_the_version_carries_what_makes_it_reproducible(stock: Settings, small_contract: Contract, chain) -> None:
    version = read_version(stock, "small", chain.challenger.version)
    assert version.run_id == chain.challenger.run_id == chain.evaluated.run_id
    assert version.tags["data_version"] == "data-v1.0.0"
    assert version.tags["bundle_digest"] == chain.packaged.digest == chain.challenger.bundle_digest
    assert version.tags["contract_data_hash"] == small_contract.data_hash
    assert version.tags["contract_model_hash"] == small_contract.model_hash
    assert version.tags["seed"] == "3"
    assert version.tags["candidate"] == chain.evaluated.candidate
    assert version.tags["gate"] == chain.decision.sentence
    assert len(version.tags["lock_hash"]) == 64
    assert "git_commit" not in version.tags, "the test's project has no history"


def test_a_refused_challenger_is_not_registered_and_the_reason_is_kept(
    stock: Settings, small_contract: Contract
) -> None:
    strict = small_contract.model_copy(
        update={"gate": small_contract.gate.model_copy(update={"share_of_dummy": 1e-6})},
    )
    planned = plan(small_contract, stock, "run-refused", None, "a test")
    fitted = [fit_candidate(small_contract, stock, planned, "ridge")]
    evaluated = evaluate(small_contract, stock, planned, fitted)
    packaged = package(small_contract, stock, planned, evaluated)
    decision = judge(strict, stock, planned, evaluated, packaged)
    with pytest.raises(GateRefused, match=r"MAE as a share of the dummy's is .* must be at most 0.0001 %"):
        register(strict, stock, planned, evaluated, packaged, decision)
    assert not connect(stock).search_model_versions(f"run_id = '{evaluated.run_id}'")
    assert connect(stock).get_run(planned.parent_run_id).data.tags["gate"] == decision.sentence
    assert champion(stock, "small") is None


def test_an_unknown_kind_fails_the_fit_with_the_kinds_there_are(stock: Settings, small_contract: Contract) -> None:
    training = small_contract.training.model_copy(update={"candidates": {"mine": Candidate(kind="magic")}})
    contract = small_contract.model_copy(update={"training": training})
    planned = plan(contract, stock, "run-magic", None, "a test")
    with pytest.raises(ContractError, match="'magic' is not known; there are: dummy, ridge"):
        fit_candidate(contract, stock, planned, "mine")


def test_a_split_without_rows_is_named(
    settings: Settings, small_contract: Contract, small_rows: Callable[..., pd.DataFrame], publish
) -> None:
    version = publish(small_contract, settings, small_rows(1, 0), Window())
    with pytest.raises(TrainingError, match=r"data-v1\.0\.0 has 1 rows and none of them for .*: publish more data"):
        load_parts(small_contract, settings, version)


def test_data_without_key_time_and_category_can_be_trained_on(settings: Settings, train, publish) -> None:
    data = load_diabetes(as_frame=True, scaled=False)
    columns = {name: {"type": "number"} for name in data.data.columns}
    columns["unused so far"] = {"type": "number", "required": False}
    contract = parse_contract(
        {
            "name": "diabetes",
            "columns": columns,
            "target": {"name": "progression"},
            "ingestion": {"source": "nowhere.csv"},
            "training": {
                "candidates": {
                    "ridge": {"kind": "ridge"},
                    "huber": {"kind": "gradient_boosting", "parameters": {"loss": "huber", "n_estimators": 40}},
                }
            },
        }
    )
    frame = data.data.assign(progression=data.target, **{"unused so far": np.nan})
    publish(contract, settings, frame, Window())
    chain = train(contract, settings, "run-1")
    assert chain.challenger.version == 1
    assert chain.evaluated.interval.scale == "identity"
    assert chain.packaged.parity < 1e-5
    fetch_bundle(settings, chain.packaged.run_id, chain.packaged.digest, settings.state / "bundle")
    bundle = load_bundle(settings.state / "bundle")
    bundle.check_smoke()
    assert set(bundle.metadata.training_ranges) == set(data.data.columns)


def test_the_default_model_reaches_its_bar_on_the_years_after_its_data(
    settings: Settings, house_prices: Contract, publish, train, tmp_path: Path
) -> None:
    assert house_prices.demo is not None
    table = pd.read_csv(settings.project_dir / house_prices.ingestion.source, keep_default_na=False, na_values=[""])
    table = table.astype(dict.fromkeys(house_prices.key, str))
    when = pd.to_datetime(table[house_prices.event_time])
    history = when < pd.Timestamp(house_prices.demo.history.end)
    publish(house_prices, settings, table[history], house_prices.demo.history)
    few = {name: house_prices.training.candidates[name] for name in ("dummy", "ridge", "support_vectors")}
    training = house_prices.training.model_copy(
        update={"candidates": few}
    )  # the others take a minute; the demo has all
    house_prices = house_prices.model_copy(update={"training": training})
    chain = train(house_prices, settings, "run-1")
    fetch_bundle(settings, chain.packaged.run_id, chain.packaged.digest, tmp_path / "bundle")
    bundle = load_bundle(tmp_path / "bundle")
    replay = table[~history]
    actual = replay[house_prices.target.name].to_numpy(dtype=float)
    error = bundle.predict(bundle.encoder.columns(replay)) - actual
    assert np.abs(error).mean() <= 13_900
    assert 0.91 <= 1 - (error**2).sum() / ((actual - actual.mean()) ** 2).sum() <= 0.97
    assert len(DataRegistry(settings, house_prices).read("data-v1.0.0")) == history.sum()
