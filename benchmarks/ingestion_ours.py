"""Ingestion as the pipeline does it: collect, validate, split and write, on the default contract."""

from pathlib import Path

from benchmarks.child import main
from ingestion.collect import collect
from ingestion.validate import Validated, validate
from pipeline.contract import Window, load_contract
from pipeline.settings import Settings

ROOT = Path(__file__).resolve().parents[1]
CONTRACT = ROOT / "contracts" / "house_prices.yaml"


def ingest(source: Path, folder: Path) -> int:
    """Collect and validate all rows of the source; return how many were accepted."""
    return accepted(source, folder).rows


def accepted(source: Path, folder: Path) -> Validated:
    """Return what validation says of all rows of the source; its files are in the folder."""
    settings = Settings(project_dir=ROOT, state_dir=folder)
    contract = load_contract(CONTRACT)
    return validate(contract, settings, "run", collect(contract, settings, "run", Window(), str(source)))


if __name__ == "__main__":
    main(ingest)
