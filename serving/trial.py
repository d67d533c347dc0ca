"""A trial: a second version beside the one that is live, to be watched before it is released."""

import os
from datetime import datetime
from pathlib import Path
from typing import Literal

from pydantic import Field

from pipeline.contract.base import Number, Section, Share

TRIAL = "trial.json"  # beside the link to what is live


class Trial(Section):
    """Which version is tried, and how."""

    folder: str = Field(pattern=r"^[^/\\]+$")  # of its release, beside those of other versions
    mode: Literal["shadow", "canary"]  # a shadow's numbers are logged and never answered; a canary answers a share
    share: Share = Field(default=0.1, gt=0, le=1)  # of the requests that a canary answers
    began: datetime | None = None  # the service repeats it, so that no earlier trial is taken for this one
    minutes: Number | None = None  # that it is meant to take; whoever began it ends it
    run: str = ""  # names who began it
    version: int | None = None  # that is tried
    live: int | None = None  # the version beside which it is tried


def read_trial(releases: Path) -> Trial | None:
    """Return the trial that is asked for, or None. Raises ValueError when its file cannot be read."""
    path = releases / TRIAL
    return Trial.model_validate_json(path.read_bytes()) if path.exists() else None


def write_trial(releases: Path, trial: Trial | None) -> None:
    """Begin a trial, in one step, or end it."""
    path = releases / TRIAL
    if trial is None:
        path.unlink(missing_ok=True)
    else:
        _part(releases, trial).replace(path)


def claim_trial(releases: Path, trial: Trial) -> bool:
    """Begin a trial in one step, unless there is one; return whether it is this one that began."""
    part = _part(releases, trial)
    try:
        os.link(part, releases / TRIAL)
    except FileExistsError:
        return False
    finally:
        part.unlink()
    return True


def _part(releases: Path, trial: Trial) -> Path:
    part = releases / f".{TRIAL}.{os.getpid()}"
    part.write_text(trial.model_dump_json() + "\n", encoding="utf-8")
    return part
