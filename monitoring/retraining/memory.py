"""The memory of monitoring: one file for each run's decision, named by the end of its window."""

from datetime import UTC

from pydantic import ValidationError
from upath import UPath

from monitoring.gather import Gathered
from monitoring.retraining.decide import Decision
from monitoring.retraining.past import Judged, Past
from monitoring.verdict import Verdict
from pipeline.contract import Contract
from pipeline.contract.base import Section
from pipeline.settings import Settings
from pipeline.storage import storage, write_bytes

_MOST = 60  # windows that are remembered
DECISION = "decision.json"  # beside the run's report


class Remembered(Section):
    """One run's decision with all that it was made from, so that the run decides the same when it is repeated."""

    run: str
    judged: Judged
    decision: Decision
    past: Past


def record(
    contract: Contract,
    settings: Settings,
    run: str,
    gathered: Gathered,
    verdict: Verdict,
    past: Past,
    decision: Decision,
) -> str:
    """Store the decision beside the run's report and where later runs look; a repeated run replaces its own.

    Returns the address of the file beside the report.
    """
    version = gathered.served.version if gathered.served else None
    judged = Judged(until=gathered.until, version=version, status=verdict.status, kinds=decision.noticed)
    remembered = Remembered(run=run, judged=judged, decision=decision, past=past)
    write_bytes(_file(contract, settings, run, gathered), _bytes(remembered))
    return write_bytes(storage(settings, "reports", contract.name, run, DECISION), _bytes(decision))


def own(contract: Contract, settings: Settings, run: str, gathered: Gathered) -> Remembered | None:
    """Return what the run itself has stored when it ran before; None where it did not."""
    return _read(_file(contract, settings, run, gathered), [])


def earlier(contract: Contract, settings: Settings, gathered: Gathered, notes: list[str]) -> list[Remembered]:
    """Return the last windows before this one, oldest first: their files are named by the end of their window.

    A file that cannot be read is left out, with a note.
    """
    folder = _folder(contract, settings)
    files = sorted(folder.iterdir(), key=lambda file: file.name) if folder.exists() else []
    before = [file for file in files if file.suffix == ".json" and file.name < _stamp(gathered)]
    read = (_read(file, notes) for file in before[-_MOST:])
    return [one for one in read if one is not None]


def _read(file: UPath, notes: list[str]) -> Remembered | None:
    try:
        return Remembered.model_validate_json(file.read_bytes())
    except FileNotFoundError:
        return None
    except (ValidationError, UnicodeDecodeError) as error:
        notes.append(f"{file.name} cannot be read and is left out: {str(error).splitlines()[0]}")
        return None


def _file(contract: Contract, settings: Settings, run: str, gathered: Gathered) -> UPath:
    return _folder(contract, settings) / f"{_stamp(gathered)}-{run}.json"


def _folder(contract: Contract, settings: Settings) -> UPath:
    return storage(settings, "decisions", contract.name)


def _stamp(gathered: Gathered) -> str:
    return f"{gathered.until.astimezone(UTC):%Y%m%dT%H%M%S.%fZ}"


def _bytes(section: Section) -> bytes:
    return (section.model_dump_json(indent=1) + "\n").encode()
