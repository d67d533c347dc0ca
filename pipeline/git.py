"""Git, as the data registry and the release log use it: clone, change, commit, push whole or not at all."""

import os
import re
import shlex
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from tenacity import Retrying, retry_if_exception_type, stop_after_attempt, wait_random_exponential

from pipeline.errors import PipelineError
from pipeline.storage import replace_folder
from pipeline.work_folder import work_folder


class GitError(PipelineError):
    """A git command that failed."""

    transient = True  # a remote that is away comes back


class LostRaceError(GitError):
    """Somebody else pushed first: the change must be made again on top of theirs."""


class ReadOnlyError(GitError):
    """A repository that this process may read only."""

    transient = False


@dataclass(frozen=True)
class Change:
    """What a commit says, and the tag it carries, if any."""

    message: str
    tag: str | None = None


Result = TypeVar("Result")
# A lock that git holds for an instant only; one that is this old was left by a process that was killed.
_STALE_SECONDS = 60
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


# Of repositories that we make: no clone has to take everything, and what many pushes leave is packed in time, for each
# push looks at all of it; in the foreground, so that no process is left behind.
_OURS = {
    "uploadpack.allowFilter": "true",
    "receive.unpackLimit": "1",
    "gc.autoPackLimit": "20",
    "gc.autoDetach": "false",
}


def git(*arguments: str, cwd: Path | None = None) -> str:
    """Run git and return what it prints, without the last line break.

    Raises:
        GitError: with git's own words, when it fails.
    """
    return git_bytes(*arguments, cwd=cwd).decode().rstrip("\n")


def git_bytes(*arguments: str, cwd: Path | None = None, content: bytes = b"") -> bytes:
    """Run git on this content and return all that it prints.

    Raises:
        GitError: with git's own words, less any password in an address, when it fails.
    """
    try:
        done = subprocess.run(
            ["git", *arguments], cwd=cwd, env=_environment(), input=content, capture_output=True, check=False
        )
    except FileNotFoundError as error:
        raise GitError(f"git cannot be started: {error}; is git installed?") from error
    if done.returncode:
        words = (done.stderr.strip() or done.stdout.strip()).decode(errors="replace")
        raise GitError(f"git {_command(arguments)} failed: {re.sub(r'(?<=://)[^/@ ]+@', '', words)}")
    return done.stdout


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
    try:
        Path(uri).parent.mkdir(parents=True, exist_ok=True)
        part = tempfile.mkdtemp(dir=Path(uri).parent, prefix=".new-")  # git cannot make one place twice at a time
    except OSError as error:
        raise ReadOnlyError(
            f"no repository can be made at {uri}: {error.strerror}; make one there, or set another address"
        ) from error
    Path(part).chmod(0o755)
    git("init", "--quiet", "--bare", f"--initial-branch={branch}", part)
    for name, value in _OURS.items():
        git("config", name, value, cwd=Path(part))
    replace_folder(Path(part), Path(uri))


def is_local(uri: str) -> bool:
    """Whether the address is a path: neither `scheme://` nor the `host:path` of SSH."""
    return not re.match(r"[^/]+:", uri)


def is_repository(path: str) -> bool:
    """Whether a local path holds a repository, bare or with a work tree."""
    return (Path(path) / "HEAD").exists() or (Path(path) / ".git").exists()


def check_writable(uri: str) -> None:
    """Raise GitError where this process cannot write to a local repository; other hosts say so themselves."""
    if is_local(uri) and not all(os.access(folder, os.W_OK) for folder in _written(Path(uri))):
        raise ReadOnlyError(
            f"{uri} cannot be written by this process: give it the right, or publish where another address is set"
        )


def _written(path: Path) -> list[Path]:
    folder = path / ".git" if (path / ".git").exists() else path
    return [folder, folder / "objects", folder / "refs"]


def show(uri: str, revision: str, path: str) -> str | None:
    """Return a file of a local repository on a branch or tag, or None when it is not there.

    Raises:
        GitError: when the repository cannot be read, which says nothing of the file.
    """
    at = (*trusted(str(Path(uri).resolve())), "-C", uri)
    named = git(*at, "for-each-ref", "--format=%(refname)", f"refs/heads/{revision}", f"refs/tags/{revision}")
    if not named:
        return None
    reference = named.splitlines()[0]  # a tag that is called as the branch stands after it
    return git(*at, "show", f"{reference}:{path}") if git(*at, "ls-tree", reference, path) else None


@contextmanager
def clone(uri: str, branch: str, depth: int | None = 1) -> Iterator[Path]:
    """Give a work tree of the branch that goes away afterwards; it is empty where the branch has no commit."""
    with work_folder("mlops-git-") as folder:
        work = folder / "clone"
        shallow = [f"--depth={depth}"] if depth else []
        address = Path(uri).resolve().as_uri() if is_local(uri) else uri  # a plain path would ignore --depth
        trusting = _trusting(uri, "upload-pack")
        heads = git("ls-remote", *trusting, address, f"refs/heads/{branch}")
        if heads:
            git("clone", "--quiet", *trusting, *shallow, "--no-tags", f"--branch={branch}", address, str(work))
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
    return again_when_lost(lambda: _commit_and_push(uri, branch, author, edit), attempts)


def again_when_lost(make: Callable[[], Result], attempts: int = 6) -> Result:
    """Return what `make` gives, which is called again each time that somebody else pushed first."""
    retrying = Retrying(
        retry=retry_if_exception_type(LostRaceError),
        stop=stop_after_attempt(attempts),
        wait=wait_random_exponential(multiplier=0.2, max=3),
        reraise=True,
    )
    return retrying(make)


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
        references = [f"HEAD:refs/heads/{branch}"] + ([f"refs/tags/{change.tag}"] if change.tag else [])
        push(work, uri, references)
        return git("rev-parse", "HEAD", cwd=work)


def push(work: Path, uri: str, references: Sequence[str]) -> None:
    """Push references to `origin`, all of them or none.

    Raises:
        LostRaceError: when somebody else pushed first.
        GitError: when the repository refuses or cannot be reached.
    """
    try:
        git("push", "--quiet", "--atomic", *_trusting(uri, "receive-pack"), "origin", *references, cwd=work)
    except GitError as error:
        _clear_stale_lock(uri, str(error))
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


def trusted(path: str) -> list[str]:
    """Return options with which git reads a local repository that another user owns: the settings name it."""
    return ["-c", f"safe.directory={path}"]


def _trusting(uri: str, program: str) -> list[str]:
    """Return the option by which git starts the other side's program so that it trusts a local repository."""
    if not is_local(uri):
        return []
    return [f"--{program}=git {shlex.join(trusted(str(Path(uri).resolve())))} {program}"]


def _clear_stale_lock(uri: str, message: str) -> None:
    """Take away the lock that a killed git has left in a local repository; a young one may be a living process's."""
    found = re.search(r"Unable to create '(.+?\.lock)': File exists", message)
    if found is None or not is_local(uri):
        return
    lock = Path(uri).resolve() / found[1]
    if not lock.exists() or time.time() - lock.stat().st_mtime > _STALE_SECONDS:
        lock.unlink(missing_ok=True)
        return
    raise GitError(
        f"{lock} is there: another git is at work on {uri}, or was killed at it; "
        f"try again in a minute, when a lock that was left behind is taken away"
    )
