"""The report of a batch for people: a page beside the run's `report.json`."""

from ingestion.files import QUARANTINE, BatchReport, place
from ingestion.page import contents
from pipeline.contract import Contract
from pipeline.settings import Settings
from pipeline.storage import write_bytes


def write_report(contract: Contract, settings: Settings, report: BatchReport) -> str:
    """Write `report.html` into the run's folder, in place of an earlier one, and return its address.

    Args:
        contract: the model's contract.
        settings: where the storage is.
        report: what was found; a `PublishedReport` once there is a version.
    """
    quarantine = place(contract, settings, report.run, QUARANTINE)
    page = contents(contract, report, str(quarantine) if quarantine.exists() else "")
    return write_bytes(place(contract, settings, report.run, "report.html"), page.encode())
