"""Validate: a raw batch becomes a valid one and, where rows break the contract, a quarantine with their reasons."""

from upath import UPath

from ingestion.collect import Collected
from ingestion.files import QUARANTINE, VALID, BatchReport, place
from ingestion.refuse import keep, refuse, with_refusals
from ingestion.sift import Sifted, sift
from pipeline.contract import Contract, Window
from pipeline.contract.base import Section
from pipeline.settings import Settings
from pipeline.storage import move_in, writing_folder


class Validated(Section):
    """A valid batch: a Parquet file of normalised rows, each with its split."""

    uri: str
    report_uri: str
    quarantine_uri: str | None = None  # None: no row was bad
    rows: int
    quarantined: int = 0
    source: str
    window: Window
    run: str  # which run it is of


def validate(contract: Contract, settings: Settings, run: str, collected: Collected) -> Validated:
    """Store the valid rows, the quarantine and the report on the batch.

    Raises:
        BatchRefused: when more rows break the contract than it bears, none is left, or a column is missing; the report
            and the quarantine are stored all the same.
        IngestionError: when the raw batch cannot be read.
    """
    valid, quarantine = (place(contract, settings, run, name) for name in (VALID, QUARANTINE))
    with writing_folder(valid) as folder:
        sifted = sift(contract, collected.uri, collected.decimal, folder)
        _tell_missing_columns(contract, sifted, collected)
        kept = _keep_quarantine(sifted, quarantine)
        refusals = sifted.tally.refusals()
        report = with_refusals(_report(contract, run, collected, sifted), refusals)
        why = _too_bad(contract, report)
        if why:
            raise refuse(contract, settings, report, refusals, why)
        uri = move_in(sifted.valid, valid)
    return Validated(
        uri=uri,
        report_uri=keep(contract, settings, report),
        quarantine_uri=kept,
        rows=report.accepted,
        quarantined=report.quarantined,
        source=collected.source,
        window=collected.window,
        run=run,
    )


def _tell_missing_columns(contract: Contract, sifted: Sifted, collected: Collected) -> None:
    if sifted.profile is None:
        absent = [name for name in contract.batch_columns if name not in collected.columns]
        sifted.tally.add_missing_columns(absent, collected.ignored_columns, collected.rows)


def _keep_quarantine(sifted: Sifted, target: UPath) -> str | None:
    if sifted.quarantine.exists():
        return move_in(sifted.quarantine, target)
    target.unlink(missing_ok=True)  # of an earlier try of the same run
    return None


def _too_bad(contract: Contract, report: BatchReport) -> str:
    """Return why the batch cannot be accepted, or nothing."""
    if report.profile is None:
        return "a column of the contract is missing:"
    if not report.accepted:
        return "no row is left:"
    share = report.quarantined / report.rows
    if share <= contract.ingestion.quarantine_limit:
        return ""
    return (
        f"{report.quarantined:,} of {report.rows:,} rows ({share:.2%}) break the contract, more than the "
        f"{contract.ingestion.quarantine_limit:.2%} of ingestion.quarantine_limit:"
    )


def _report(contract: Contract, run: str, collected: Collected, sifted: Sifted) -> BatchReport:
    return BatchReport(
        model=contract.name,
        run=run,
        source=collected.source,
        window=collected.window.id,
        rows=collected.rows,
        accepted=sifted.accepted,
        quarantined=collected.rows - sifted.accepted,
        limit=contract.ingestion.quarantine_limit,
        repeated_rows=sifted.repeated_rows,
        unknown_words=sifted.unknown.most_frequent,
        unknown_word_rows=sifted.unknown.rows,
        ignored_columns=collected.ignored_columns,
        profile=sifted.profile,
    )
