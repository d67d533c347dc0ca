"""`mlops data`, on a project of its own: what people see, and what machines read."""

import gzip
import json
import os
import tempfile
import time
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow.parquet
import pytest
import yaml
from typer.testing import CliRunner

from cli.console import console
from cli.main import app
from ingestion.leftovers import run_leftovers
from pipeline.batch_log import record_batch
from pipeline.contract import SPLIT, Window, parse_contract
from pipeline.data_content import to_parquet, to_table
from pipeline.data_registry import DataRegistry
from pipeline.settings import load_settings
from pipeline.storage import storage
from tests.conftest import SMALL

YEAR = Window(start="2020-01-01", end="2021-01-01")
NEXT = Window(start="2021-01-01", end="2022-01-01")
REPORT = {"rows": 33, "quarantined": 3, "messages": ["area: -3 is out of range (row 7) and 2 more"]}


@pytest.fixture
def project(tmp_path, monkeypatch):
    """A project with the small contract; settings come from the environment, as for a user."""
    (tmp_path / "contracts").mkdir()
    (tmp_path / "temporary").mkdir()
    (tmp_path / "contracts" / "small.yaml").write_text(yaml.safe_dump(SMALL, allow_unicode=True, sort_keys=False))
    monkeypatch.setenv("MLOPS_PROJECT_DIR", str(tmp_path))
    monkeypatch.setattr(console, "width", 400)
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "temporary"))
    return tmp_path


@pytest.fixture
def registry(project):
    return DataRegistry(load_settings(), parse_contract(SMALL))


@pytest.fixture
def published(registry, project):
    """Three versions: a year, its correction with a report, and the next year."""
    registry.publish(rows_of(30), YEAR, "flats.csv", "run-1")
    path = project / "batch.parquet"
    path.write_bytes(to_parquet(to_table(parse_contract(SMALL), corrected(rows_of(30)))))
    registry.publish_file(path, YEAR, "better.csv", "run-2", REPORT, {"area": {"range": 3}})
    registry.publish(rows_of(10, 2021), NEXT, "next.csv", "run-3")
    return registry


def rows_of(n, year=2020):
    rng = np.random.default_rng(n)
    return pd.DataFrame(
        {
            "flat id": [f"{year}-{i:03}" for i in range(n)],
            "sold": pd.to_datetime(f"{year}-03-01") + pd.to_timedelta(np.arange(n), unit="D"),
            "area": rng.uniform(20, 200, n),
            "class": 2.0,
            "größe des gartens": np.where(np.arange(n) % 2, np.nan, 5.0),
            "kind": "Villa",
            "district": np.where(np.arange(n) % 3, "North", "=1+1"),
            "state": None,
            "lift": np.arange(n) % 2 == 0,
            "rent": 1000.0,
            SPLIT: np.where(np.arange(n) % 5, "train", "test"),
        }
    )


def corrected(rows):
    """Take two rows away, correct three, add one."""
    changed = rows.iloc[2:].copy()
    changed.iloc[:3, changed.columns.get_loc("area")] += 100
    return pd.concat([changed, rows.iloc[:1].assign(**{"flat id": "new"})])


def mlops(*arguments):
    return CliRunner().invoke(app, ["data", *map(str, arguments)])


def answer(*arguments):
    told = mlops(*arguments, "--json")
    assert told.exit_code == 0, told.output
    return json.loads(told.stdout)


def test_list_says_of_each_version_what_it_brought_the_newest_last(published):
    told = mlops("list")
    lines = [line for line in told.stdout.splitlines() if "data-v" in line]
    assert [[cell.strip() for cell in line.split("│")[1:-1]] for line in lines] == [
        ["data-v1.0.0", "30", "new contract", YEAR.id, when(published, 0), "flats.csv"],
        ["data-v1.0.1", "29", "corrected", YEAR.id, when(published, 1), "better.csv"],
        ["data-v1.1.0", "39", "new window", NEXT.id, when(published, 2), "next.csv"],
    ]


def when(registry, place):
    return registry.notes()[place].published[:16].replace("T", " ")


def test_list_for_machines_is_one_json_document(published):
    versions = answer("list")
    assert [version["version"] for version in versions] == ["data-v1.0.0", "data-v1.0.1", "data-v1.1.0"]
    assert versions[1]["changes"]["corrected"] == 3


def test_without_versions_list_says_what_publishes_the_first_and_show_fails(project):
    assert "small has no data version yet; `mlops data ingest` publishes the first" in mlops("list").output
    assert answer("list") == []
    told = mlops("show")
    assert (told.exit_code, "no data version yet" in told.output) == (1, True)


def test_show_tells_where_a_version_comes_from_what_it_holds_and_what_it_changed(published):
    told = mlops("show", "data-v1.0.1")
    note = published.note("data-v1.0.1")
    assert told.exit_code == 0
    for expected in ("corrected, 29 rows", "better.csv", YEAR.id, note.checksum, note.code_commit, note.data_hash):
        assert expected in told.stdout
    assert "run-2" in told.stdout
    assert "against the version before: 1 rows added, 3 corrected, 2 gone" in told.stdout
    assert row(told, "größe des gartens")[1:5] == ["29", "48 %", "5", "5"]
    assert row(told, "sold")[3:5] == ["2020-03-01", "2020-03-30"]
    assert row(told, "kind")[-1] == "Villa 100 %"
    assert row(told, YEAR.id, "range") == [YEAR.id, "area", "range", "3"]
    assert "deviations up" in told.stdout
    assert "out of range" not in told.stdout


def row(told, *words):
    [line] = [line for line in told.stdout.splitlines() if all(f"│ {word}" in line for word in words)][:1]
    return [cell.strip() for cell in line.split("│")[1:-1]]


def test_show_without_a_version_shows_the_newest(published):
    assert "small data-v1.1.0" in mlops("show").stdout
    assert answer("show")["version"] == "data-v1.1.0"


def test_show_prints_the_stored_report_where_there_is_one(published):
    told = mlops("show", "data-v1.0.1", "--report").stdout
    assert "33 rows in, 3 quarantined" in told
    assert "area: -3 is out of range (row 7) and 2 more" in told
    assert answer("show", "data-v1.0.1", "--report")["report"] == REPORT
    assert "no report was stored with window" in mlops("show", "data-v1.0.0", "--report").stdout


def test_diff_counts_rows_by_window_and_says_how_columns_moved(published):
    told = mlops("diff", "data-v1.0.0", "data-v1.1.0")
    assert "data-v1.0.0 -> data-v1.1.0: 11 rows added, 3 corrected, 2 gone; 30 rows -> 39" in told.stdout
    assert row(told, YEAR.id) == [YEAR.id, "30", "29", "1", "3", "2"]
    assert row(told, NEXT.id) == [NEXT.id, "", "10", "10", "0", "0"]
    assert "span 2020-03-01 .. 2020-03-30 -> 2020-03-01 .. 2021-03-10" in told.stdout
    found = answer("diff", "data-v1.0.0", "data-v1.1.0")
    assert (found["added"], found["corrected"], found["gone"], len(found["windows"])) == (11, 3, 2, 2)


def test_diff_shows_changed_rows_when_asked(published):
    told = mlops("diff", "data-v1.0.0", "data-v1.0.1", "--examples", "1")
    assert row(told, YEAR.id, "added")[2] == "flat id new"
    assert row(told, YEAR.id, "corrected")[3].startswith("area ")


def test_diff_of_a_version_with_itself_finds_nothing(published):
    told = mlops("diff", "data-v1.1.0", "data-v1.1.0").stdout
    assert "0 rows added, 0 corrected, 0 gone" in told
    assert "no column moved" in told


@pytest.mark.parametrize("arguments", [("show", "data-v9.0.0"), ("diff", "data-v1.0.0", "data-v9.0.0")])
def test_an_unknown_version_is_told_with_those_there_are(published, arguments):
    told = mlops(*arguments)
    assert told.exit_code == 1
    assert "small has no data version 'data-v9.0.0'; there are: data-v1.0.0, data-v1.0.1, data-v1.1.0" in told.output
    for_machines = mlops(*arguments, "--json")
    assert (for_machines.exit_code, for_machines.stdout) == (1, "")
    assert "data-v9.0.0" in for_machines.stderr


def test_get_writes_csv_whose_formulas_a_spreadsheet_does_not_run(published, project):
    told = mlops("get", "data-v1.1.0", project / "rows.csv")
    assert "wrote 39 rows of data-v1.1.0" in told.stdout
    rows = pd.read_csv(project / "rows.csv")
    guarded = int(rows["district"].eq("'=1+1").sum())
    assert f"{guarded} cells that a spreadsheet would take for a formula begin with an apostrophe" in told.stdout
    assert guarded == (published.read("data-v1.1.0")["district"] == "=1+1").sum() > 0
    assert not rows["district"].eq("=1+1").any()
    assert rows["sold"].iloc[0] == "2020-03-03"


@pytest.mark.parametrize("begin", ["=", "+", "-", "@", "\t", "\r"])
def test_each_beginning_of_a_formula_is_guarded_in_csv(registry, project, begin):
    registry.publish(rows_of(3).assign(district=f"{begin}x"), YEAR, "flats.csv")
    told = mlops("get", "data-v1.0.0", project / "rows.csv.gz")
    assert "3 cells that a spreadsheet would take" in told.stdout
    with gzip.open(project / "rows.csv.gz", "rt", newline="") as text:
        assert text.read().count(f"'{begin}x") == 3


def test_get_writes_parquet_as_it_was_published(published, project):
    assert mlops("get", "data-v1.1.0", project / "rows.parquet").exit_code == 0
    pd.testing.assert_frame_equal(
        pyarrow.parquet.read_table(project / "rows.parquet").to_pandas(), published.read("data-v1.1.0")
    )


def test_get_writes_one_window_or_one_split_only(published, project):
    told = mlops("get", "data-v1.1.0", project / "rows.csv", "--window", NEXT.id, "--split", "test")
    assert "wrote 2 rows" in told.stdout
    assert set(pd.read_csv(project / "rows.csv")["flat id"]) == {"2021-000", "2021-005"}
    told = mlops("get", "data-v1.1.0", project / "none.csv", "--split", "validation")
    assert "wrote 0 rows" in told.stdout
    assert len(pd.read_csv(project / "none.csv").columns) == 11


def test_get_refuses_to_overwrite_unless_it_is_forced(published, project):
    (project / "rows.csv").write_text("mine")
    told = mlops("get", "data-v1.1.0", project / "rows.csv")
    assert told.exit_code == 1
    assert "is there already; add --force to replace it" in told.output
    assert (project / "rows.csv").read_text() == "mine"
    assert mlops("get", "data-v1.1.0", project / "rows.csv", "--force").exit_code == 0
    assert len(pd.read_csv(project / "rows.csv")) == 39


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("data-v1.1.0", "rows.xlsx"), "rows.xlsx tells no format; its name must end in .csv, .csv.gz, .parquet"),
        (("data-v1.1.0", "away/rows.csv"), "make it first"),
        (("data-v1.1.0", "rows.csv", "--window", "2019"), "data-v1.1.0 has no window '2019'"),
        (("data-v3.0.0", "rows.csv"), "there are: data-v1.0.0"),
    ],
)
def test_get_says_what_is_wrong_and_leaves_nothing_behind(published, project, monkeypatch, arguments, message):
    monkeypatch.chdir(project)
    before = set(project.iterdir())
    told = mlops("get", *arguments)
    assert told.exit_code == 1
    assert message in told.output
    assert "Traceback" not in told.output
    assert set(project.iterdir()) == before


def test_a_file_stays_as_it_was_when_the_content_is_damaged(published, project):
    (project / "kept.csv").write_text("mine")
    for content in [path for path in (project / ".mlops" / "data-remote").rglob("*") if path.is_file()]:
        content.chmod(0o644)
        content.write_bytes(b"damaged")
    told = mlops("get", "data-v1.1.0", project / "kept.csv", "--force")
    assert told.exit_code == 1
    assert "damaged" in told.output
    assert (project / "kept.csv").read_text() == "mine"
    assert not list(project.glob(".writing-*"))


def test_a_file_that_was_written_out_can_be_ingested_again(published, project):
    assert mlops("get", "data-v1.1.0", project / "rows.csv").exit_code == 0
    times = pd.to_datetime(pd.read_csv(project / "rows.csv")["sold"], format="%Y-%m-%d")
    pd.testing.assert_series_equal(times.dt.as_unit("us"), published.read("data-v1.1.0")["sold"])


def run_file(project, name, days, run="manual__2026-01-01T00:00:00+00:00"):
    path = Path(storage(load_settings(), "ingestion", "small", run, name).path)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(b"x" * 1000)
    age(path, days)
    return path


def age(path, days):
    then = time.time() - days * 24 * 3600
    os.utime(path, (then, then))


def test_clean_lists_what_it_would_remove_and_removes_it_only_with_yes(published, project):
    old = [run_file(project, name, 8) for name in ("raw.arrow", "valid.parquet", ".writing-x1/raw.arrow")]
    kept = [
        run_file(project, "raw.arrow", 6, "young"),
        *(run_file(project, name, 8) for name in ("report.json", "report.html", "quarantine.parquet", "mine.txt")),
    ]
    told = mlops("clean")
    assert "3 leftovers, 3.0 kB can be removed: add --yes" in told.stdout
    assert row(told, "file of a run")[3] == "8 days"
    assert all(str(path) in told.stdout for path in old)
    assert not any(str(path) in told.stdout for path in kept)
    assert all(path.exists() for path in old)
    assert "removed 3 leftovers, 3.0 kB" in mlops("clean", "--yes").stdout
    assert not any(path.exists() for path in old)
    assert all(path.exists() for path in kept)
    assert "small: nothing is left over" in mlops("clean").stdout
    assert len(published.read("data-v1.1.0")) == 39


def test_clean_keeps_reports_for_as_long_as_it_is_told(project):
    report = run_file(project, "report.json", 20)
    assert "nothing is left over" in mlops("clean", "--yes").stdout
    assert "removed 1 leftovers" in mlops("clean", "--reports-older-than", "2w", "--yes").stdout
    assert not report.parent.exists()


def test_clean_does_not_touch_what_monitoring_reads(project):
    record_batch(load_settings(), "small", {"window": YEAR.id, "run": "r", "rows": 5})
    counts = next(path for path in (project / ".mlops").rglob("*.json"))
    age(counts, 400)
    assert "nothing is left over" in mlops("clean", "--yes").stdout
    assert counts.exists()


def test_clean_finds_what_a_killed_process_had_fetched(project):
    folder = project / "temporary" / "mlops-source-abc"
    folder.mkdir()
    (folder / "copy.csv").write_text("rows")
    assert "nothing is left over" in mlops("clean").stdout
    age(folder / "copy.csv", 8)
    age(folder, 8)
    assert "removed 1 leftovers" in mlops("clean", "--yes").stdout
    assert not folder.exists()


def test_clean_finds_content_that_no_version_refers_to(published, project):
    stray = project / ".mlops" / "data-remote" / "small" / "files" / "md5" / "ab" / ("c" * 30)
    stray.parent.mkdir(parents=True, exist_ok=True)
    stray.write_bytes(b"rows")
    assert "nothing is left over" in mlops("clean").stdout
    age(stray, 8)
    assert "no version refers to it" in mlops("clean").stdout
    assert stray.exists()
    assert "removed 1 leftovers" in mlops("clean", "--older-than", "12h", "--yes").stdout
    assert not stray.exists()
    assert len(published.read("data-v1.1.0")) == 39


@pytest.mark.parametrize("text", ["7", "soon", "-1d", "7 days"])
def test_an_age_of_the_wrong_form_is_refused(project, text):
    told = mlops("clean", f"--older-than={text}")
    assert told.exit_code == 2
    assert "one looks like 30m, 12h, 7d or 4w" in " ".join(told.output.replace("│", " ").split())


def test_leftovers_in_an_object_store_are_found(project, monkeypatch):
    monkeypatch.setenv("MLOPS_STORAGE_URI", "memory://leftovers-test")
    place = storage(load_settings(), "ingestion", "small", "run", "raw.arrow")
    place.parent.mkdir(parents=True, exist_ok=True)
    place.write_bytes(b"12345")
    [found] = run_leftovers(load_settings(), "small", older_than=datetime.now(UTC) - datetime.now(UTC))
    assert (found.where, found.size) == (str(place), 5)
    assert "removed 1 leftovers, 5 bytes" in mlops("clean", "--older-than", "0m", "--yes").stdout
    assert not place.exists()
