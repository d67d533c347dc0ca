"""Who may release what, on which evidence; and that all of it is kept with the model version."""

import json
import os
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from moto.server import ThreadedMotoServer

from dags import approval as form_of_airflow
from pipeline import model_registry
from pipeline.contract import Contract
from pipeline.data_registry import DataRegistry
from pipeline.errors import NothingToDo
from pipeline.release_log import commit_release
from pipeline.settings import Settings
from pipeline.storage import storage, write_json
from serving import approval
from serving.approval import answered, given, implied, settle
from serving.proposal import Proposal, propose
from tests.pipeline.test_release_log import release
from tests.publishing import batch, month
from tests.serving.conftest import MODEL
from tests.serving.releasing import fresh, register, stock_settings

ASKED = datetime(2026, 11, 20, 12, tzinfo=UTC)
ADA = {"id": "7", "name": "ada"}


@pytest.fixture(scope="module")
def manual(small_contract: Contract) -> Contract:
    section = small_contract.release.model_copy(update={"approval": "manual"})
    return small_contract.model_copy(update={"release": section})


@pytest.fixture(scope="module")
def stock(tmp_path_factory: pytest.TempPathFactory, small_contract: Contract) -> Settings:
    """Two data versions, two model versions of them, and two runs of monitoring."""
    settings = stock_settings(tmp_path_factory.mktemp("stock"))
    registry = DataRegistry(settings, small_contract)
    for number in (1, 2):
        registry.publish(batch(number), month(number), "test")
    register(settings, small_contract, 1.0, "data-v1.0.0")
    register(settings, small_contract, 2.0, "data-v1.1.0")
    for run, until, reasons in (
        ("a", "2026-11-02T06:00:00+00:00", ["The newest window's reason."]),
        ("b", "2026-11-01T06:00:00+00:00", [{"sentence": "An older reason.", "view": "drift"}]),
    ):
        content = {
            "run": run,
            "gathered": {"until": until},
            "findings": {"version": 1},
            "verdict": {"status": "watch", "reasons": reasons},
        }
        write_json(storage(settings, "reports", MODEL, run) / "report.json", content)
    return settings


@pytest.fixture
def own(stock: Settings, tmp_path: Path) -> Settings:
    """Settings with nothing released."""
    return fresh(stock, tmp_path)


def live(settings: Settings, contract: Contract, version: int = 1) -> None:
    commit_release(settings, propose(contract, settings, "earlier", version, None).release)


def answer(option: str, reason: str = "", who: dict[str, str] | None = ADA) -> dict[str, Any]:
    """What Airflow's operator hands on, as it arrives in the next task."""
    return {
        "chosen_options": [option],
        "params_input": {"reason": reason},
        "responded_at": datetime(2026, 11, 21, 9, tzinfo=UTC),
        "responded_by_user": who,
    }


def tags(settings: Settings, version: int) -> dict[str, str]:
    found = model_registry.read_version(settings, MODEL, version).tags
    return {name: value for name, value in found.items() if name.startswith("approval")}


def document(settings: Settings, proposal: Proposal, name: str) -> Any:
    return model_registry.read_document(settings, proposal.release.run_id, f"{proposal.folder}/{name}.json")


def test_the_form_shows_what_an_approver_needs(own: Settings, manual: Contract) -> None:
    live(own, manual)
    shown = propose(manual, own, "run", 2, None).form

    for part in (
        "**Proposed: version 2**, trained on data-v1.1.0.",
        "**Live: version 1**, trained on data-v1.0.0, since ",
        "| MAE, EUR | 12.5 (11 to 14) | 12.5 (11 to 14) |",
        "Against version 1, on the same 200 held-out rows",
        "MAE 12.6 instead of 14: a gain of 10 % (4 to 16)",
        "| kind: Villa \\| &lt;b> | 40 | 20.25 | 20.25 |",
        "Promoted over version 1: all 2 rules passed.",
        "| passed | the gain is 10 % |",
        "### Data: data-v1.0.0 to data-v1.1.0",
        "20 rows, then 40: 20 added, 0 corrected, 0 gone.",
        "### Monitoring: watch",
        "- The newest window's reason.",
    ):
        assert part in shown
    assert "older reason" not in shown
    assert "could not be had" not in shown


def test_the_first_version_is_shown_without_a_champion(own: Settings, manual: Contract) -> None:
    shown = propose(manual, own, "run", 2, None).form
    assert "**Live: nothing.**" in shown
    assert "| MAE, EUR | 12.5 (11 to 14) |" in shown


def test_what_cannot_be_had_is_said_and_stops_nothing(own: Settings, manual: Contract, tmp_path: Path) -> None:
    live(own, manual)
    away = own.model_copy(update={"data_registry_uri": str(tmp_path / "gone.git")})
    proposal = propose(manual, away, "run", 2, None)
    assert "What could not be had" in proposal.form
    assert "data-v1.0.0" in proposal.form.partition("What could not be had")[2]
    assert proposal.ask


def test_the_same_proposal_has_the_same_evidence(own: Settings, manual: Contract) -> None:
    live(own, manual)
    first = propose(manual, own, "run", 2, None)
    kept = document(own, first, "evidence")
    assert propose(manual, own, "run", 2, None) == first
    assert document(own, first, "evidence") == kept
    assert kept["proposed"]["data_version"] == "data-v1.1.0"
    assert kept["watched"]["run"] == "a"


def test_of_many_reports_only_the_newest_are_read(own: Settings, manual: Contract, tmp_path: Path) -> None:
    many = own.model_copy(update={"storage_uri": f"file://{tmp_path}/storage"})
    folder = storage(many, "reports", MODEL)
    for day in range(1, 26):
        readable = {"run": f"{day}", "gathered": {"until": f"2026-11-{day:02}"}, "findings": {}}
        content = readable | {"verdict": {"status": "watch", "reasons": []}} if day > 5 else {}
        write_json(folder / f"{day}" / "report.json", content)
        os.utime((folder / f"{day}" / "report.json").path, (day, day))

    found = propose(manual, many, "run", 2, None)

    assert document(own, found, "evidence")["watched"]["run"] == "25"


def test_reports_in_an_object_store_are_found_alike(
    own: Settings, manual: Contract, monkeypatch: pytest.MonkeyPatch
) -> None:
    server = ThreadedMotoServer("127.0.0.1", 0, verbose=False)
    server.start()
    try:
        address = "http://{}:{}".format(*server.get_host_and_port())
        keys = {"ACCESS_KEY_ID": "a", "SECRET_ACCESS_KEY": "b", "DEFAULT_REGION": "us-east-1", "ENDPOINT_URL": address}
        for name, value in keys.items():
            monkeypatch.setenv(f"AWS_{name}", value)
        there = own.model_copy(update={"storage_uri": "s3://approvals/storage"})
        storage(there).fs.mkdir("approvals")  # of its own: all of moto's servers in a process share theirs
        verdict = {"status": "healthy", "reasons": []}
        content = {"run": "c", "gathered": {"until": "2026-11-03"}, "findings": {"version": 1}, "verdict": verdict}
        write_json(storage(there, "reports", MODEL, "c") / "report.json", content)
        found = propose(manual, there, "run", 2, None)
    finally:
        server.stop()
    assert document(own, found, "evidence")["watched"]["run"] == "c"


def test_an_approval_is_kept_with_who_when_why_and_what_was_shown(own: Settings, manual: Contract) -> None:
    proposal = propose(manual, own, "run-7", 2, None)
    said = answered(answer("Approve", "I asked the brokers."), proposal, ASKED)
    for _ in range(2):  # repeated, it is the same
        allowed = settle(own, proposal, said)
        assert (allowed.approved_by, allowed.reason) == ("ada (7)", "I asked the brokers.")
        assert tags(own, 2) == {
            "approval": "approved",
            "approval_by": "ada (7)",
            "approval_at": "2026-11-21T09:00:00+00:00",
            "approval_reason": "I asked the brokers.",
            "approval_evidence": "approvals/run-7/evidence.json",
        }
    kept = document(own, proposal, "approval")
    assert kept["outcome"] == "approved"
    assert kept["shown"] == "approvals/run-7/evidence.json"


@pytest.mark.parametrize(
    ("said", "by", "reason"),
    [
        (answer("Refuse", "Too few villas."), "ada (7)", "Too few villas."),
        (answer("Refuse", "  "), "ada (7)", "no reason was given"),
        (answer("Refuse", who=None), "nobody", "nobody answered in time"),
        (answer("Approve", who=None), "nobody", "nobody answered in time"),  # only a person approves
        (answer("Refuse", who={"id": "ada", "name": "ada"}), "ada", "no reason was given"),
    ],
)
def test_a_refusal_is_kept_and_ends_the_deployment(
    own: Settings, manual: Contract, said: dict[str, Any], by: str, reason: str
) -> None:
    proposal = propose(manual, own, "run", 2, None)
    with pytest.raises(NothingToDo) as caught:
        settle(own, proposal, answered(said, proposal, ASKED))
    assert str(caught.value) == f"small version 2 was refused by {by}: {reason}; what is live stays live"
    assert (tags(own, 2)["approval"], tags(own, 2)["approval_by"]) == ("refused", by)


@pytest.mark.parametrize("marked", [None, {}])
def test_a_form_whose_task_was_marked_as_done_approves_nothing(
    own: Settings, manual: Contract, marked: dict[str, Any] | None
) -> None:
    proposal = propose(manual, own, "run", 2, None)
    with pytest.raises(NothingToDo, match="was refused by nobody: the form has no answer"):
        settle(own, proposal, given(marked, proposal, ASKED))
    assert tags(own, 2)["approval"] == "refused"


def test_the_form_counts_where_it_was_asked_and_the_proposal_itself_where_not(
    own: Settings, manual: Contract, small_contract: Contract
) -> None:
    asked, unasked = propose(manual, own, "run", 2, None), propose(small_contract, own, "run", 2, None)
    said = answer("Approve", "I asked the brokers.")
    assert given(said, asked, ASKED) == answered(said, asked, ASKED)
    assert given(None, unasked, ASKED) == implied(unasked, ASKED)


def test_an_approval_over_what_is_not_live_any_more_releases_nothing(own: Settings, manual: Contract) -> None:
    live(own, manual)
    proposal = propose(manual, own, "run", 2, None)
    commit_release(own, release(3, model=MODEL))

    with pytest.raises(NothingToDo, match="was approved over version 1, but version 3 is live by now"):
        settle(own, proposal, answered(answer("Approve"), proposal, ASKED))


def test_the_gates_verdict_is_an_automatic_approval_and_kept_alike(own: Settings, small_contract: Contract) -> None:
    proposal = propose(small_contract, own, "run", 2, None)
    assert not proposal.ask
    allowed = settle(own, proposal, implied(proposal, ASKED))
    assert (allowed.approved_by, allowed.reason) == (
        "gate (automatic)",
        "Promoted over version 1: all 2 rules passed.",
    )
    assert tags(own, 2)["approval_by"] == "gate (automatic)"


def test_nobody_is_asked_for_going_back_to_what_was_live(own: Settings, manual: Contract) -> None:
    for version in (1, 2):
        live(own, manual, version)
    assert not propose(manual, own, "run", 1, "back", "ada").ask
    assert propose(manual, own, "run", 1, "back", "ada").release.approved_by == "ada"


def test_a_repeated_training_does_not_bring_back_what_gave_way(own: Settings, small_contract: Contract) -> None:
    for version in (1, 2):
        live(own, small_contract, version)
    with pytest.raises(NothingToDo, match=r"version 1 was live before and gave way to version 2: .* roll back by"):
        propose(small_contract, own, "run", 1, None)
    assert propose(small_contract, own, "run", 2, None).release.version == 2  # what is live is proposed again


def test_evidence_is_json_that_a_browser_reads(own: Settings, manual: Contract) -> None:
    proposal = propose(manual, own, "run", 2, None)
    json.dumps(document(own, proposal, "evidence"), allow_nan=False)


def test_the_form_in_airflow_offers_what_is_understood() -> None:
    assert (form_of_airflow.APPROVE, form_of_airflow.REFUSE, form_of_airflow.REASON) == (
        approval.APPROVE,
        approval.REFUSE,
        approval.REASON,
    )
