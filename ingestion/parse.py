"""Parsing the texts of a column: each distinct one once, however many batches it stands in."""

import re
from collections.abc import Callable
from datetime import datetime, timedelta
from functools import lru_cache, partial
from typing import Any

import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from pipeline.coders import coder
from pipeline.contract import Column, DateColumn, IntegerColumn, NumberColumn

Parse = Callable[[list[Any]], Any]  # distinct texts to their values, None where one has none

_KNOWN = 100_000  # texts of a column whose values are kept
# Python would take 1_000, nan and digits of other scripts as well.
_NUMBER = re.compile(r"[+-]?(([0-9]+(\.[0-9]*)?|\.[0-9]+)([eE][+-]?[0-9]+)?|inf|infinity)", re.IGNORECASE)
_EPOCH = datetime(1970, 1, 1)  # noqa: DTZ001 (all times here are UTC)
_FIRST, _LAST = ((edge - _EPOCH) // timedelta(microseconds=1) for edge in (datetime.min, datetime.max))  # noqa: DTZ901


@lru_cache(maxsize=256)
def parser(column: Column, decimal: str) -> Parse:
    """Return what parses the texts of a column; `decimal` stands before a number's fraction."""
    if isinstance(column, DateColumn):
        return _Known(partial(_times, column.format))
    if isinstance(column, NumberColumn | IntegerColumn):
        return partial(_each, partial(_number, decimal))
    return _Known(partial(_each, partial(_word, coder(column).normalise)))


def with_a_year(times: Any) -> Any:
    """Return times (timestamp[us]), null where no calendar of Python has the year: before 1 or after 9999."""
    microseconds = times.cast(pa.int64())
    inside = pc.and_(pc.greater_equal(microseconds, _FIRST), pc.less_equal(microseconds, _LAST))
    return pc.if_else(inside, times, pa.scalar(None, times.type))


class _Known:
    """Parses only texts that it has not met before."""

    def __init__(self, parse: Parse) -> None:
        self._parse = parse
        self._known: dict[Any, Any] = {None: None}

    def __call__(self, texts: list[Any]) -> list[Any]:
        """Return the values of the texts."""
        new = [text for text in texts if text not in self._known]
        found = dict(zip(new, self._parse(new), strict=True)) if new else {}
        values = [found[text] if text in found else self._known[text] for text in texts]
        if len(self._known) + len(found) <= _KNOWN:
            self._known |= found
        return values


def _each(parse: Callable[[Any], Any], texts: list[Any]) -> list[Any]:
    return [_or_none(parse, text) for text in texts]


def _or_none(parse: Callable[[Any], Any], text: Any) -> Any:
    try:
        return None if text is None else parse(text)
    except (ValueError, TypeError, OverflowError):
        return None


def _number(decimal: str, text: str) -> float:
    if decimal != ".":
        text = text.replace(".", " ").replace(decimal, ".")  # a point would separate thousands: no number to us
    if not _NUMBER.fullmatch(text):
        raise ValueError(f"{text!r} is not a number")
    return float(text)


def _word(parse: Callable[[Any], Any], word: str) -> Any:
    if word.startswith("="):
        raise ValueError(f"{word!r} would be a formula to a spreadsheet")
    return parse(word)


def _times(form: str, words: list[Any]) -> list[Any]:
    times = pd.to_datetime(pd.Series(words, dtype=object), format=form, errors="coerce", utc=True)
    naive = times.dt.tz_localize(None).astype("datetime64[us]")
    found: list[Any] = with_a_year(pa.Array.from_pandas(naive, type=pa.timestamp("us"))).to_pylist()
    return found
