"""What was live when, since when, by whose approval and why: read from Git's history alone.

The branch's own line of commits counts (first parents): a merge makes live what it brings, when it is made. A commit
of ours tells approval and reason itself; of any other, such as a `git revert` by hand, its author is who approved, and
its message the reason. Times are the commits' committer dates, since an author's may be long before the commit was
made here (`git cherry-pick`, a rebased branch); where a clock went backwards, the one before counts.
"""

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import NamedTuple

from pipeline.contract.base import Section
from pipeline.git import git_bytes, is_local, is_repository, trusted
from pipeline.git_tree import opened, read_objects
from pipeline.release_dates import made_at
from pipeline.release_files import Release, ReleaseLogError, parse_release, release_path
from pipeline.settings import Settings

APPROVED_BY, RUN = "Approved-by", "Release-run"  # trailers of our commits
_TRAILERS = (f"%(trailers:key={key},valueonly,unfold,separator=%x2C%x20)" for key in (APPROVED_BY, RUN))
_FIELDS = ("%H", "%ct", "%an <%ae>", *_TRAILERS, "%B")


class Period(Section):
    """A stretch of time in which one release was live, or nothing was."""

    model: str
    release: Release | None  # None: nothing
    since: datetime
    until: datetime | None  # None: it is live
    approved_by: str
    reason: str
    commit: str  # that began it


class _Commit(NamedTuple):
    name: str
    at: datetime
    author: str
    approved_by: str  # empty: the commit is not ours
    run: str
    message: str

    @property
    def reason(self) -> str:
        subject, _, rest = self.message.strip().partition("\n")
        if not self.approved_by:
            return self.message.strip()
        return rest.strip().rpartition("\n\n")[0].strip() or subject  # the last paragraph holds the trailers


def release_history(settings: Settings, model: str) -> list[Period]:
    """Return the periods of a model, newest first.

    A commit that changes nothing of what runs begins none, nor does one that leaves a file that cannot be read: what
    was live stayed so.

    Raises:
        GitError: when the repository cannot be reached.
    """
    path, found = release_path(settings, model), list[Period]()
    with _opened(settings) as repository:
        if repository is None:
            return []
        commits = _commits(repository, settings.gitops_branch, path)
        contents = read_objects(repository, [f"{commit.name}:{path}" for commit in commits])
    for commit, content in zip(reversed(commits), reversed(contents), strict=True):
        _add(found, model, commit, content)
    return found[::-1]


def past_releases(settings: Settings, model: str, versions: Iterable[int]) -> dict[int, Release]:
    """Return the last release of each of the versions; those that were never released are not in it."""
    wanted, found = set(versions), dict[int, Release]()
    for period in release_history(settings, model) if wanted else ():
        if period.release and period.release.version in wanted:
            found.setdefault(period.release.version, period.release)
    return found


def live_at(periods: Sequence[Period], moment: datetime) -> Period | None:
    """Return the period that a moment lies in; None before the first release.

    Args:
        periods: newest first.
        moment: with its zone.
    """
    return next((period for period in periods if period.since <= moment), None)


def commit_of_run(settings: Settings, model: str, run: str) -> str | None:
    """Return the commit by which a run has released a model, if it has."""
    with _opened(settings) as repository:
        if repository is None:
            return None
        commits = _commits(repository, settings.gitops_branch, release_path(settings, model))
    return next((commit.name for commit in commits if commit.run == run), None)


@contextmanager
def _opened(settings: Settings) -> Iterator[Path | None]:
    uri = settings.place("gitops_uri")
    if is_local(uri) and not is_repository(uri):
        yield None
        return
    with opened(uri) as repository:
        yield repository


def _commits(repository: Path, branch: str, path: str) -> list[_Commit]:
    """Return the commits of the branch's own line that changed a file, newest first."""
    at = (*trusted(str(repository)), "-C", str(repository))
    if not git_bytes(*at, "for-each-ref", f"refs/heads/{branch}"):
        return []
    how = ("--first-parent", "-z", f"--format={'%x00'.join(_FIELDS)}", f"refs/heads/{branch}", "--", path)
    words = git_bytes(*at, "log", *how).decode(errors="replace").split("\0")
    size = len(_FIELDS)
    rows = [words[start : start + size] for start in range(0, len(words) - size + 1, size)]
    return [
        _Commit(name, made_at(at_), author, by.strip(), run.strip(), message)
        for name, at_, author, by, run, message in rows
    ]


def _add(found: list[Period], model: str, commit: _Commit, content: bytes | None) -> None:
    """Begin a period with a commit, unless what is live stays the same."""
    try:
        release = None if content is None else parse_release(content.decode(errors="replace"), commit.name)
    except ReleaseLogError:
        return
    last = found[-1] if found else None
    if (last.release.identity if last and last.release else None) == (release.identity if release else None):
        return
    since = max(commit.at, last.since) if last else commit.at
    if last:
        found[-1] = last.model_copy(update={"until": since})
    found.append(
        Period(
            model=model,
            release=release,
            since=since,
            until=None,
            approved_by=commit.approved_by or commit.author,
            reason=commit.reason,
            commit=commit.name,
        )
    )
