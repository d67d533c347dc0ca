"""Which rows of a source are a window's: by event time or, without one, by position."""

from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from ingestion.normalise import event_times
from pipeline.contract import Contract, Window


@dataclass
class WindowRows:
    """Takes a window's rows out of batches that come one after the other, and remembers what it saw."""

    contract: Contract
    window: Window
    seen: int = 0  # rows of the source
    taken: int = 0  # rows that are in the window, or may be
    inside: int = 0  # rows that are in the window for certain
    earliest: datetime | None = None
    latest: datetime | None = None
    _edges: tuple[Any, Any] = field(init=False)

    def __post_init__(self) -> None:
        """Make the edges comparable with times."""
        self._edges = (_instant(self.window.start), _instant(self.window.end))

    def take(self, batch: Any) -> Any:
        """Return the rows of a raw batch that are in the window, and those that do not say when they were."""
        taken = self._by_time(batch) if self.contract.event_time else self._by_position(batch)
        self.seen += batch.num_rows
        self.taken += taken.num_rows
        return taken

    @property
    def where(self) -> str:
        """Where the source's rows are, for people who look for them."""
        if self.earliest is not None and self.latest is not None:
            return f"they run from {self.earliest:%Y-%m-%d} to {self.latest:%Y-%m-%d}"
        return f"it ends after {self.seen} rows"

    def _by_position(self, batch: Any) -> Any:
        start = self.window.start if isinstance(self.window.start, int) else 0
        end = self.window.end if isinstance(self.window.end, int) else self.seen + batch.num_rows
        first = min(max(start - self.seen, 0), batch.num_rows)
        taken = batch.slice(first, max(min(end - self.seen, batch.num_rows) - first, 0))
        self.inside += taken.num_rows
        return taken

    def _by_time(self, batch: Any) -> Any:
        times = event_times(self.contract, batch)
        self._remember(times)
        start, end = self._edges
        inside = times.is_valid()
        for edge, compare in ((start, pc.greater_equal), (end, pc.less)):
            inside = inside if edge is None else pc.and_(inside, pc.fill_null(compare(times, edge), False))
        self.inside += int(np.count_nonzero(inside.to_numpy(zero_copy_only=False)))
        return batch.filter(pc.or_(inside, times.is_null()))

    def _remember(self, times: Any) -> None:
        edges = pc.min_max(times).as_py()
        if edges["min"] is not None:
            self.earliest = min(self.earliest or edges["min"], edges["min"])
            self.latest = max(self.latest or edges["max"], edges["max"])


def _instant(edge: date | int | None) -> Any:
    if not isinstance(edge, date):
        return None
    days = edge - date(1970, 1, 1)
    return pa.scalar(days // timedelta(microseconds=1), pa.int64()).cast(pa.timestamp("us"))
