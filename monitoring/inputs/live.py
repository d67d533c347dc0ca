"""Live traffic, written as Parquet while it is read: the answers of the served version, and apart those of others."""

from collections.abc import Iterable
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from upath import UPath

from monitoring.frames import TIME, VERSION
from monitoring.inputs.answers import ROW, answers
from pipeline.contract import Contract
from pipeline.storage import move_in, writing_folder

_LIVE, _OTHERS = "live.parquet", "others.parquet"


@dataclass
class Stored:
    """Where the answers are, None where there are none, and what was counted on the way."""

    live_uri: str | None = None
    live_rows: int = 0
    other_uri: str | None = None
    other_versions: dict[int, int] = field(default_factory=dict)  # version -> answers
    clock_back_seconds: float = 0.0  # how far the time of an answer lies behind that of one written before, at most


def store_answers(contract: Contract, folder: UPath, version: int, blocks: Iterable[bytes]) -> Stored:
    """Write the answers of a prediction log into a folder of the storage; a repeated run replaces its own.

    Args:
        contract: says what is logged.
        folder: where `live.parquet` and `others.parquet` are written, each only where it has rows.
        version: the one whose answers are live traffic.
        blocks: JSON lines of the log.
    """
    stored, latest = Stored(), 0
    with writing_folder(folder / _LIVE) as scratch:
        with ExitStack() as files:
            writers: dict[str, pq.ParquetWriter] = {}
            for table in answers(contract, blocks):
                latest = _follow_clock(stored, table, latest)
                for name, part in _parted(stored, table.drop_columns([ROW]), version).items():
                    if name not in writers:
                        writers[name] = files.enter_context(pq.ParquetWriter(scratch / name, part.schema))
                    writers[name].write_table(part)
        stored.live_uri, stored.other_uri = (_moved(scratch, name, folder) for name in (_LIVE, _OTHERS))
    return stored


def _moved(scratch: Path, name: str, folder: UPath) -> str | None:
    return move_in(scratch / name, folder / name) if (scratch / name).exists() else None


def _parted(stored: Stored, table: pa.Table, version: int) -> dict[str, pa.Table]:
    """Part a block's answers by version, count them, and return the parts that are not empty."""
    served = pc.equal(table[VERSION], version)
    parts = {_LIVE: table.filter(served), _OTHERS: table.filter(pc.invert(served))}
    stored.live_rows += parts[_LIVE].num_rows
    for counted in pc.value_counts(parts[_OTHERS][VERSION]).to_pylist():
        known = stored.other_versions.get(counted["values"], 0)
        stored.other_versions[counted["values"]] = known + counted["counts"]
    return {name: part for name, part in parts.items() if part.num_rows}


def _follow_clock(stored: Stored, table: pa.Table, latest: int) -> int:
    """Return the latest time so far, in microseconds since 1970."""
    if table[ROW].null_count:  # the copy does not say in which order its rows were written
        return latest
    times = table[TIME].cast(pa.int64()).to_numpy()
    ahead = np.maximum(np.maximum.accumulate(times), latest)
    stored.clock_back_seconds = max(stored.clock_back_seconds, float(np.max(ahead - times)) / 1e6)
    return int(ahead[-1])
