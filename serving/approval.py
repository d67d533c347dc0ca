"""Approval: whose word makes a version live, kept with the model version together with what they were shown."""

from datetime import datetime
from typing import Any, Literal

from pipeline import model_registry
from pipeline.contract.base import Section
from pipeline.errors import NothingToDo
from pipeline.release_log import Release, read_release
from pipeline.settings import Settings
from serving.proposal import Proposal

APPROVE, REFUSE = "Approve", "Refuse"  # the options of the form
REASON = "reason"  # its field
_TAG = 4000  # letters that a tag is cut to; the document keeps all of them


class Approval(Section):
    """Who said what, when and why."""

    outcome: Literal["approved", "refused"]
    by: str
    at: datetime
    reason: str


def given(answer: dict[str, Any] | None, proposal: Proposal, at: datetime) -> Approval:
    """Return the approval of a proposal: that of its form, or its own where nobody had to be asked.

    Where somebody has marked the task that asks as done, there is a form to answer and no answer: that is a refusal.
    """
    if not proposal.ask:
        return implied(proposal, at)
    if not answer:
        unsaid = "the form has no answer: its task was marked as done, which approves nothing"
        return Approval(outcome="refused", by="nobody", at=at, reason=unsaid)
    return answered(answer, proposal, at)


def answered(answer: dict[str, Any], proposal: Proposal, asked_at: datetime) -> Approval:
    """Return the approval that an answered form stands for; a form that timed out is a refusal.

    Args:
        answer: what Airflow's operator returns: chosen options, fields of the form, who and when.
        proposal: what the form showed.
        asked_at: stands for the time where nobody answered.
    """
    person = answer.get("responded_by_user")
    approved = person is not None and answer["chosen_options"] == [APPROVE]
    said = str((answer.get("params_input") or {}).get(REASON) or "").strip()
    unsaid = proposal.release.reason if approved else "no reason was given" if person else "nobody answered in time"
    return Approval(
        outcome="approved" if approved else "refused",
        by=_name(person) if person else "nobody",
        at=answer.get("responded_at") or asked_at,
        reason=said or unsaid,
    )


def implied(proposal: Proposal, at: datetime) -> Approval:
    """Return the approval that a proposal has in itself: the gate's, or that of who asked for it by hand."""
    release = proposal.release
    return Approval(outcome="approved", by=release.approved_by, at=at, reason=release.reason)


def settle(settings: Settings, proposal: Proposal, approval: Approval) -> Release:
    """Keep an approval with the model version, and return the release that it allows.

    Repeated it writes the same again: tags of the version, and a document beside the evidence that was shown.

    Raises:
        NothingToDo: when it was refused, with who and why; or when what is live is not what the form showed.
    """
    release, name = proposal.release, f"{proposal.folder}/approval.json"
    document = {"version": release.version, **approval.model_dump(mode="json"), "shown": proposal.evidence}
    model_registry.log_document(settings, release.run_id, name, document)
    tags = {
        "approval": approval.outcome,
        "approval_by": approval.by,
        "approval_at": approval.at.isoformat(),
        "approval_reason": approval.reason[:_TAG],
        "approval_evidence": proposal.evidence,
    }
    model_registry.tag_version(settings, release.model, release.version, tags)
    if approval.outcome == "refused":
        raise NothingToDo(
            f"{release.model} version {release.version} was refused by {approval.by}: {approval.reason}; "
            "what is live stays live"
        )
    if proposal.ask:
        _check_still(settings, proposal)
    return release.model_copy(update={"approved_by": approval.by, "reason": approval.reason})


def _check_still(settings: Settings, proposal: Proposal) -> None:
    """Raise NothingToDo where another version went live after the form was shown."""
    live = read_release(settings, proposal.release.model)
    version, shown = live.version if live else None, proposal.live
    if version not in (shown, proposal.release.version):
        raise NothingToDo(
            f"{proposal.release.model} version {proposal.release.version} was approved over "
            f"{f'version {shown}' if shown else 'nothing'}, but version {version} is live by now: start the deployment "
            "anew for a form that compares with it"
        )


def _name(person: dict[str, Any]) -> str:
    name, id_ = str(person.get("name") or person["id"]), str(person["id"])
    return name if name == id_ else f"{name} ({id_})"
