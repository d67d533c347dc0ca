"""Git, as the data registry and the release log use it: clone, change, commit, push whole or not at all."""

import os
import re
import subprocess
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from tenacity import Retrying, retry_if_exception_type, stop_after_attempt, wait_random_exponential

from pipeline.errors import PipelineError
from pipeline.storage import replace_folder


class GitError(PipelineError):
    """A git command that failed."""

    transient = True  # a remote that is away comes back


class LostRaceError(GitError):
    """Somebody else pushed first: the change must be made again on top of theirs."""


@dataclass(frozen=True)
class Change:
    """What a commit says, and the tag it carries, if any."""

    message: str
    tag: str | None = None


_WAY_TO_A_REMOTE = ("GIT_SSH_COMMAND", "GIT_ASKPASS", "GIT_SSL_CAINFO")  # the operator's to say
# What a person's own configuration does to their commits must not happen to ours.
_UNDISTURBED = {
    "core.excludesFile": os.devnull,
    "core.attributesFile": os.devnull,
    "core.hooksPath": os.devnull,
    "core.autocrlf": "false",
    "commit.gpgSign": "false",
    "tag.gpgSign": "false",
}


def git(*arguments: str, cwd: Path | None = None) -> str:
    """Run git and return what it prints, without the last line break.

    Raises:
        GitError: with git's own words, when it fails.
    """
    try:
        done = subprocess.run(
            ["git", *arguments], cwd=cwd, env=_environment(), capture_output=True, encoding="utf-8", check=False
        )
    except FileNotFoundError as error:
        raise GitError(f"git cannot be started: {error}; is git installed?") from error
    if done.returncode:
        raise GitError(f"git {_command(arguments)} failed: {done.stderr.strip() or done.stdout.strip()}")
    return done.stdout.rstrip("\n")


def _environment() -> dict[str, str]:
    """Return the environment without what a calling git (in a hook, say) has left in it."""
    environment = {
        name: value for name, value in os.environ.items() if not name.startswith("GIT_") or name in _WAY_TO_A_REMOTE
    }
    environment |= {"GIT_TERMINAL_PROMPT": "0", "LC_ALL": "C.UTF-8", "GIT_CONFIG_COUNT": str(len(_UNDISTURBED))}
    for index, (name, value) in enumerate(_UNDISTURBED.items()):
        environment |= {f"GIT_CONFIG_KEY_{index}": name, f"GIT_CONFIG_VALUE_{index}": value}
    return environment


def _command(arguments: Sequence[str]) -> str:
    """Return what git was asked to do, past `-c name=value`."""
    return next(word for before, word in zip(("", *arguments), arguments, strict=False) if "-c" not in (before, word))


def ensure_repository(uri: str, branch: str) -> None:
    """Make a bare repository at a local address where there is none; other addresses must be there already."""
    if not is_local(uri) or is_repository(uri):
        return
    Path(uri).parent.mkdir(parents=True, exist_ok=True)
    part = tempfile.mkdtemp(dir=Path(uri).parent, prefix=".new-")  # git cannot make one place twice at a time
    Path(part).chmod(0o755)
    git("init", "--quiet", "--bare", f"--initial-branch={branch}", part)
    replace_folder(Path(part), Path(uri))


def is_local(uri: str) -> bool:
    """Whether the address is a path: neither `scheme://` nor the `host:path` of SSH."""
    return not re.match(r"[^/]+:", uri)


def is_repository(path: str) -> bool:
    """Whether a local path holds a repository, bare or with a work tree."""
    return (Path(path) / "HEAD").exists() or (Path(path) / ".git").exists()


def show(uri: str, revision: str, path: str) -> str | None:
    """Return a file of a local repository on a branch or tag, or None when it is not there.

    Raises:
        GitError: when the repository cannot be read, which says nothing of the file.
    """
    work = Path(uri)
    if not git("for-each-ref", f"refs/heads/{revision}", f"refs/tags/{revision}", cwd=work):
        return None
    return git("show", f"{revision}:{path}", cwd=work) if git("ls-tree", revision, path, cwd=work) else None


@contextmanager
def clone(uri: str, branch: str, depth: int | None = 1) -> Iterator[Path]:
    """Give a work tree of the branch that goes away afterwards; it is empty where the branch has no commit."""
    with tempfile.TemporaryDirectory(prefix="mlops-git-") as folder:
        work = Path(folder) / "work"
        shallow = [f"--depth={depth}"] if depth else []
        address = Path(uri).resolve().as_uri() if is_local(uri) else uri  # a plain path would ignore --depth
        heads = git("ls-remote", address, f"refs/heads/{branch}")
        if heads:
            git("clone", "--quiet", *shallow, "--no-tags", f"--branch={branch}", address, str(work))
        else:
            git("init", "--quiet", f"--initial-branch={branch}", str(work))
            git("remote", "add", "origin", address, cwd=work)
        yield work


def commit_and_push(
    uri: str, branch: str, author: str, edit: Callable[[Path], Change | None], attempts: int = 6
) -> str | None:
    """Change a repository in one atomic push of branch and tag, again on top of others' work when a race is lost.

    Args:
        uri: the repository.
        branch: the branch that moves.
        author: `Name <address>`.
        edit: changes the work tree it is given and says what to commit, or None when there is nothing to change.
        attempts: how many lost races are borne.

    Returns:
        The commit, or None when there was nothing to change.

    Raises:
        GitError: when the repository refuses or cannot be reached; nothing of the change is visible then.
    """
    retrying = Retrying(
        retry=retry_if_exception_type(LostRaceError),
        stop=stop_after_attempt(attempts),
        wait=wait_random_exponential(multiplier=0.2, max=3),
        reraise=True,
    )
    return retrying(_commit_and_push, uri, branch, author, edit)


def _commit_and_push(uri: str, branch: str, author: str, edit: Callable[[Path], Change | None]) -> str | None:
    with clone(uri, branch) as work:
        change = edit(work)
        if change is None:
            return None
        name, _, address = author.partition(" <")
        who = ["-c", f"user.name={name}", "-c", f"user.email={address.rstrip('>')}"]
        git("add", "--all", cwd=work)
        git(*who, "commit", "--quiet", "--message", change.message, cwd=work)
        if change.tag:
            git(*who, "tag", "--annotate", change.tag, "--message", change.message, cwd=work)
        _push(work, branch, change.tag)
        return git("rev-parse", "HEAD", cwd=work)


def _push(work: Path, branch: str, tag: str | None) -> None:
    references = [f"HEAD:refs/heads/{branch}"] + ([f"refs/tags/{tag}"] if tag else [])
    try:
        git("push", "--quiet", "--atomic", "origin", *references, cwd=work)
    except GitError as error:
        lost = (
            "fetch first",
            "non-fast-forward",
            "already exists",
            "cannot lock ref",
            "stale info",
            "failed to update ref",
        )
        if any(sign in str(error) for sign in lost):
            raise LostRaceError(str(error)) from error
        raise
