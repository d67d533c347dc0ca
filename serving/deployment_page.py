"""What the Report tab shows of a deployment: how far it came, by whose approval, and the evidence for it."""

from collections.abc import Mapping
from typing import Any

from markdown_it import MarkdownIt

from pipeline.page import Markup, banner, document, heading, section

_MARKDOWN = MarkdownIt("commonmark", {"html": False}).enable("table")  # what stands in the evidence stays words


def deployment_page(title: str, returned: Mapping[str, Any]) -> str | None:
    """Return the page, on which nothing runs; None before there is evidence.

    Args:
        title: the DAG's title.
        returned: what the run's tasks have returned so far, by task.
    """
    proposal = returned.get("evidence")
    if not proposal:
        return None
    release = returned.get("approve") or proposal["release"]
    status, advice = _standing(returned, proposal, release["version"])
    approved = f"Approved by {release['approved_by']}: {release['reason']}"
    evidence = Markup(_MARKDOWN.render(proposal["form"]))
    parts = [
        heading(title, f"Version {release['version']}, trained on {release['data_version']}."),
        banner(status, advice, [approved] if "approve" in returned else []),
        section("Evidence", evidence, note="As it was when the version was proposed."),
    ]
    return document(title, parts, sealed=True)


def _standing(returned: Mapping[str, Any], proposal: Mapping[str, Any], version: int) -> tuple[str, str]:
    """Return how far a deployment came, as a word and a sentence."""
    verified = returned.get("verify")
    if verified:
        return "live", (
            f"Version {version} was released, and answered {verified['smoke_rows']} smoke rows as the trained model "
            f"(largest relative difference {verified['largest_difference']:.1e})."
        )
    if "release" in returned:
        return "not verified", f"Version {version} is committed. What came of it then is in the log of verify."
    if "approve" in returned:
        return (
            "not released",
            f"Version {version} was approved. Why it is not released (yet) is in the logs after that.",
        )
    if proposal["ask"]:
        return "not approved", "It waits for an answer under Required Actions, or was refused: see the log of approve."
    return "not approved", "The approval has not been kept with the version yet: see the log of approve."
