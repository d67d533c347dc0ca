"""The release log: Git is the only truth of what runs. One file per model; its history is who, when and why."""

import json
from pathlib import Path

from pydantic import ValidationError

from pipeline.contract.base import Section
from pipeline.errors import PipelineError
from pipeline.git import Change, commit_and_push, ensure_repository, git, is_local, is_repository, show
from pipeline.git import clone as clone_repository
from pipeline.settings import Settings

# What reconcile leaves for the local service: the folder of what is live, and the release beside its bundle.
CURRENT = "current"
RELEASE_FILE = "release.json"


class ReleaseLogError(PipelineError):
    """A release log that cannot be read."""


class Release(Section):
    """What is to run: a model version and all that identifies it. The commit says when and by whom."""

    model: str
    version: int
    data_version: str
    run_id: str  # of the MLflow run that holds the model and its bundle
    bundle_digest: str  # sha256 over the bundle's files; what is served is what was approved
    metrics: dict[str, float]  # on the held-out rows: mae and rmse in the target's unit, r2
    approved_by: str
    reason: str
    image: str | None = None  # digest of the model image, where a cluster runs it
    card: str = ""  # MLflow's page of the run, which holds the model card; empty where no MLflow serves pages


def read_release(settings: Settings, model: str) -> Release | None:
    """Return what Git says is live, or None before the first release."""
    uri = settings.place("gitops_uri")
    if is_local(uri):
        content = show(uri, settings.gitops_branch, _file(model)) if is_repository(uri) else None
        return None if content is None else _parse(content, uri)
    with clone_repository(uri, settings.gitops_branch) as work:
        path = work / _file(model)
        return _parse(path.read_text(encoding="utf-8"), uri) if path.exists() else None


def commit_release(settings: Settings, release: Release) -> str | None:
    """Make the release what is live. Returns the commit, or None when it is live already."""
    uri = settings.place("gitops_uri")
    ensure_repository(uri, settings.gitops_branch)

    def edit(work: Path) -> Change | None:
        path = work / _file(release.model)
        before = _parse(path.read_text(encoding="utf-8"), uri) if path.exists() else None
        if before is not None and _identity(before) == _identity(release):
            return None
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(release.model_dump(), indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
        was = f"was version {before.version}" if before else "first release"
        return Change(
            f"Release {release.model} version {release.version} ({was})\n\n{release.reason}\n"
            f"\nApproved-by: {release.approved_by}"
        )

    return commit_and_push(uri, settings.gitops_branch, settings.git_author, edit)


def release_history(settings: Settings, model: str) -> list[dict[str, str]]:
    """Return the model's release commits, newest first, each with its commit, date (ISO 8601) and subject."""
    uri = settings.place("gitops_uri")
    if is_local(uri) and not is_repository(uri):
        return []
    with clone_repository(uri, settings.gitops_branch, depth=None) as work:
        if not git("rev-list", "--all", "--max-count=1", cwd=work):
            return []
        log = git("log", "--format=%H%x1f%cI%x1f%s", "--", _file(model), cwd=work)
        lines = [line.split("\x1f", 2) for line in log.split("\n") if line]
        return [dict(zip(("commit", "date", "subject"), line, strict=True)) for line in lines]


def _identity(release: Release) -> tuple[int, str, str | None]:
    return release.version, release.bundle_digest, release.image


def _file(model: str) -> str:
    return f"releases/{model}.json"


def _parse(content: str, uri: str) -> Release:
    try:
        return Release.model_validate_json(content)
    except ValidationError as error:
        raise ReleaseLogError(f"{uri}: a release that cannot be read: {error}") from error
