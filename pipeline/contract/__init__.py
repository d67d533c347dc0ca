"""The contract: the one file that knows the data set. See `docs/contract.md`."""

from pipeline.contract.columns import (
    BooleanColumn,
    CategoryColumn,
    Column,
    DateColumn,
    IntegerColumn,
    NumberColumn,
    TextColumn,
)
from pipeline.contract.contract import PREDICTION, SPLIT, Contract
from pipeline.contract.gate_section import Limit
from pipeline.contract.load import ContractError, load_contract, load_contracts, parse_contract
from pipeline.contract.release_section import TrialPlan
from pipeline.contract.sections import Target
from pipeline.contract.training_section import VOTE, Candidate
from pipeline.contract.window import Window

__all__ = [
    "PREDICTION",
    "SPLIT",
    "VOTE",
    "BooleanColumn",
    "Candidate",
    "CategoryColumn",
    "Column",
    "Contract",
    "ContractError",
    "DateColumn",
    "IntegerColumn",
    "Limit",
    "NumberColumn",
    "Target",
    "TextColumn",
    "TrialPlan",
    "Window",
    "load_contract",
    "load_contracts",
    "parse_contract",
]
