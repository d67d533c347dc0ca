"""Where the prediction log of a contract is, and its copy."""

from pathlib import Path
from typing import TYPE_CHECKING

from cli.console import contract_of
from pipeline.contract import Contract
from pipeline.settings import Settings, load_settings

if TYPE_CHECKING:  # psycopg comes with it
    from pipeline.prediction_log.database import Database


def chosen(model: str | None) -> tuple[Settings, Contract]:
    """Return the settings, and the contract that an option names."""
    settings = load_settings()
    return settings, contract_of(settings, model)


def places(settings: Settings, contract: Contract) -> "tuple[Path, Database | None]":
    """Return the contract's outbox, and the PostgreSQL that it is copied to."""
    from pipeline.prediction_log.database import database_of

    return Path(settings.place("prediction_log", contract.name)), database_of(settings, contract.name)
