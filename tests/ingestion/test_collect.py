"""Collecting: which rows a window has, and what a source may look like."""

from pathlib import Path

import pandas as pd
import pytest

from ingestion.collect import Collected, collect
from ingestion.errors import BatchRefused, IngestionError, SourceError
from ingestion.files import load_table
from ingestion.read import ROW
from ingestion.validate import validate
from pipeline.contract import Contract, Window, parse_contract
from pipeline.errors import NothingToDo
from pipeline.storage import read_json, storage

YEAR = Window(start="2020-01-01", end="2021-01-01")


@pytest.fixture
def take(settings, small_contract):
    def run(source: Path, window: Window = YEAR, contract: Contract = small_contract) -> Collected:
        return collect(contract, settings, "run", window, str(source))

    return run


@pytest.fixture
def rows(small_rows):
    return small_rows(60, 1)


@pytest.fixture
def no_time(small_contract) -> Contract:
    content = small_contract.model_dump(mode="json", exclude={"demo"})
    del content["columns"]["sold"]
    return parse_contract(content)


def written(frame: pd.DataFrame, path: Path) -> Path:
    frame.to_csv(path, index=False) if path.suffix == ".csv" else frame.to_parquet(path, index=False)
    return path


def test_a_window_has_the_rows_from_its_start_up_to_and_without_its_end(take, rows, tmp_path):
    source = written(
        rows.assign(sold=["2019-12-31", "2020-01-01", "2020-12-31", "2021-01-01"] * 15), tmp_path / "s.csv"
    )
    collected = take(source)
    assert collected.rows == 30
    assert set(load_table(collected.uri).column("sold").to_pylist()) == {"2020-01-01", "2020-12-31"}


def test_csv_and_parquet_give_the_same_rows(take, rows, tmp_path):
    csv, parquet = (take(written(rows, tmp_path / f"s.{kind}")) for kind in ("csv", "parquet"))
    assert csv.rows == parquet.rows == int((rows["sold"] < "2021-01-01").sum())


def test_a_parquet_file_may_hold_real_dates(take, rows, tmp_path):
    dates = pd.to_datetime(rows["sold"])
    zoned = written(rows.assign(sold=dates.dt.tz_localize("UTC")), tmp_path / "zoned.parquet")
    days = written(rows.assign(sold=dates.dt.date), tmp_path / "days.parquet")
    assert take(zoned).rows == take(days).rows == int((dates < "2021-01-01").sum())


def test_cells_of_a_csv_file_stay_as_they_are_written_but_for_words_for_nothing(take, tmp_path):
    contract = parse_contract(
        {**_content(), "ingestion": {"source": "s.csv", "missing": ["NA"]}},
    )
    source = tmp_path / "s.csv"
    source.write_text("area,note\n 007 ,x\nNA,y\n,z\nna,w\n", encoding="utf-8")
    table = load_table(take(source, Window(), contract).uri)
    assert table.column("area").to_pylist() == [" 007 ", None, None, "na"]


def _content():
    return {
        "name": "tiny",
        "columns": {"area": {"type": "number"}},
        "target": {"name": "rent"},
        "training": {"candidates": {"dummy": {"kind": "dummy"}}},
    }


def test_without_an_event_time_the_window_counts_rows(take, rows, tmp_path, no_time):
    source = written(rows, tmp_path / "s.csv")
    some = take(source, Window(start=10, end=25), no_time)
    assert load_table(some.uri).column("flat id").to_pylist() == list(rows["flat id"][10:25])
    assert take(source, Window(start=50, end=500), no_time).rows == 10
    assert take(source, Window(), no_time).rows == 60


def test_columns_that_the_contract_does_not_name_are_left_and_listed(take, rows, tmp_path):
    collected = take(written(rows.assign(agent="x", notes=""), tmp_path / "s.csv"))
    assert collected.ignored_columns == ("agent", "notes")
    assert "agent" not in load_table(collected.uri).column_names


def test_a_window_without_rows_is_nothing_to_do_and_says_what_there_is(take, rows, tmp_path, no_time):
    source = written(rows, tmp_path / "s.csv")
    with pytest.raises(NothingToDo, match="no rows in the window 2030-01-01_end: they run from 2020-01-01 to 2021-12"):
        take(source, Window(start="2030-01-01"))
    with pytest.raises(NothingToDo, match="window rows-60_end: it ends after 60 rows"):
        take(source, Window(start=60), no_time)


def test_a_row_that_does_not_say_when_it_was_is_quarantined_and_not_dropped(
    settings, take, rows, tmp_path, small_contract
):
    rows.loc[4, "sold"], rows.loc[6, "sold"], rows.loc[8, "sold"] = "2020-02-30", None, "soon"
    collected = take(written(rows, tmp_path / "s.csv"))
    assert set(load_table(collected.uri).column(ROW).to_pylist()) >= {5, 7, 9}
    with pytest.raises(BatchRefused) as error:
        validate(small_contract, settings, "run", collected)
    assert "sold: '2020-02-30' is of the wrong type (row 5 and 1 more); allowed: a date written as %Y-%m-%d" in str(
        error.value
    )
    assert "sold: is empty (row 7)" in str(error.value)
    report = read_json(storage(settings, "ingestion", "small", "run", "report.json"))
    assert report["refused"] == {"sold": {"missing": 1, "type": 2}}


def test_rows_without_a_time_do_not_make_a_window_of_their_own(take, rows, tmp_path):
    rows.loc[4, "sold"] = None
    with pytest.raises(NothingToDo, match="no rows in the window 2030-01-01_end"):
        take(written(rows, tmp_path / "s.csv"), Window(start="2030-01-01"))


def test_a_source_without_the_event_time_is_refused_by_name(take, rows, tmp_path):
    with pytest.raises(BatchRefused, match="sold: is not there"):
        take(written(rows.drop(columns="sold"), tmp_path / "s.csv"))


def test_a_window_of_the_wrong_kind_is_refused(take, rows, tmp_path):
    with pytest.raises(IngestionError, match="counts rows, but 'sold' is the event time: give dates"):
        take(written(rows, tmp_path / "s.csv"), Window(start=0, end=5))


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("s.csv", None, "there is no such file"),
        ("s.csv", b"", "the file is empty"),
        ("s.csv", b"area,rent", "holds no rows, only one line: area,rent"),
        ("s.csv", b"area,sold,rent\n\n", "holds no rows, only one line: area,sold,rent"),
        ("s.csv", b"area,sold,kind\n1,2,\xe9\n", "the text is not utf-8"),
        ("s.csv", b"\xe9,sold\n1,2\n", "the text is not utf-8"),
        ("s.csv", b"area,area \n1,2\n", "more than one column is called 'area'"),
        ("s.parquet", b"PAR1 and then nothing", "cannot be read as parquet"),
        ("s.xlsx", b"PK", "files of this kind are not supported; supported are .csv, "),
    ],
)
def test_an_unreadable_source_is_one_clear_error(take, tmp_path, name, content, message):
    if content is not None:
        (tmp_path / name).write_bytes(content)
    with pytest.raises(SourceError, match=message) as error:
        take(tmp_path / name)
    assert "\n" not in str(error.value)


def test_a_truncated_parquet_file_is_one_clear_error(take, rows, tmp_path):
    source = written(rows, tmp_path / "s.parquet")
    source.write_bytes(source.read_bytes()[:-40])
    with pytest.raises(SourceError, match="cannot be read as parquet"):
        take(source)


def test_a_folder_and_an_unknown_scheme_are_no_sources(take, tmp_path):
    (tmp_path / "s.csv").mkdir()
    with pytest.raises(SourceError, match="is a folder; name its files"):
        take(tmp_path / "s.csv")
    with pytest.raises(SourceError, match=r"gopher://bucket/s\.csv: "):
        take("gopher://bucket/s.csv")


def test_a_column_of_lists_is_refused_by_name(take, rows, tmp_path):
    source = written(rows.assign(area=[[1.0]] * 60), tmp_path / "s.parquet")
    with pytest.raises(SourceError, match="column 'area' holds list"):
        take(source)


def test_a_file_address_and_a_relative_path_are_sources(settings, take, rows, tmp_path, small_contract):
    source = written(rows, tmp_path / "with space.csv")
    assert take(source.as_uri()).rows == take(source).rows
    here = settings.model_copy(update={"project_dir": tmp_path})
    assert collect(small_contract, here, "run", YEAR, "with space.csv").source == "with space.csv"


def test_collecting_again_gives_the_same(take, rows, tmp_path):
    source = written(rows, tmp_path / "s.csv")
    first, content = take(source), load_table(take(source).uri)
    assert take(source) == first
    assert load_table(first.uri).equals(content)
