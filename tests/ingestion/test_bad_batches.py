"""Bad batches, each a real file through collect and validate, and the words that each must give."""

import re

import pyarrow.parquet
import pytest
from upath import UPath

from ingestion.collect import collect
from ingestion.errors import BatchRefused
from ingestion.validate import Validated, validate
from pipeline.contract import Window
from pipeline.storage import read_json, storage
from tests.ingestion.bad_batches import cells, files, keys, parquet, tables
from tests.ingestion.bad_batches.case import WRONG, Accepted, Case, Quarantined, Raises, contract_with

CASES = [*files.CASES, *cells.CASES, *tables.CASES, *keys.CASES, *parquet.CASES]


@pytest.fixture
def ingest(settings, tmp_path):
    def run(case: Case) -> Validated:
        contract = contract_with(case.contract)
        collected = collect(contract, settings, "run", Window(), str(case.write(tmp_path)))
        return validate(contract, settings, "run", collected)

    return run


def cases(kind: type) -> pytest.MarkDecorator:
    chosen = [case for case in CASES if isinstance(case.outcome, kind)]
    return pytest.mark.parametrize("case", chosen, ids=lambda case: case.name)


def columns_of(uri: str) -> dict:
    return pyarrow.parquet.read_table(UPath(uri).path).to_pydict()


@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")  # pyarrow's, of bytes that are no text
@cases(Raises)
def test_a_batch_that_cannot_be_used_says_why_and_leaves_nothing_to_publish(case, ingest, settings):
    with pytest.raises(case.outcome.error) as error:
        ingest(case)
    assert [word for word in case.outcome.words if not re.search(word, str(error.value))] == [], str(error.value)
    assert not storage(settings, "ingestion", "small", "run", "valid.parquet").exists()
    if case.outcome.error is BatchRefused:
        report = read_json(storage(settings, "ingestion", "small", "run", "report.json"))
        assert report["published"] is False
        assert report["rows"] == report["accepted"] + report["quarantined"]
    else:
        assert "\n" not in str(error.value)


@cases(Quarantined)
def test_bad_rows_are_kept_apart_with_their_reasons_and_the_others_go_on(case, ingest):
    validated = ingest(case)
    report, expected = read_json(validated.report_uri), case.outcome
    assert (report["rows"], report["quarantined"]) == (expected.of, len(expected.rows))
    assert validated.rows == report["accepted"] == expected.of - len(expected.rows)
    assert validated.quarantined == len(expected.rows)
    apart = columns_of(validated.quarantine_uri)
    assert sorted(apart["row"]) == sorted(expected.rows)
    for row, reasons in zip(apart["row"], apart["reasons"], strict=True):
        assert [field for field in expected.rows[row] if field not in reasons] == []
    check_counts(report["refused"], expected)
    told = "\n".join(report["messages"])
    assert [words for words in expected.messages if not re.search(words, told)] == [], told


def check_counts(refused: dict, expected: Quarantined) -> None:
    """Reasons are counted by field; a line that cannot be read has none."""
    found = sorted(
        (field, reason) for field, reasons in refused.items() for reason, n in reasons.items() for _ in range(n)
    )
    wanted = sorted(pair for reasons in expected.rows.values() for pair in reasons.items())
    assert len(found) == len(wanted), refused
    for (field, reason), (wanted_field, wanted_reason) in zip(found, wanted, strict=True):
        assert re.fullmatch(wanted_reason, reason), refused
        assert field == wanted_field or reason == "unreadable", refused


@cases(Accepted)
def test_what_only_looks_bad_is_accepted(case, ingest):
    validated = ingest(case)
    report, expected = read_json(validated.report_uri), case.outcome
    assert (validated.rows, report["rows"], report["accepted"]) == (expected.rows,) * 3
    assert (report["refused"], report["quarantined"], validated.quarantine_uri) == ({}, 0, None)
    assert tuple(report["ignored_columns"]) == expected.ignored
    accepted = columns_of(validated.uri)
    assert {name: accepted[name][WRONG - 1] for name in expected.values} == expected.values


def test_the_table_is_long_enough_and_names_each_case_once():
    names = [case.name for case in CASES]
    assert len(names) >= 50
    assert len(set(names)) == len(names)
