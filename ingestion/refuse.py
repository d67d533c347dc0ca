"""Refusing a batch as a whole: what is left behind, and what is said."""

from collections.abc import Sequence

from ingestion.errors import BatchRefused
from ingestion.files import BatchReport, save_report
from ingestion.report import write_report
from pipeline.batch_log import record_batch
from pipeline.contract import Contract
from pipeline.refusal import Refusal, count_refusals
from pipeline.settings import Settings

_SHOWN = 20


def with_refusals(report: BatchReport, refusals: Sequence[Refusal]) -> BatchReport:
    """Return the report with what was refused."""
    messages = tuple(refusal.message for refusal in refusals)
    return report.model_copy(update={"refused": count_refusals(refusals), "messages": messages})


def keep(contract: Contract, settings: Settings, report: BatchReport) -> str:
    """Store a report for machines, for people and for monitoring; return the address of the first."""
    record_batch(settings, contract.name, report.model_dump(mode="json"))
    write_report(contract, settings, report)
    return save_report(contract, settings, report)


def refuse(
    contract: Contract, settings: Settings, report: BatchReport, refusals: Sequence[Refusal], why: str = ""
) -> BatchRefused:
    """Store the report of a batch that is refused as a whole, and return the error to raise."""
    full = with_refusals(report, refusals).model_copy(update={"published": False})
    uri = keep(contract, settings, full)
    lines = [f"{report.model}: the batch {report.window} from {report.source} is refused and nothing was published:"]
    lines += [f"  {why}"] if why else []
    lines += [f"  {message}" for message in full.messages[:_SHOWN]]
    lines += [f"  and {len(refusals) - _SHOWN} more"] if len(refusals) > _SHOWN else []
    return BatchRefused("\n".join([*lines, f"the whole report is at {uri}"]), refusals)
