"""Decide on a retraining by what is remembered of earlier runs, and remember the decision."""

from collections.abc import Mapping

from monitoring.gather import Gathered
from monitoring.retraining.decide import Decision, decide
from monitoring.retraining.memory import Remembered, earlier, own, record
from monitoring.retraining.outcomes import Request, Training, attempts, trainings
from monitoring.retraining.past import Past
from monitoring.verdict import Verdict
from pipeline.contract import Contract
from pipeline.data_registry import DataRegistry, VersionNote
from pipeline.model_registry import ModelRegistryAwayError
from pipeline.settings import Settings


def settle(
    contract: Contract, settings: Settings, run: str, gathered: Gathered, verdict: Verdict, *, dry_run: bool = False
) -> Decision:
    """Decide on a retraining by what is remembered, and remember the decision.

    Raises:
        DataRegistryError: when the data registry cannot be read.
    """
    past = recall(contract, settings, run, gathered)
    decision = decide(contract, verdict, past, dry_run=dry_run)
    record(contract, settings, run, gathered, verdict, past, decision)
    return decision


def recall(contract: Contract, settings: Settings, run: str, gathered: Gathered) -> Past:
    """Return what is known of earlier windows and retrainings; of a run that is repeated, what it knew then.

    Raises:
        DataRegistryError: when the data registry cannot be read.
    """
    before = own(contract, settings, run, gathered)
    if before is not None:
        return before.past
    served = gathered.served
    now = Past(until=gathered.until, data_version=gathered.data_version)
    if served is None:
        return now
    notes: list[str] = []
    windows = earlier(contract, settings, gathered, notes)
    rows = _rows(DataRegistry(settings, contract).notes(), gathered.data_version)
    known, away = _trainings(contract, settings)
    made = {
        "windows": tuple(one.judged for one in windows),
        "retrainings": attempts(_requests(windows), known, rows),
        "labelled_rows": rows.get(gathered.data_version, 0),
        "served_rows": rows.get(gathered.data_version, 0) - gathered.new_data_rows,
        "version": served.version,
        "away": away,
        "notes": tuple(notes),
    }
    return now.model_copy(update=made)


def _trainings(contract: Contract, settings: Settings) -> tuple[list[Training], str]:
    """Return the trainings, or why the model registry cannot be asked: a report is due all the same."""
    try:
        return trainings(contract, settings), ""
    except ModelRegistryAwayError as error:
        return [], " ".join(str(error).split())


def _requests(windows: list[Remembered]) -> list[Request]:
    asked = [one for one in windows if one.decision.asked]
    return [
        Request(
            asked=one.judged.until,
            kind=one.decision.kind,
            data_version=one.decision.data_version,
            reason=one.decision.reason,
        )
        for one in asked
    ]


def _rows(notes: list[VersionNote], newest: str) -> Mapping[str, int]:
    """Return, for each data version, about how many rows of the newest it has: of a window that both have, the fewer.

    A window that was published again, with corrections or with more rows, is mostly what it was.
    """
    now = next((note for note in notes if note.version == newest), None)
    if now is None:
        return {}
    return {
        note.version: sum(
            min(window.rows, note.windows[name].rows) for name, window in now.windows.items() if name in note.windows
        )
        for note in notes
    }
