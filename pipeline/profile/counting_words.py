"""Counting words, of which there may be more than memory can hold, and the texts of keys, of which none is kept."""

from collections import Counter
from typing import Any

import numpy as np
import pyarrow as pa

from pipeline.profile.columns import WordsProfile, most_frequent
from pipeline.profile.counter import ColumnCounter

MOST_COUNTERS = 10_000


class Words(ColumnCounter):
    """Words, exactly while there are at most `MOST_COUNTERS` different ones.

    With more of them, each count is a lower bound, at most rows / `MOST_COUNTERS` below the truth, so that a word that
    is more frequent than that is never lost: Misra and Gries (1982), "Finding repeated elements", in the form for
    batches of Agarwal et al. (2012), "Mergeable summaries". What is lost is among the others.
    """

    def __init__(self) -> None:
        super().__init__()
        self._counts: Counter[str] = Counter()

    def _add(self, column: Any) -> None:
        coded = column if pa.types.is_dictionary(column.type) else column.dictionary_encode()
        codes = coded.indices.drop_null().to_numpy(zero_copy_only=False)
        counts = np.bincount(codes, minlength=len(coded.dictionary))
        there = np.flatnonzero(counts)
        words = coded.dictionary.take(pa.array(there)).to_pylist()
        for word, count in zip(words, counts[there].tolist(), strict=True):
            self._counts[word] += count
        if len(self._counts) > MOST_COUNTERS:
            self._drop_the_rare()

    def _drop_the_rare(self) -> None:
        counts = np.fromiter(self._counts.values(), dtype=np.int64)
        cut = int(np.partition(counts, -MOST_COUNTERS - 1)[-MOST_COUNTERS - 1])
        self._counts = Counter({word: count - cut for word, count in self._counts.items() if count > cut})

    def result(self) -> WordsProfile:
        """Return what was counted so far."""
        words = most_frequent(self._counts)
        others = self._rows - self._missing - sum(words.values())
        return WordsProfile(rows=self._rows, missing=self._missing, words=words, others=others)


class Names(ColumnCounter):
    """The texts of a key, of which none is kept: they tell rows apart, so hardly one stands twice.

    They may also be what a profile, which is shown and committed, must not hold: names and numbers of people.
    """

    def _add(self, column: Any) -> None:
        pass

    def result(self) -> WordsProfile:
        """Return what was counted so far: all rows are `others`."""
        return WordsProfile(rows=self._rows, missing=self._missing, others=self._rows - self._missing)
