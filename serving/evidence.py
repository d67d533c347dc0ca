"""The evidence for an approval: challenger against champion, gathered from versions that it names.

Asked again about the same versions it says the same: what a model's run holds is never changed, data versions are
immutable, and the verdict of monitoring is named by its run.
"""

from collections.abc import Callable
from datetime import datetime
from pathlib import PurePosixPath
from typing import Any, TypeVar

from upath import UPath

from pipeline import model_registry
from pipeline.contract import Contract
from pipeline.contract.base import Section
from pipeline.data_diff import VersionDiff
from pipeline.data_registry import DataRegistry
from pipeline.errors import PipelineError
from pipeline.release_history import Period, release_history
from pipeline.release_log import Release
from pipeline.settings import Settings
from pipeline.storage import read_json, storage
from serving.documents import Measured, Ruling, Watched

_Found = TypeVar("_Found")
_REPORTS = 20  # of monitoring that are looked through for the latest window


class Evidence(Section):
    """All that an approver is shown. What could not be had is None, and `missing` says why."""

    proposed: Release
    live: Period | None  # what is live now, since when and why; None before the first release
    challenger: Measured | None = None
    champion: Measured | None = None
    ruling: Ruling | None = None
    data: VersionDiff | None = None  # from the champion's data version to the challenger's
    watched: Watched | None = None
    missing: list[str] = []


def gather(contract: Contract, settings: Settings, proposed: Release) -> Evidence:
    """Return what is known of a proposed release, against what is live.

    Raises:
        GitError: when what is live cannot be read; nothing else is needed for a release.
    """
    live = next(iter(release_history(settings, contract.name)), None)
    missing: list[str] = []

    def ask(read: Callable[[], _Found]) -> _Found | None:
        try:
            return read()
        except (PipelineError, ValueError, OSError) as error:
            missing.append(str(error))
            return None

    champion = live.release if live else None
    other = champion if champion and champion.run_id != proposed.run_id else None
    return Evidence(
        proposed=proposed,
        live=live,
        challenger=ask(lambda: _measured(settings, proposed)),
        champion=ask(lambda: _measured(settings, other)) if other else None,
        ruling=ask(lambda: Ruling.model_validate(_document(settings, proposed, "decision.json"))),
        data=ask(lambda: _data(contract, settings, other, proposed)) if other else None,
        watched=ask(lambda: _watched(settings, contract.name)),
        missing=missing,
    )


def _measured(settings: Settings, release: Release) -> Measured:
    return Measured.model_validate(_document(settings, release, "evaluation.json"))


def _document(settings: Settings, release: Release, name: str) -> Any:
    return model_registry.read_document(settings, release.run_id, name)


def _data(contract: Contract, settings: Settings, champion: Release, challenger: Release) -> VersionDiff | None:
    if champion.data_version == challenger.data_version:
        return None
    found = DataRegistry(settings, contract).diff(champion.data_version, challenger.data_version)
    return found.model_copy(update={"moves": found.moves[:10] if found.moves else found.moves})


def _newest(folder: UPath) -> list[UPath]:
    """Return the reports that were written last: in an object store each costs a request, and there may be hundreds."""
    written = folder.fs.glob(f"{folder.path.rstrip('/')}/*/report.json", detail=True)
    recent = sorted(written, key=lambda path: _written_at(written[path]), reverse=True)[:_REPORTS]
    return [folder / PurePosixPath(path).parent.name / "report.json" for path in recent]


def _written_at(known: dict[str, Any]) -> float:
    moment = known.get("mtime") or known.get("LastModified") or 0
    return float(moment.timestamp() if isinstance(moment, datetime) else moment)


def _watched(settings: Settings, model: str) -> Watched | None:
    """Return the verdict of the monitoring run that looked at the latest window, if there was any."""
    reports = [read_json(path) for path in _newest(storage(settings, "reports", model))]
    found = [
        Watched(
            run=report["run"],
            until=str(report["gathered"]["until"]),
            version=report["findings"].get("version"),
            status=report["verdict"]["status"],
            reasons=report["verdict"]["reasons"],
        )
        for report in reports
    ]
    return max(found, key=lambda one: (one.until, one.run), default=None)
