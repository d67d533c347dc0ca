"""A large data version in a folder of its own, for training to be measured on."""

from pathlib import Path

from benchmarks.child import main
from benchmarks.ingestion_ours import accepted
from benchmarks.training_ours import contract, settings
from ingestion.publish import publish


def stock(source: Path, folder: Path) -> int:
    """Publish all rows of the source as the first data version of the folder; return how many there are."""
    validated = accepted(source, folder)
    publish(contract(), settings(folder), validated)
    return validated.rows


if __name__ == "__main__":
    main(stock)
