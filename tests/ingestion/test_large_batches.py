"""Batches that are large in one way or another, that change while they are read, or that need two tries to go wrong."""

import numpy as np
import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet
import pytest
from upath import UPath

from ingestion.collect import collect
from ingestion.errors import BatchRefused, IngestionError, SourceError, SourceUnreachable
from ingestion.read import Plan, read_batches, read_header
from ingestion.sources import open_source
from ingestion.validate import validate
from pipeline.contract import Window
from pipeline.storage import read_json, storage
from tests.ingestion.bad_batches.case import contract_with, csv_text, texts

MANY = 1_000_000
PARSED = ("area", "class", "größe des gartens", "rent")  # what the reader makes numbers of


@pytest.fixture
def ingest(settings, small_contract):
    def run(source, contract=small_contract, window=Window()):  # noqa: B008 (it is frozen)
        return validate(contract, settings, "run", collect(contract, settings, "run", window, str(source)))

    return run


def rows_whose(column: str, words, path):
    """Write as many valid rows as there are words, which stand in one column."""
    first = texts(1).iloc[0]
    columns = {name: pa.array([first[name]]).take(pa.array(np.zeros(len(words), dtype=int))) for name in first.index}
    columns["flat id"] = pa.array(np.arange(len(words)))
    pyarrow.csv.write_csv(pa.table(columns | {column: words}), path)
    return path


def distinct_words(count: int):
    return pa.compute.binary_join_element_wise(pa.array(np.arange(count)).cast(pa.string()), "th quarter", " ")


def test_an_open_list_takes_a_million_other_words_and_the_report_shows_the_most_frequent(ingest, tmp_path):
    words = pa.concat_arrays([distinct_words(MANY), pa.array(["Harbour"] * 50_000)])
    report = read_json(ingest(rows_whose("district", words, tmp_path / "s.csv")).report_uri)
    assert report["accepted"] == len(words)
    assert report["unknown_word_rows"] == {"district": len(words)}
    shown = report["unknown_words"]["district"]
    assert len(shown) <= 20
    assert 40_000 < shown["harbour"] <= 50_000  # it came last; what is kept of a million words cannot count exactly


def test_a_closed_list_answers_a_million_other_words_with_one_message(ingest, tmp_path, settings):
    with pytest.raises(BatchRefused) as error:
        ingest(rows_whose("kind", distinct_words(MANY), tmp_path / "s.csv"))
    assert "kind: '0 th quarter' is not a known category (row 1 and 999999 more)" in str(error.value).replace(",", "")
    assert len(str(error.value)) < 2_000
    report = storage(settings, "ingestion", "small", "run", "report.json")
    assert read_json(report)["refused"] == {"kind": {"category": MANY}}
    assert report.stat().st_size < 10_000


def test_a_quote_that_is_never_closed_is_told_with_its_line(ingest, tmp_path):
    text = csv_text(texts()).splitlines()
    text[7] = '"' + text[7]
    (tmp_path / "s.csv").write_text("\n".join(text) + "\n", encoding="utf-8")
    with pytest.raises(SourceError, match="quote that is opened in line 8 is never closed"):
        ingest(tmp_path / "s.csv")


def test_a_cell_that_no_block_holds_is_an_error_or_a_row_and_no_crash(ingest, tmp_path):
    path = tmp_path / "s.csv"
    path.write_text(csv_text(texts().assign(note="x" * 2**25).head(2)), encoding="utf-8")
    try:
        assert ingest(path).rows == 2
    except SourceError as error:
        assert "\n" not in str(error)  # noqa: PT017 (either is right)


def test_the_same_key_in_another_window_is_another_observation(ingest, tmp_path):
    rows = texts()
    rows.loc[[6, 39], "flat id"] = "the same"
    (tmp_path / "s.csv").write_text(csv_text(rows), encoding="utf-8")
    first = ingest(tmp_path / "s.csv", window=Window(end="2021-01-01"))
    second = ingest(tmp_path / "s.csv", window=Window(start="2021-01-01"))
    assert first.rows + second.rows == len(rows)
    assert first.quarantined == second.quarantined == 0


@pytest.mark.parametrize("kind", ["csv", "parquet"])
def test_a_file_that_changes_while_it_is_read_is_no_batch(settings, small_contract, tmp_path, kind):
    path = tmp_path / f"s.{kind}"
    frame = texts()
    frame.to_csv(path, index=False) if kind == "csv" else frame.to_parquet(path, index=False)
    with open_source(small_contract, settings, str(path), Window(), None) as files:
        batches = read_batches(small_contract, files, read_header(small_contract, files[0]), Plan(frozenset(PARSED)))
        next(batches)
        with path.open("ab") as more:
            more.write(b"\n")
        with pytest.raises(SourceUnreachable, match=r"s\.\w+: changed while it was read; ingest again"):
            list(batches)


def test_a_file_that_goes_away_while_it_is_read_is_no_batch(settings, small_contract, tmp_path):
    path = tmp_path / "s.csv"
    texts().to_csv(path, index=False)
    with open_source(small_contract, settings, str(path), Window(), None) as files:
        header = read_header(small_contract, files[0])
        path.unlink()
        with pytest.raises(SourceError, match=r"s\.csv"):
            list(read_batches(small_contract, files, header, Plan(frozenset(PARSED))))


@pytest.mark.parametrize("kind", ["csv", "parquet"])
@pytest.mark.parametrize("block", [1024, 4096, 1 << 20])
def test_the_size_of_blocks_changes_nothing(settings, small_contract, tmp_path, kind, block):
    path = tmp_path / f"s.{kind}"
    frame = texts(500)
    frame.loc[[7, 300], "area"] = "x"
    frame.to_csv(path, index=False) if kind == "csv" else frame.to_parquet(path, index=False)

    def read(plan):
        with open_source(small_contract, settings, str(path), Window(), None) as files:
            batches = read_batches(small_contract, files, read_header(small_contract, files[0]), plan)
            return pa.Table.from_batches([plain(batch) for batch in batches])

    assert read(Plan(frozenset(PARSED), block=block)).equals(read(Plan(frozenset(PARSED))))


def plain(batch):
    columns = [column.cast(pa.string()) if pa.types.is_dictionary(column.type) else column for column in batch.columns]
    return pa.record_batch(columns, names=batch.schema.names)


def test_files_of_a_source_with_other_columns_are_named(ingest, tmp_path):
    texts().to_csv(tmp_path / "a.csv", index=False)
    texts().drop(columns="lift").to_csv(tmp_path / "b.csv", index=False)
    with pytest.raises(IngestionError, match=r"b\.csv.*columns"):
        ingest(tmp_path / "*.csv")


def test_a_limit_counts_the_rows_of_all_files(ingest, tmp_path):
    contract = contract_with({"ingestion": {"quarantine_limit": 0.025}})
    bad = texts(20)
    bad.loc[3, "area"] = "x"
    bad.assign(**{"flat id": [f"b{n}" for n in range(20)]}).to_csv(tmp_path / "a.csv", index=False)
    texts(20).to_csv(tmp_path / "b.csv", index=False)
    validated = ingest(tmp_path / "*.csv", contract)
    apart = pyarrow.parquet.read_table(UPath(validated.quarantine_uri).path).to_pydict()
    assert (validated.rows, apart["row"]) == (39, [4])
    assert apart["source_file"][0].endswith("a.csv")
    assert apart["area"] == ["x"]
