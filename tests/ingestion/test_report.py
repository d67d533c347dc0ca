"""The batch report for people: what its page says, and that nothing in it is taken for HTML."""

import html
import re
from datetime import datetime

import pytest
from upath import UPath

from ingestion.collect import collect
from ingestion.errors import BatchRefused
from ingestion.files import BatchReport
from ingestion.publish import publish
from ingestion.published import PublishedReport
from ingestion.report import write_report
from ingestion.validate import validate
from pipeline.data_profile import Move, NumbersProfile, Profile, TimesProfile, TruthsProfile, WordsProfile
from pipeline.data_versions import Changes
from pipeline.storage import storage

COLUMNS = {
    "flat id": WordsProfile(rows=92, others=92),
    "sold": TimesProfile(rows=92, first=datetime(2020, 1, 1), last=datetime(2020, 12, 30)),  # noqa: DTZ001
    "area": NumbersProfile(rows=92, minimum=20.5, maximum=199.5, mean=110.25, deviation=51.5),
    "größe des gartens": NumbersProfile(rows=92, missing=23, minimum=0, maximum=90, mean=45, deviation=26),
    "kind": WordsProfile(rows=92, words={"Flat": 46, "Villa": 46}),
    "lift": TruthsProfile(rows=92, true=46),
}
BEFORE = Profile(rows=400, columns={"area": NumbersProfile(rows=400, minimum=7.5, maximum=900, mean=120, deviation=60)})


@pytest.fixture
def page(settings, small_contract):
    """Write a report with these fields and return its page, without its style."""

    def write(kind: type[BatchReport] = BatchReport, **fields: object) -> str:
        said = {
            "model": "small",
            "run": "manual__2026-03-01",
            "source": "rows.csv",
            "window": "2020-01-01_2021-01-01",
            "rows": 100,
            "accepted": 100,
            "limit": 0.05,
            "profile": Profile(rows=92, columns=COLUMNS),
        }
        uri = write_report(small_contract, settings, kind(**said | fields))
        return re.sub(r"<style>.*</style>", "", UPath(uri).read_text(encoding="utf-8"), flags=re.DOTALL)

    return write


def text_of(page: str) -> str:
    return re.sub(r"\s+", " ", html.unescape(re.sub(r"<[^>]+>", " ", page)))


def test_the_page_stands_beside_the_reports_json(page, settings):
    page()
    assert storage(settings, "ingestion", "small", "manual__2026-03-01", "report.html").exists()


def test_a_clean_batch_says_so(page):
    said = text_of(page())
    assert "accepted Not yet published. 100 of 100 rows were accepted." in said
    assert "Every row keeps the contract." in said
    assert "Quarantine " not in said
    assert "New words" not in said


def test_a_refused_batch_says_why_and_by_how_much(page):
    refused = {"area": {"range": 20}}
    said = text_of(page(published=False, rows=100, accepted=80, quarantined=20, refused=refused))
    assert "refused Nothing was published. 20 % of the rows break the contract; its limit is 5.0 %." in said
    assert "Quarantined 20 20 % of the rows; limit 5.0 %" in said


def test_a_batch_without_a_column_names_the_column(page):
    refused = {"area": {"missing_column": 100}}
    said = text_of(page(published=False, accepted=0, quarantined=100, refused=refused, profile=None))
    assert "The batch has no column area." in said
    assert "Numbers" not in said


def test_a_batch_of_which_nothing_is_left_says_so(page):
    assert "No row keeps the contract." in text_of(page(published=False, accepted=0, quarantined=100))
    assert "No row keeps the contract." in text_of(page(published=False, rows=0, accepted=0))


def test_each_reason_has_its_rows_and_an_example(page):
    refused = {"area": {"range": 3, "type": 1}, "kind": {"category": 2}}
    messages = (
        "area: -3 is out of range (row 7 and 2 more)",
        "area: 'x' is of the wrong type",
        "kind: 'Tent' is unknown",
    )
    said = text_of(page(accepted=95, quarantined=5, refused=refused, messages=messages))
    assert "area out of range 3 3.0 % -3 is out of range (row 7 and 2 more)" in said
    assert "area of the wrong type 1 1.0 % 'x' is of the wrong type" in said
    assert "kind unknown word 2 2.0 % 'Tent' is unknown" in said


def test_new_words_are_listed_with_what_is_left_out(page):
    words = {"unknown_words": {"district": {"East End": 5, "Harbour": 2}}, "unknown_word_rows": {"district": 9}}
    said = text_of(page(**words))
    assert "district East End 5 district Harbour 2 district (others) 2" in said


def test_rows_that_stand_twice_are_told_apart_from_those_that_disagree(page):
    said = text_of(page(refused={"flat id": {"duplicate": 4, "conflict": 6}}, accepted=90, quarantined=10))
    assert "The same row again, of one flat id: 4 rows." in said
    assert "One flat id, but different rows: 6 rows." in said


def test_columns_show_what_is_missing_and_how_far_they_reach(page):
    said = text_of(page())
    assert "area m2 none 20.5 199.5 110.2 51.5" in said
    assert "größe des gartens 23 (25 %) 0 90 45.0 26.0" in said
    assert "sold none 2020-01-01 to 2020-12-30" in said
    assert "kind none Flat 50 %, Villa 50 %" in said
    assert "lift none true in 50 % of 92 rows" in said
    assert "flat id none 92 texts, which are not shown" in said


def test_a_published_batch_names_its_version_and_what_that_changed(page):
    moves = [Move(column=f"c{place}", kind="numbers", text="mean 1 -> 2", size=0.5) for place in range(12)]
    changes = Changes(added=90, corrected=7, gone=3, moves=tuple(moves))
    versions = {"version": "data-v1.1.0", "before": "data-v1.0.0", "changes": changes, "profile_before": BEFORE}
    said = text_of(page(PublishedReport, published=True, accepted=95, quarantined=5, **versions))
    assert "published as data-v1.1.0. 95 of 100 rows were accepted, 5 are in quarantine." in said
    assert "90 / 7 / 3 against data-v1.0.0" in said
    assert "90 rows added, 7 corrected, 3 gone." in said
    assert "c0 mean 1 → 2" in said
    assert "2 smaller moves" in said
    assert "In small print: the 400 rows of data-v1.0.0." in said
    assert "area m2 none none 20.5 7.5 199.5 900 110.2 120.0 51.5 60.0" in said


def test_the_same_content_again_is_no_new_version(page):
    said = text_of(page(PublishedReport, published=True, version="data-v1.0.0", created=False))
    assert "published before, as data-v1.0.0. The same rows again: no new version was made." in said


def test_nothing_of_the_data_becomes_html_and_nothing_is_loaded(page):
    bad = '<script>alert("1")</script>'
    columns = {bad: WordsProfile(rows=2, words={bad: 2}), "area": COLUMNS["area"]}
    raw = page(
        source=bad,
        refused={bad: {"category": 1}},
        messages=(f"{bad}: {bad} is not a known category",),
        unknown_words={bad: {bad: 1}},
        ignored_columns=(bad,),
        profile=Profile(rows=2, columns=columns),
    )
    assert "<script" not in raw
    assert raw.count("&lt;script&gt;alert(&quot;1&quot;)") >= 6
    assert not re.findall(r"(?:src|href)\s*=|@import|url\(", raw)


def test_the_quarantine_is_named_where_there_is_one(settings, small_contract, small_rows, tmp_path):
    """Through the stages: five bad rows go to quarantine, and the page says where it is, also after publishing."""
    rows = small_rows(400)
    rows.loc[:4, "area"] = -1.0
    rows.to_csv(tmp_path / "rows.csv", index=False)
    collected = collect(small_contract, settings, "run", small_contract.demo.history, str(tmp_path / "rows.csv"))
    valid = validate(small_contract, settings, "run", collected)
    file = storage(settings, "ingestion", "small", "run", "report.html")
    accepted = file.read_text(encoding="utf-8")
    publish(small_contract, settings, valid)
    published = file.read_text(encoding="utf-8")
    assert f"{valid.rows} of {valid.rows + 5} rows were accepted, 5 are in quarantine." in text_of(accepted)
    assert "accepted</strong> Not yet published." in accepted
    assert "published</strong> as data-v1.0.0." in published
    for page in (accepted, published):
        assert f"<code>{valid.quarantine_uri}</code>" in page
        assert "area out of range 5 2.5 % -1" in text_of(page)


def test_a_batch_that_is_refused_by_validation_has_its_page(settings, small_contract, small_rows, tmp_path):
    small_rows(400).assign(area=-1.0).to_csv(tmp_path / "rows.csv", index=False)
    collected = collect(small_contract, settings, "run", small_contract.demo.history, str(tmp_path / "rows.csv"))
    with pytest.raises(BatchRefused):
        validate(small_contract, settings, "run", collected)
    page = storage(settings, "ingestion", "small", "run", "report.html").read_text(encoding="utf-8")
    assert "refused</strong> Nothing was published." in page
