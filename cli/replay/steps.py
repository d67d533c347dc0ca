"""The steps of a replay: what one gave is on disk before the next begins, so that a stopped replay goes on there."""

from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

from pydantic import ValidationError
from upath import UPath

from cli.errors import ReplayError
from pipeline.contract.base import Section
from pipeline.storage import write_bytes

Result = TypeVar("Result", bound=Section)


class Steps:
    """The results of the steps that are done, in a folder, one file each."""

    def __init__(self, folder: Path, told: Callable[[str], None]) -> None:
        """Keep results in `folder`; `told` hears the name of each step before it begins."""
        self._folder, self._told = folder, told

    def do(self, name: str, kind: type[Result], work: Callable[[], Result]) -> Result:
        """Return what the step gave when it was done, or do it now.

        The work itself may be repeated: a process that is killed before the result is on disk does it again, and every
        stage finds what it did before.

        Raises:
            ReplayError: when what is on disk cannot be read.
        """
        self._told(name)
        path = self._folder / f"{name}.json"
        if path.exists():
            return _read(path, kind)
        result = work()
        write_bytes(UPath(path), result.model_dump_json(indent=1).encode())
        return result


def _read(path: Path, kind: type[Result]) -> Result:
    try:
        return kind.model_validate_json(path.read_bytes())
    except ValidationError as error:
        raise ReplayError(
            f"{path}: is damaged, or of another version of this program; start anew with --fresh"
        ) from error
