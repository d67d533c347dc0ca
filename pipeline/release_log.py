"""The release log: Git is the only truth of what runs. One file per model; its history is who, when and why."""

from collections.abc import Mapping, Sequence
from pathlib import Path

from pipeline.git import Change, clone, commit_and_push, ensure_repository, is_local, is_repository, show
from pipeline.git_tree import opened, read_objects
from pipeline.release_files import (
    CURRENT,
    RELEASE_FILE,
    Release,
    ReleaseLogError,
    applied_path,
    files_of,
    parse_release,
    release_path,
)
from pipeline.release_history import APPROVED_BY, RUN, Period, commit_of_run, release_history
from pipeline.settings import Settings

__all__ = [
    "CURRENT",
    "RELEASE_FILE",
    "TAKEN_BACK",
    "Release",
    "ReleaseLogError",
    "commit_release",
    "read_release",
    "take_back",
]

TAKEN_BACK = "pipeline (taken back)"  # who approved what a failed release gives way to


def read_release(settings: Settings, model: str) -> Release | None:
    """Return what Git says is live, or None before the first release."""
    uri, path = settings.place("gitops_uri"), release_path(settings, model)
    if is_local(uri):
        content = show(uri, settings.gitops_branch, path) if is_repository(uri) else None
        return None if content is None else parse_release(content, uri)
    with clone(uri, settings.gitops_branch) as work:
        return _read(work, path, uri)


def commit_release(settings: Settings, release: Release, run: str = "") -> str | None:
    """Make the release what is live, by one commit.

    Args:
        settings: where the GitOps repository is, and which overlay of it.
        release: what is to run, by whose approval and why.
        run: names who does it, if it may be done again: a run commits once, whatever was released since.

    Returns:
        The commit, or None when it is live already or the run has committed before.

    Raises:
        GitError: when the repository refuses or cannot be reached; nothing of the release is visible then.
        ReleaseLogError: when the overlay has no place for the model.
    """
    uri, path = settings.place("gitops_uri"), release_path(settings, release.model)
    ensure_repository(uri, settings.gitops_branch)
    if run and commit_of_run(settings, release.model, run):
        return None

    def edit(work: Path) -> Change | None:
        try:
            before, was = _read(work, path, uri), "first release"
        except ReleaseLogError:  # what somebody broke by hand is mended by the next release
            before, was = None, "was a file that could not be read"
        if before is not None and before.identity == release.identity:
            return None
        _check_place(settings, work, release.model)
        _write(work, files_of(settings, release))
        was = f"was version {before.version}" if before else was
        return _change(
            f"Release {release.model} version {release.version} ({was})", release.reason, release.approved_by, run
        )

    return commit_and_push(uri, settings.gitops_branch, settings.git_author, edit)


def take_back(settings: Settings, failed: Release, reason: str) -> str | None:
    """Revert a release that failed, by a commit that restores what its files were before it.

    Returns:
        The commit, or None when Git names another release by now.

    Raises:
        GitError: when the repository refuses or cannot be reached.
    """
    uri, path = settings.place("gitops_uri"), release_path(settings, failed.model)
    periods = release_history(settings, failed.model)
    if not periods or periods[0].release is None or periods[0].release.identity != failed.identity:
        return None
    before = _before(settings, failed.model, periods)

    def edit(work: Path) -> Change | None:
        live = _read(work, path, uri)
        if live is None or live.identity != failed.identity:
            return None
        _write(work, before)
        was = periods[1].release if periods[1:] else None
        back = f"to version {was.version}" if was else "nothing was live before"
        return _change(
            f"Take back {failed.model} version {failed.version} ({back})",
            f"Version {failed.version} is taken back: {reason}",
            TAKEN_BACK,
        )

    return commit_and_push(uri, settings.gitops_branch, settings.git_author, edit)


def _before(settings: Settings, model: str, periods: Sequence[Period]) -> dict[str, bytes | None]:
    """Return the files of a model as they were before the newest period, or before somebody broke them until then."""
    paths = [path for path in (release_path(settings, model), applied_path(settings, model)) if path]
    commits = [f"{periods[0].commit}^1", *(period.commit for period in periods[1:2])]
    with opened(settings.place("gitops_uri")) as repository:
        found = [read_objects(repository, [f"{commit}:{path}" for path in paths]) for commit in commits]
    whole = next((files for files in found if _is_whole(files[0])), found[-1])
    return dict(zip(paths, whole, strict=True))


def _is_whole(content: bytes | None) -> bool:
    try:
        return content is None or bool(parse_release(content.decode(errors="replace"), ""))
    except ReleaseLogError:
        return False


def _read(work: Path, path: str, uri: str) -> Release | None:
    there = work / path
    return parse_release(there.read_text(encoding="utf-8", errors="replace"), uri) if there.is_file() else None


def _write(work: Path, files: Mapping[str, bytes | None]) -> None:
    for path, content in files.items():
        _check_plain(work, path)
        if content is None:
            (work / path).unlink(missing_ok=True)
            continue
        (work / path).parent.mkdir(parents=True, exist_ok=True)
        (work / path).write_bytes(content)


def _check_plain(work: Path, path: str) -> None:
    """Refuse a link or a folder where a release's file belongs: a link might lead out of the repository."""
    if (work / path).is_dir() or (work / path).resolve() != work.resolve() / path:
        raise ReleaseLogError(f"{path} of the release repository is a folder or leads through a link: take it away")


def _check_place(settings: Settings, work: Path, model: str) -> None:
    applied = applied_path(settings, model)
    if applied and not (work / applied).parent.is_dir():
        raise ReleaseLogError(
            f"{settings.place('gitops_uri')} has no folder {Path(applied).parent} for {model} in the overlay "
            f"{settings.gitops_overlay}; docs/cluster.md, A second model, says how to add it"
        )


def _change(subject: str, reason: str, approved_by: str, run: str = "") -> Change:
    trailers = [f"{APPROVED_BY}: {' '.join(approved_by.split()) or 'nobody named'}"] + (
        [f"{RUN}: {run}"] if run else []
    )
    return Change("\n\n".join([subject, reason.strip() or "No reason was given.", "\n".join(trailers)]))
