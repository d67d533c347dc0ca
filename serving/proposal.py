"""A proposal: a version that could be released, the evidence on it, and whether a person is to be asked."""

from pipeline import model_registry
from pipeline.contract import Contract
from pipeline.contract.base import Section
from pipeline.errors import NothingToDo
from pipeline.release_history import commit_of_run
from pipeline.release_log import Release
from pipeline.settings import Settings
from serving.evidence import gather
from serving.evidence_form import form
from serving.release import OPERATOR, evidence, released_before


class Proposal(Section):
    """What goes from task to task before anything is released."""

    release: Release
    live: int | None  # the version that is live while this is proposed
    ask: bool  # whether a person's approval is needed
    folder: str  # among the artifacts of the model's run, for all that belongs to this proposal
    evidence: str  # the document there of what is shown
    form: str  # the same as Markdown, for the approval's form


def propose(
    contract: Contract, settings: Settings, run: str, version: int | None, reason: str | None, by: str = OPERATOR
) -> Proposal:
    """Check that a version loads, gather the evidence on it, and keep that with the version.

    A version that was live before was approved then: to go back to it nobody else is asked.

    Args:
        contract: the contract of the model.
        settings: where things are.
        run: names who proposes; repeated, it writes the same documents again.
        version: the model version; None for the newest that passed the gate.
        reason: why it is proposed; None where the gate's verdict is the reason.
        by: who gives the reason.

    Raises:
        NothingToDo: when no version has passed the gate yet, or the gate's verdict would bring back a version that gave
            way to another one.
        ModelRegistryError: when there is no such version or its bundle is gone.
        BundleError: when the bundle is damaged or fails its smoke rows.
    """
    proposed = evidence(contract, settings, version, reason, by)
    known = gather(contract, settings, proposed)
    live = known.live.release.version if known.live and known.live.release else None
    before = released_before(settings, proposed) is not None
    own = commit_of_run(settings, contract.name, run)  # which is repeated, and ends as it did
    if reason is None and before and live not in (None, proposed.version) and not own:
        raise NothingToDo(
            f"{contract.name} version {proposed.version} was live before and gave way to version {live}: a training "
            "that is repeated does not bring it back; roll back by the form, or by `mlops release rollback`"
        )
    folder = f"approvals/{run}"
    document = f"{folder}/evidence.json"
    model_registry.log_document(settings, proposed.run_id, document, known.model_dump(mode="json"))
    return Proposal(
        release=proposed,
        live=live,
        ask=contract.release.approval == "manual" and not before,
        folder=folder,
        evidence=document,
        form=form(contract, known),
    )
