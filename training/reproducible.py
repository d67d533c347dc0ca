"""Whether this checkout is the one that made a model version, and how to set that one up where it is not."""

import re
import shlex
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from pipeline.settings import PREFIX, Settings
from training.errors import TrainingError

DIRTY = "-dirty"
_COMMIT, _CODE, _PYTHON, _LIBRARIES = "git_commit", "code_hash", "python", "libraries"
_COMPARED = {
    "contract_data_hash": "contract: columns, target or split",
    "contract_model_hash": "contract: what a model is fitted to, and how",
    "lock_hash": "lock (requirements/*.txt)",
}
_SHARED = ("data_registry_uri", "data_remote_uri", "mlflow_uri", "mlflow_port")  # what both checkouts must see alike
_SHOWN = 12  # characters of a hash


class AnotherCheckoutError(TrainingError):
    """This checkout is not the one that made the version, or cannot be shown to be."""


@dataclass(frozen=True)
class Origin:
    """What a version was made with, by its tags, and what is here now: see `training.lineage`."""

    model: str
    version: int
    run_id: str  # of the version's candidate
    then: Mapping[str, str]
    now: Mapping[str, str]


def differences(origin: Origin) -> list[str]:
    """Return one line for each thing that is not as it was when the version was made, or that cannot be compared."""
    return [*_code(origin.then, origin.now), *_hashes(origin.then, origin.now), *_installed(origin.then, origin.now)]


def check_checkout(settings: Settings, origin: Origin, found: list[str]) -> None:
    """Raise AnotherCheckoutError, which says how to get to the right checkout, where there are differences."""
    if not found:
        return
    lines = [
        f"version {origin.version} of {origin.model} cannot be reproduced here, where not all is as it was:",
        *(f"  - {line}" for line in found),
        *_way(settings, origin),
        "To train again here all the same, which may well give another model:",
        f"  {_command(origin)} --anyway",
    ]
    raise AnotherCheckoutError("\n".join(lines))


def _code(then: Mapping[str, str], now: Mapping[str, str]) -> Iterator[str]:
    """The hash of the code tells what a commit cannot: what was changed since, or came without history."""
    commits = [tags.get(_COMMIT, "") for tags in (then, now)]
    if all(commits) and commits[0].removesuffix(DIRTY) != commits[1].removesuffix(DIRTY):
        yield f"git commit: {commits[0]} then, {commits[1]} now"
    elif _CODE in then and then[_CODE] != now.get(_CODE):
        yield f"code (pipeline/ and training/): {_short(then[_CODE])} then, {_short(now.get(_CODE))} now"
    elif _CODE not in then and (not all(commits) or any(commit.endswith(DIRTY) for commit in commits)):
        shown = [commit or "not known" for commit in commits]
        yield f"git commit: {shown[0]} then, {shown[1]} now, which does not say whether the code is the same"


def _hashes(then: Mapping[str, str], now: Mapping[str, str]) -> Iterator[str]:
    for tag, what in _COMPARED.items():
        before, after = then.get(tag), now.get(tag)
        if before != after:
            yield f"{what}: {_short(before)} then, {_short(after)} now"


def _installed(then: Mapping[str, str], now: Mapping[str, str]) -> Iterator[str]:
    """The lock says what should be there; what is installed may be something else. Patches of Python do not count."""
    if _PYTHON in then and _minor(then[_PYTHON]) != _minor(now[_PYTHON]):
        yield f"Python: {then[_PYTHON]} then, {now[_PYTHON]} now"
    if _LIBRARIES in then and then[_LIBRARIES] != now[_LIBRARIES]:
        before, after = (set(tags[_LIBRARIES].split(", ")) for tags in (then, now))
        yield f"libraries: {', '.join(sorted(before - after))} then, {', '.join(sorted(after - before))} now"


def _minor(release: str) -> str:
    return ".".join(release.split(".")[:2])


def _way(settings: Settings, origin: Origin) -> list[str]:
    commit = origin.then.get(_COMMIT)
    if not commit:
        return [
            "It was trained without git history, as in an image, and no command can set its code up: start that image.",
            _kept(origin),
        ]
    commands = [f"  {line}" for line in _commands(settings, origin, commit.removesuffix(DIRTY))]
    if not commit.endswith(DIRTY):
        return ["These commands set up what it was made with, and reproduce it there:", *commands]
    return [
        "It was trained from files that were changed since that commit, and no command can bring those back.",
        _kept(origin),
        "These commands set up the commit:",
        *commands,
    ]


def _kept(origin: Origin) -> str:
    return f"Its contract is kept: `bundle/contract.json` among the artifacts of MLflow run {origin.run_id}."


def _commands(settings: Settings, origin: Origin, commit: str) -> list[str]:
    """The other checkout gets an environment of its own, and reads the state of this one. MLflow must be up."""
    project = settings.project_dir.resolve()
    folder = shlex.quote(f"../{project.name}-{commit[:_SHOWN]}")
    here = f"cd {shlex.quote(str(project))}" if _COMMIT in origin.now else "# in a clone of the project's repository:"
    shown, secret = _environment(settings)
    return [
        here,
        f"git worktree add {folder} {commit}",
        f"cd {folder}",
        "make setup",
        *(f"# {name} may hold a password and is not shown: set it as it is here" for name in secret),
        " ".join([*shown, f".venv/bin/{_command(origin)}"]),
    ]


def _environment(settings: Settings) -> tuple[list[str], list[str]]:
    """Return what both checkouts must see alike, and the names of what is not for others' eyes."""
    given = {"state_dir": str(settings.state)}
    given |= {name: str(getattr(settings, name)) for name in _SHARED if name in settings.model_fields_set}
    secret = [f"{PREFIX}{name.upper()}" for name, value in given.items() if re.search("://[^/]*@", value)]
    named = {f"{PREFIX}{name.upper()}": shlex.quote(value) for name, value in given.items()}
    shown = [f"{name}={value}" for name, value in named.items() if name not in secret]
    return [f'{PREFIX}PROJECT_DIR="$PWD"', *shown] if "project_dir" in settings.model_fields_set else shown, secret


def _command(origin: Origin) -> str:
    return f"mlops train reproduce {origin.version} --model {origin.model}"


def _short(value: str | None) -> str:
    return "none" if value is None else value[:_SHOWN]
