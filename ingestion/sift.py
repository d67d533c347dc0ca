"""Sifting a raw batch, in a stream: valid rows to one file, bad ones to the quarantine, and all of them counted."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from ingestion.ahead import ahead
from ingestion.check import breaches
from ingestion.duplicates import Verdicts, judge, repeated
from ingestion.files import read_raw
from ingestion.identity import identify
from ingestion.normalise import Failure, Mask, normalise
from ingestion.quarantine import Quarantine
from ingestion.read import LINE
from ingestion.tally import LINE_FIELD, Tally
from ingestion.unknown import UnknownWords
from ingestion.valid_file import ValidFile
from pipeline.contract import SPLIT, Contract
from pipeline.data_content import read_batches
from pipeline.data_profile import Profile, Profiler


@dataclass
class Sifted:
    """What became of the rows. A file is there only when it has a row."""

    valid: Path
    quarantine: Path
    tally: Tally
    unknown: UnknownWords
    profile: Profile | None = None  # of the accepted rows; None: a column is missing, so that none can be accepted
    quarantined: int = 0
    repeated_rows: int = 0
    _good: list[Mask] = field(default_factory=list)  # of each raw batch
    _ids: list[NDArray[np.uint64]] = field(default_factory=list)

    @property
    def accepted(self) -> int:
        """How many rows are valid."""
        return self.profile.rows if self.profile else 0


def sift(contract: Contract, uri: str, decimal: str, folder: Path) -> Sifted:
    """Go through a raw batch and write its files into a folder.

    Raises:
        IngestionError: when the raw batch cannot be read.
    """
    sifted = Sifted(folder / "valid.parquet", folder / "quarantine.parquet", Tally(contract), UnknownWords(contract))
    with Quarantine(contract, sifted.quarantine) as quarantine:
        with read_raw(uri) as batches:
            _check(contract, sifted, quarantine, batches, decimal)
        verdicts = _judge(contract, sifted)
        if verdicts is not None:
            with read_raw(uri) as batches:
                _tell(contract, sifted, quarantine, batches, verdicts)
            _leave_out(contract, sifted, verdicts.conflict | verdicts.duplicate)
    sifted.quarantined = quarantine.rows
    return sifted


def _check(contract: Contract, sifted: Sifted, quarantine: Quarantine, batches: Iterable[Any], decimal: str) -> None:
    profiler, whole = Profiler(contract), True
    with ValidFile(sifted.valid) as valid:
        for raw, batch, failures in ahead(_look(contract, raw, decimal) for raw in batches):
            whole = set(contract.batch_columns) <= set(raw.schema.names)
            bad = _any(failures, raw.num_rows)
            sifted.tally.add(failures, raw)
            quarantine.add(raw, bad, failures)
            good = batch.filter(pa.array(~bad)) if bad.any() else batch
            sifted._good.append(~bad)
            if whole and good.num_rows:
                identity = identify(contract, good)
                sifted._ids.append(identity.ids)
                valid.add(good.append_column(SPLIT, identity.splits))
                profiler.add(good)
                sifted.unknown.add(good)
    sifted.profile = profiler.result() if whole else None


def _look(contract: Contract, raw: Any, decimal: str) -> tuple[Any, Any, list[Failure]]:
    """Return a raw batch, its normal form, and all that is wrong with it."""
    lines = raw.column(LINE).is_valid().to_numpy(zero_copy_only=False)
    normal = normalise(contract, raw, decimal)
    if lines.any():  # they come in a batch of their own
        return raw, normal.batch, [Failure(LINE_FIELD, "unreadable", lines)]
    return raw, normal.batch, [*normal.failures, *breaches(contract, normal)]


def _any(failures: Iterable[Failure], rows: int) -> Mask:
    bad = np.zeros(rows, dtype=bool)
    for failure in failures:
        bad |= failure.mask
    return bad


def _judge(contract: Contract, sifted: Sifted) -> Verdicts | None:
    if not sifted._ids:
        return None
    ids = np.concatenate(sifted._ids)
    sifted._ids.clear()
    if contract.key:
        return judge(contract, ids, sifted.valid)
    sifted.repeated_rows = int(len(ids) - len(np.unique(ids))) if repeated(ids).any() else 0
    return None


def _tell(
    contract: Contract, sifted: Sifted, quarantine: Quarantine, batches: Iterable[Any], verdicts: Verdicts
) -> None:
    """Put rows whose key stands more than once into the quarantine, with the values that they came with."""
    first = 0
    for raw, good in zip(batches, sifted._good, strict=True):
        valid = slice(first, first + int(good.sum()))
        first = valid.stop
        failures = [
            Failure(failure.field, failure.reason, _spread(failure.mask, good))
            for failure in verdicts.failures(contract, valid)
        ]
        sifted.tally.add(failures, raw)
        quarantine.add(raw, _any(failures, raw.num_rows), failures)


def _spread(mask: Mask, good: Mask) -> Mask:
    """Return a mask of the good rows as one of all rows."""
    spread = np.zeros(len(good), dtype=bool)
    spread[np.flatnonzero(good)] = mask
    return spread


def _leave_out(contract: Contract, sifted: Sifted, bad: Mask) -> None:
    """Write the valid rows again, without those."""
    whole = sifted.valid.rename(sifted.valid.with_name("before.parquet"))
    profiler, unknown, first = Profiler(contract), UnknownWords(contract), 0
    with ValidFile(sifted.valid) as valid:
        for batch in read_batches(whole):
            kept = batch.filter(pa.array(~bad[first : first + batch.num_rows]))
            first += batch.num_rows
            valid.add(kept)
            profiler.add(kept)
            unknown.add(kept)
    whole.unlink()
    sifted.profile, sifted.unknown = profiler.result(), unknown
