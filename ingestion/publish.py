"""Publish: a valid batch becomes part of the next data version, and its report says which."""

from collections.abc import Iterator

from upath import UPath

from ingestion.errors import IngestionError
from ingestion.files import BatchReport, save_report
from ingestion.published import PublishedReport
from ingestion.report import write_report
from ingestion.validate import Validated
from pipeline.batch_log import record_batch
from pipeline.contract import Contract
from pipeline.data_registry import DataRegistry, DataVersion, VersionNote
from pipeline.settings import Settings
from pipeline.storage import fetched, read_json


def publish(contract: Contract, settings: Settings, validated: Validated) -> DataVersion:
    """Publish the batch; the same content again is the same version.

    The batch's report is stored with the version. In the run's folder it says from then on which version that is, and
    how it differs from the one before.

    Raises:
        DataRegistryError: when the window overlaps another one, or the data cannot be stored.
        GitError: when the registry refuses.
        IngestionError: when what validation left is not there any more.
    """
    registry, report = DataRegistry(settings, contract), _report(validated)
    stored = report.model_dump(mode="json")
    if not (valid := UPath(validated.uri)).exists():
        raise IngestionError(f"{validated.uri}: the valid batch is not there, validate it again")
    with fetched(valid) as path:
        version = registry.publish_file(path, validated.window, validated.source, validated.run, stored, report.refused)
    full = _published(registry, report, version)
    save_report(contract, settings, full)
    write_report(contract, settings, full)
    record_batch(settings, contract.name, stored)
    return version


def _report(validated: Validated) -> BatchReport:
    """Return the report as validation left it, even if this batch was published before."""
    try:
        found = read_json(validated.report_uri)
        kept = {name: found[name] for name in BatchReport.model_fields if name in found}
        return BatchReport.model_validate(kept | {"published": True})
    except (OSError, ValueError) as error:
        raise IngestionError(f"{validated.report_uri}: the report cannot be read, validate again: {error}") from error


def _published(registry: DataRegistry, report: BatchReport, version: DataVersion) -> PublishedReport:
    for before, note in _candidates(registry, version.version):
        if note.window == report.window and note.windows[note.window].run == report.run:
            return PublishedReport(
                **dict(report),
                version=note.version,
                before=before.version if before else None,
                changes=note.changes,
                profile_before=before.profile if before else None,
            )
    return PublishedReport(**dict(report), version=version.version, created=False)


def _candidates(registry: DataRegistry, version: str) -> Iterator[tuple[VersionNote | None, VersionNote]]:
    """Give versions that this run may have made, with those before them: the newest one first, then all the others.

    It is the newest, unless a run is repeated after others have published; only then are all notes read.
    """
    versions = registry.versions()
    place = versions.index(version)
    yield registry.note(versions[place - 1]) if place else None, registry.note(version)
    notes = registry.notes()
    yield from reversed(list(zip([None, *notes], notes, strict=False)))
