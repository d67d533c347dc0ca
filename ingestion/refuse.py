"""Refusing a batch as a whole: what is left behind, and what is said."""

import re
from collections.abc import Iterator, Sequence

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
    lines += [f"  {hint}" for hint in _hints(contract, refusals)]
    return BatchRefused("\n".join([*lines, f"the whole report is at {uri}"]), refusals)


def _hints(contract: Contract, refusals: Sequence[Refusal]) -> Iterator[str]:
    """Give what the contract may have left out on how a CSV source is written."""
    texts = _texts_for(contract, refusals, ("number", "integer"))
    decimal = contract.ingestion.csv.decimal
    other = "," if decimal == "." else "."
    number = next((text for text in texts if re.fullmatch(rf"\s*[+-]?\d+\{other}\d+\s*", text)), None)
    if number is not None:
        yield f"if {number!r} is a number of a CSV file, say ingestion.csv.decimal: {other!r}"
    word = next((text for text in texts if not any(sign.isdigit() for sign in text)), None)
    if word is not None:
        yield f"if {word!r} of a CSV file means that there is no value, list it under ingestion.missing"
    for text in _texts_for(contract, refusals, ("boolean",))[:1]:
        yield f"truth is written true/false, yes/no, y/n, t/f or 1/0; with words such as {text!r}, declare a category"


def _texts_for(contract: Contract, refusals: Sequence[Refusal], types: tuple[str, ...]) -> list[str]:
    """Return the texts that were refused, for being none, by columns of these types."""
    columns = {name for name, column in contract.batch_columns.items() if column.type in types}
    wrong = [refusal.value for refusal in refusals if refusal.reason == "type" and refusal.field in columns]
    return [value for value in wrong if isinstance(value, str)]
