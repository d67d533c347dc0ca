"""What holds for every batch, whatever its cells: tried on tables that hypothesis makes up."""

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow.parquet
import pytest
from hypothesis import Phase, given
from hypothesis import settings as hypothesis_settings
from upath import UPath

from ingestion.collect import collect
from ingestion.publish import publish
from ingestion.schema import batch_schema
from ingestion.validate import Validated, validate
from pipeline.contract import SPLIT, Contract, Window
from pipeline.data_registry import DataRegistry
from pipeline.encode import Encoder
from pipeline.settings import Settings
from tests.conftest import ROOT
from tests.ingestion.raw_tables import KEYED, KEYLESS, expected, same, tables, write_csv, write_parquet

PHASES = (Phase.explicit, Phase.generate, Phase.shrink)  # explaining a failure would run it a hundred times more
BOUNDED = hypothesis_settings(max_examples=50, deadline=None, derandomize=True, database=None, phases=PHASES)
SOME = hypothesis_settings(BOUNDED, max_examples=20)
FEW = hypothesis_settings(BOUNDED, max_examples=5)
CONTRACTS = pytest.mark.parametrize("contract", [KEYED, KEYLESS], ids=["keyed", "keyless"])


@dataclass(frozen=True)
class Ingested:
    """What became of a table."""

    settings: Settings
    validated: Validated
    accepted: pd.DataFrame
    apart: dict[str, list[Any]]


@contextmanager
def ingested(contract: Contract, rows: list[dict[str, str]], kind: str = "csv") -> Iterator[Ingested]:
    with tempfile.TemporaryDirectory() as folder:
        write = write_csv if kind == "csv" else write_parquet
        source = write(rows, Path(folder) / f"batch.{kind}")
        settings = Settings(project_dir=ROOT, state_dir=Path(folder) / "state")
        validated = validate(contract, settings, "run", collect(contract, settings, "run", Window(), str(source)))
        apart = {"row": [], "reasons": []} if validated.quarantine_uri is None else _columns(validated.quarantine_uri)
        yield Ingested(settings, validated, _table(validated.uri).to_pandas(), apart)


def _table(uri: str) -> Any:
    return pyarrow.parquet.read_table(UPath(uri).path)


def _columns(uri: str) -> dict[str, list[Any]]:
    return dict(_table(uri).to_pydict())


@CONTRACTS
def test_nothing_accepted_breaks_the_contract(contract):
    @SOME
    @given(tables(contract))
    def holds(rows):
        with ingested(contract, rows) as given_:
            accepted = given_.accepted.drop(columns=SPLIT)
            batch_schema(contract).validate(accepted)
            assert not contract.key or not accepted.duplicated(list(contract.key)).any()
            for name, column in contract.batch_columns.items():
                _check_column(column, accepted[name])

    holds()


def _check_column(column: Any, values: pd.Series) -> None:
    there = values.dropna()
    assert not column.required or len(there) == len(values)
    if column.type == "date":
        assert all(column.minimum <= value.date() <= column.maximum for value in there)
    else:
        assert [value for value in there.tolist() if not column.allows(value)] == []


@CONTRACTS
@pytest.mark.parametrize("kind", ["csv", "parquet"])
def test_every_row_is_accepted_or_kept_apart_with_a_reason_exactly_once(contract, kind):
    @BOUNDED
    @given(tables(contract))
    def holds(rows):
        with ingested(contract, rows, kind) as given_:
            right, apart = expected(contract, rows), given_.apart
            assert sorted(apart["row"]) == [number for number in range(1, len(rows) + 1) if number not in right]
            assert all(apart["reasons"])
            assert given_.validated.rows == len(given_.accepted) == len(right)
            assert given_.validated.quarantined == len(apart["row"])
            for accepted, wanted in zip(given_.accepted.to_dict("records"), right.values(), strict=True):
                assert [name for name in wanted if not same(accepted[name], wanted[name])] == []

    holds()


@CONTRACTS
def test_csv_and_parquet_of_one_table_are_one_batch(contract):
    @SOME
    @given(tables(contract))
    def holds(rows):
        with ingested(contract, rows) as text, ingested(contract, rows, "parquet") as typed:
            pd.testing.assert_frame_equal(text.accepted, typed.accepted)
            assert text.apart["row"] == typed.apart["row"]

    holds()


@CONTRACTS
def test_the_encoder_takes_every_accepted_row_and_spelling_makes_no_difference(contract):
    @SOME
    @given(tables(contract))
    def holds(rows):
        with ingested(contract, rows) as given_:
            encoder = Encoder(contract)
            raw = pd.DataFrame([rows[number - 1] for number in expected(contract, rows)])
            for name, column in contract.features.items():
                if column.type in ("number", "integer"):
                    raw[name] = [float(cell.strip() or "nan") for cell in raw[name]]
            np.testing.assert_array_equal(encoder.columns(given_.accepted), encoder.columns(raw))

    holds()


@CONTRACTS
def test_what_is_published_is_read_back_as_it_was_accepted(contract):
    @FEW
    @given(tables(contract))
    def holds(rows):
        with ingested(contract, rows) as given_:
            version = publish(contract, given_.settings, given_.validated)
            read = DataRegistry(given_.settings, contract).read(version.version)
            assert version.rows == len(read)
            assert _as_multiset(read) == _as_multiset(given_.accepted)

    holds()


def _as_multiset(frame: pd.DataFrame) -> list[str]:
    return sorted(
        repr(tuple(None if pd.isna(value) else value for value in row)) for row in frame.itertuples(index=False)
    )
