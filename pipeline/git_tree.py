"""Git without a work tree: reads single files of a repository and commits single files to it.

What it costs does not grow with the files that the repository has: a local repository lends its objects, and of
another one only the newest commit's list of files is fetched, where its host allows that.
"""

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from pipeline.git import again_when_lost, git, git_bytes, is_local, is_repository, push, trusted
from pipeline.work_folder import work_folder


@dataclass(frozen=True)
class TreeChange:
    """What a commit brings: its message, files by path (None takes one away), and the tag it carries.

    `folders` are taken over from elsewhere, such as `{"folder": "v1:folder"}`, before the files are changed.
    """

    message: str
    tag: str
    files: Mapping[str, bytes | None]
    folders: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Draft:
    """A repository that goes away, in which the next commit of a branch is made.

    `head` is the branch's newest commit, if there is one; `tags` are the objects that tags stand for.
    """

    folder: Path
    head: str | None
    tags: Mapping[str, str] = field(default_factory=dict)
    partial: bool = False  # whether files are still to be fetched

    def read(self, revision: str, *paths: str) -> list[bytes | None]:
        """Return files of a revision, None for each that is not there."""
        if self.partial:
            self._fetch(revision, paths)
        return read_objects(self.folder, [f"{revision}:{path}" for path in paths])

    def _fetch(self, revision: str, paths: Sequence[str]) -> None:
        """Fetch the files in one go; git would fetch each by itself."""
        if revision != self.head:
            git("fetch", "--quiet", "--depth=1", "--no-tags", "--filter=blob:none", "origin", revision, cwd=self.folder)
        lines = git("ls-tree", "-r", revision, "--", *paths, cwd=self.folder).splitlines() if paths else []
        asked = "".join(f"{line.split()[2]}\n" for line in lines).encode()
        if asked:
            how = ("-c", "fetch.negotiationAlgorithm=noop", "fetch", "--quiet", "--no-tags", "--no-write-fetch-head")
            git_bytes(*how, "--filter=blob:none", "--stdin", "origin", cwd=self.folder, content=asked)


def references(uri: str, branch: str) -> tuple[str | None, dict[str, str]]:
    """Return the branch's newest commit (None before the first), and all tags with their objects.

    Raises:
        GitError: when the repository cannot be reached.
    """
    if not is_local(uri):
        lines = git("ls-remote", "--refs", uri, f"refs/heads/{branch}", "refs/tags/*").splitlines()
    elif is_repository(uri):
        patterns = (f"refs/heads/{branch}", "refs/tags")
        lines = git(*_at(uri), "for-each-ref", "--format=%(objectname)%09%(refname)", *patterns).splitlines()
    else:
        lines = []  # nothing was published yet
    found = {name: value for value, name in (line.split("\t") for line in lines)}
    tags = {name.removeprefix("refs/tags/"): value for name, value in found.items() if name.startswith("refs/tags/")}
    return found.get(f"refs/heads/{branch}"), tags


@contextmanager
def opened(uri: str, tag: str | None = None, few: bool = False) -> Iterator[Path]:
    """Give a repository to read objects from: the local one itself, or a copy that goes away.

    Args:
        uri: the repository.
        tag: what the copy must have; everything without it.
        few: whether hardly any file will be read, so that each may be fetched when it is.

    Raises:
        GitError: when it cannot be reached.
    """
    if is_local(uri):
        yield Path(uri).resolve()
        return
    part = [] if tag is None else ["--depth=1", f"--branch={tag}", *(["--filter=blob:none"] if few else [])]
    with work_folder("mlops-git-") as folder:
        git("clone", "--quiet", "--bare", *part, uri, str(folder / "copy"))
        yield folder / "copy"


def all_files(repository: Path) -> list[tuple[str, str]]:
    """Return the object of every file that any branch or tag leads to, in any commit, with its path."""
    kind = "--filter=object:type=blob"
    lines = git(*_at(str(repository)), "rev-list", "--objects", "--all", kind).splitlines()
    return [(name, path) for name, _, path in (line.partition(" ") for line in lines)]


def read_objects(repository: Path, names: Sequence[str]) -> list[bytes | None]:
    """Return objects such as `v1:folder/file`, in one go; None for each that is not there."""
    asked = "".join(f"{name}\n" for name in names).encode()
    rest = git_bytes(*_at(str(repository)), "cat-file", "--batch", content=asked)
    found: list[bytes | None] = []
    for _ in names:
        line, _, rest = rest.partition(b"\n")
        if line.endswith((b" missing", b" ambiguous")):
            found.append(None)
            continue
        size = int(line.rpartition(b" ")[2])
        found.append(rest[:size])
        rest = rest[size + 1 :]
    return found


def commit_files(
    uri: str, branch: str, author: str, edit: Callable[[Draft], TreeChange | None], attempts: int = 6
) -> str | None:
    """Commit files in one atomic push of branch and tag, again on top of others' work when a race is lost.

    Args:
        uri: the repository.
        branch: the branch that moves.
        author: `Name <address>`.
        edit: looks at the draft and says what to commit, or None when there is nothing to change.
        attempts: how many lost races are borne.

    Returns:
        The commit, or None when there was nothing to change.

    Raises:
        GitError: when the repository refuses or cannot be reached; nothing of the change is visible then.
    """

    def attempt() -> str | None:
        with _draft(uri, branch) as draft:
            change = edit(draft)
            if change is None:
                return None
            _commit(draft, branch, author, change)
            push(draft.folder, uri, [f"refs/heads/{branch}", f"refs/tags/{change.tag}"])
            return git("rev-parse", f"refs/heads/{branch}", cwd=draft.folder)

    return again_when_lost(attempt, attempts)


def push_tag(draft: Draft, uri: str, author: str, tag: str, message: str) -> None:
    """Give the branch's newest commit a tag that it lacks.

    Raises:
        LostRaceError: when somebody else did it first.
        GitError: when the repository refuses.
    """
    git_bytes("fast-import", "--quiet", cwd=draft.folder, content=_tag(tag, str(draft.head), _person(author), message))
    push(draft.folder, uri, [f"refs/tags/{tag}"])


@contextmanager
def _draft(uri: str, branch: str) -> Iterator[Draft]:
    head, tags = references(uri, branch)
    with work_folder("mlops-data-") as parent:
        folder = parent / "draft"
        if is_local(uri):
            _borrow(uri, folder)
        elif head:
            options = ("--depth=1", "--filter=blob:none", "--no-tags", f"--branch={branch}")
            git("clone", "--quiet", "--bare", *options, uri, str(folder))
            head = git("rev-parse", f"refs/heads/{branch}", cwd=folder)
        else:
            git("init", "--quiet", "--bare", str(folder))
            git("remote", "add", "origin", uri, cwd=folder)
        yield Draft(folder, head, tags, partial=not is_local(uri))


def _borrow(uri: str, folder: Path) -> None:
    """Make an empty repository that has the objects of a local one beside its own."""
    there = Path(uri).resolve()
    objects = git(*_at(uri), "rev-parse", "--git-path", "objects", cwd=there)
    git("init", "--quiet", "--bare", "--template=", str(folder))
    git("remote", "add", "origin", str(there), cwd=folder)
    (folder / "objects" / "info").mkdir(exist_ok=True)
    (folder / "objects" / "info" / "alternates").write_text(f"{(there / objects).resolve()}\n", encoding="utf-8")


def _commit(draft: Draft, branch: str, author: str, change: TreeChange) -> None:
    who, message = _person(author), change.message.encode()
    lines = [f"commit refs/heads/{branch}\ncommitter {who}\ndata {len(message)}\n".encode(), message, b"\n"]
    if draft.head:
        lines.append(f"from {draft.head}\n".encode())
    for folder, tree in change.folders.items():
        lines.append(f"M 040000 {git('rev-parse', tree, cwd=draft.folder)} {folder}\n".encode())
    for path, content in sorted(change.files.items()):
        if content is None:
            lines.append(f"D {path}\n".encode())
        else:
            lines += [f"M 100644 inline {path}\ndata {len(content)}\n".encode(), content, b"\n"]
    lines += [b"\n", _tag(change.tag, f"refs/heads/{branch}", who, change.message)]
    git_bytes("fast-import", "--quiet", cwd=draft.folder, content=b"".join(lines))


def _tag(name: str, target: str, who: str, message: str) -> bytes:
    content = message.encode()
    return f"tag {name}\nfrom {target}\ntagger {who}\ndata {len(content)}\n".encode() + content + b"\n"


def _person(author: str) -> str:
    return f"{author} {int(time.time())} +0000"


def _at(uri: str) -> list[str]:
    path = Path(uri).resolve()
    folder = path / ".git" if (path / ".git").exists() else path
    return [*trusted(str(path)), f"--git-dir={folder}"]
