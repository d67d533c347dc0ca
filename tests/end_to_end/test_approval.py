"""A person approves, refuses and goes back in Airflow; the versions are tiny ones, since training is told elsewhere."""

import time

import pytest

from cli.airflow_client import AirflowClient
from cli.stack.airflow import USER
from pipeline import model_registry
from pipeline.contract import load_contracts
from pipeline.release_history import release_history
from serving.client import ServiceClient
from tests.end_to_end.conftest import QUARTERS, wait_for
from tests.serving.releasing import register

pytestmark = [pytest.mark.end_to_end, pytest.mark.timeout(900)]

DAG = f"{QUARTERS}.model_deployment"


@pytest.fixture(scope="module")
def registered(told):
    """Two versions that nobody has approved yet."""
    contract = load_contracts(told.settings.contracts_dir)[QUARTERS]
    with AirflowClient(told.settings) as client:
        client.wait_for_dags([DAG])
    return [register(told.settings, contract, bias, record=contract.example()) for bias in (1.0, 2.0)]


def asked(airflow, run_id, seconds=120):
    """Wait until the run waits for a person, and return what they see."""
    path, deadline = f"/api/v2/dags/{DAG}/dagRuns/{run_id}/taskInstances/ask", time.monotonic() + seconds
    while (state := airflow._call("GET", path)["state"]) != "awaiting_input":
        assert state not in ("failed", "skipped", "upstream_failed"), state
        assert time.monotonic() < deadline, state
        time.sleep(0.2)
    return airflow._call("GET", f"{path}/-1/hitlDetails")


def answer(airflow, run_id, option, reason):
    body = {"chosen_options": [option], "params_input": {"reason": reason}}
    airflow._call("PATCH", f"/api/v2/dags/{DAG}/dagRuns/{run_id}/taskInstances/ask/-1/hitlDetails", json=body)


def served(told):
    with ServiceClient(told.settings.place("service_uri", QUARTERS)) as service:
        return (service.model() or {}).get("version")


def tags(told, version):
    return model_registry.read_version(told.settings, QUARTERS, version).tags


def test_an_approved_version_goes_live_with_who_and_why(told, airflow, registered):
    run_id = airflow.trigger(DAG, {"version": registered[0]})
    shown = asked(airflow, run_id)
    assert shown["subject"] == f"Release {QUARTERS} version {registered[0]}?"
    assert "**Live: nothing.**" in shown["body"]
    assert "| passed | the gain is 10 % |" in shown["body"]
    assert served(told) is None

    answer(airflow, run_id, "Approve", "The first one will do.")

    state, tasks = wait_for(airflow, DAG, run_id)
    assert (state, tasks["verify"]["state"]) == ("success", "success")
    assert served(told) == model_registry.champion(told.settings, QUARTERS) == registered[0]
    (period,) = release_history(told.settings, QUARTERS)
    assert (period.approved_by, period.reason) == (USER, "The first one will do.")
    kept = tags(told, registered[0])
    assert (kept["approval"], kept["approval_by"], kept["approval_reason"]) == ("approved", USER, period.reason)
    release = period.release
    evidence = model_registry.read_document(told.settings, release.run_id, kept["approval_evidence"])
    assert evidence["proposed"]["version"] == registered[0]


def test_a_refused_version_is_skipped_with_the_reason_and_what_is_live_stays(told, airflow, registered):
    run_id = airflow.trigger(DAG, {"version": registered[1]})
    assert f"**Live: version {registered[0]}**" in asked(airflow, run_id)["body"]

    answer(airflow, run_id, "Refuse", "It has seen no villas.")

    _, tasks = wait_for(airflow, DAG, run_id)
    assert {tasks[name]["state"] for name in ("approve", "release", "verify")} == {"skipped"}
    log = "\n".join(airflow.log(DAG, run_id, tasks["approve"]))
    assert f"version {registered[1]} was refused by {USER}: It has seen no villas." in log
    assert served(told) == model_registry.champion(told.settings, QUARTERS) == registered[0]
    assert tags(told, registered[1])["approval"] == "refused"


def test_going_back_asks_nobody_again_and_waits_for_no_open_form(told, airflow, registered):
    first, second = registered
    run_id = airflow.trigger(DAG, {"version": second})
    asked(airflow, run_id)
    answer(airflow, run_id, "Approve", "")
    assert wait_for(airflow, DAG, run_id)[0] == "success"
    assert served(told) == second
    third = register(told.settings, load_contracts(told.settings.contracts_dir)[QUARTERS], 3.0, record=example(told))
    waiting = airflow.trigger(DAG, {"version": third})
    asked(airflow, waiting)

    back = airflow.trigger(DAG, {"version": first, "reason": "Complaints."})

    state, tasks = wait_for(airflow, DAG, back)
    assert (state, tasks["ask"]["state"], tasks["verify"]["state"]) == ("success", "skipped", "success")
    assert served(told) == first
    assert [period.release.version for period in release_history(told.settings, QUARTERS)] == [first, second, first]
    newest = release_history(told.settings, QUARTERS)[0]
    assert (newest.approved_by, newest.reason) == (USER, "Complaints.")
    answer(airflow, waiting, "Approve", "Still.")  # but the form compared with what is not live any more
    wait_for(airflow, DAG, waiting)
    assert served(told) == first


def example(told):
    return load_contracts(told.settings.contracts_dir)[QUARTERS].example()
