"""Words that an open list does not know, counted while a batch streams."""

from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from pipeline.contract import CategoryColumn, Contract
from pipeline.profile.counting_words import Words

_SHOWN = 20


class UnknownWords:
    """Counts rows by column and word; the counts of words are as exact as those of a profile."""

    def __init__(self, contract: Contract) -> None:
        lists = {name: column for name, column in contract.columns.items() if isinstance(column, CategoryColumn)}
        self._known = {name: pa.array(column.categories) for name, column in lists.items() if column.open}
        self._words = {name: Words() for name in self._known}
        self._rows = dict.fromkeys(self._known, 0)

    def add(self, batch: Any) -> None:
        """Count a batch in its normal form, in which a word that is known is spelt as the list has it."""
        for name, known in self._known.items():
            cells = batch.column(name)
            cells = cells if pa.types.is_dictionary(cells.type) else cells.dictionary_encode()
            is_known = pc.is_in(cells.dictionary, value_set=known).take(cells.indices)
            unknown = cells.filter(pc.invert(is_known))  # what is missing is null here, and left out
            self._rows[name] += len(unknown)
            self._words[name].add(unknown)

    @property
    def rows(self) -> dict[str, int]:
        """Rows with such a word, by column."""
        return {name: rows for name, rows in self._rows.items() if rows}

    @property
    def most_frequent(self) -> dict[str, dict[str, int]]:
        """The most frequent ones with their rows, by column."""
        counted = {name: list(words.result().words.items())[:_SHOWN] for name, words in self._words.items()}
        return {name: dict(words) for name, words in counted.items() if words}
