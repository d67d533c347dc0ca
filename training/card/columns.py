"""The contract's columns as a table: what each is, and what may stand in it."""

from pipeline.contract import CategoryColumn, Column, Contract, IntegerColumn, NumberColumn
from training.card.content import Cell, Stacked, Table
from training.card.wording import exactly, limits, listed

_WORDS = 40  # of a list that are shown
_TYPES = {
    "number": "number",
    "integer": "whole number",
    "boolean": "truth",
    "category": "word",
    "text": "text",
    "date": "date",
}
_ROLES = {"feature": "model", "key": "key", "event_time": "event time"}


def columns_table(contract: Contract) -> Table:
    """Return the columns, the target at the end."""
    rows = [_line(contract, name, column) for name, column in contract.batch_columns.items()]
    return Table(("Column", "Seen by", "Type", "Unit", "If empty", "Allowed"), rows)


def _line(contract: Contract, name: str, column: Column) -> list[Cell]:
    role = "target" if name == contract.target.name else _ROLES[column.role]
    empty = "refused" if column.required else "accepted"
    title = Stacked(name, column.description) if column.description else name
    return [title, role, _TYPES[column.type], column.unit or "", empty, _allowed(column)]


def _allowed(column: Column) -> str:
    if isinstance(column, NumberColumn | IntegerColumn):
        year = column.unit == "year"  # nobody writes the year 1,973
        return limits(column.minimum, column.maximum, lambda edge: f"{edge:.15g}" if year else exactly(edge)) or "any"
    if isinstance(column, CategoryColumn):
        order = "from low to high: " if column.ordered else ""
        rest = " (others are accepted, with a warning)" if column.open else ""
        between = "; " if any("," in word for word in column.categories) else ", "
        return f"{order}{listed(column.categories, _WORDS, between)}{rest}"
    return column.allowed
