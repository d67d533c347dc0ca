"""The benchmarks themselves: that they measure what they say, on little data. No test is timed."""

import pandas as pd
import pytest

from benchmarks.batch import write_batch
from benchmarks.ingestion import measure
from benchmarks.table import Bar, Figure, draw, machine, show
from tests.conftest import ROOT

ROWS = 3_000


def test_the_large_batch_has_its_rows_each_with_a_key_of_its_own_and_cells_that_vary(house_prices, tmp_path):
    base = pd.read_csv(ROOT / house_prices.ingestion.source, dtype=str, keep_default_na=False)
    path = write_batch(house_prices, base, ROWS, tmp_path / "large.csv")
    written = pd.read_csv(path, dtype=str, keep_default_na=False)
    assert list(written.columns) == list(base.columns)
    assert written[list(house_prices.key)].nunique().tolist() == [ROWS]
    assert written[house_prices.target.name].nunique() > base[house_prices.target.name].nunique()
    optional = [name for name, column in house_prices.columns.items() if not column.required]
    assert all((written[name] == "").sum() > ROWS * 0.02 for name in optional)
    write_batch(house_prices, base, ROWS, tmp_path / "again.csv")
    assert (tmp_path / "again.csv").read_bytes() == path.read_bytes()


def test_ingestion_is_measured_beside_the_script_and_each_gives_every_row():
    figures = {(figure.name, figure.unit): figure for figure in measure(rows=ROWS, rounds=1)}
    seconds = [figures[f"3,000 rows, {who}", "s"].value for who in ("ours", "pandas script")]
    mebibytes = [figures[f"3,000 rows, {who}", "MiB"].value for who in ("ours", "pandas script")]
    assert min(*seconds, *mebibytes) > 0
    assert figures["faster than the script", "x"].value == pytest.approx(seconds[1] / seconds[0])
    assert [figure.bar for figure in figures.values() if figure.bar] == [Bar("at least", 6), Bar("at most", 0.6)]


def test_figures_are_shown_with_their_bars_and_drawn_with_the_machine(capsys, tmp_path):
    figures = [Figure("a", "fast", 2.0, "s"), Figure("a", "ratio", 7.0, bar=Bar("at least", 6))]
    show([*figures, Figure("b", "slow", 4000.0, "MiB", Bar("at most", 3072))])
    shown = capsys.readouterr().out
    assert ["met" in line for line in shown.splitlines() if "ratio" in line] == [True]
    assert ["MISSED" in line for line in shown.splitlines() if "slow" in line] == [True]
    picture = draw(figures, tmp_path / "figures.svg").read_text(encoding="utf-8")
    assert picture.startswith("<?xml")
    assert "cores" in machine()
