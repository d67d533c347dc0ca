"""Profiles: exact in one piece or in many, small whatever the rows hold, and compared in words for people."""

import math
from datetime import datetime

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.contract import parse_contract
from pipeline.data_content import batch_schema
from pipeline.data_profile import (
    NumbersProfile,
    Profile,
    Profiler,
    TimesProfile,
    TruthsProfile,
    WordsProfile,
    merge,
    moves,
)
from pipeline.profile.columns import KEPT_WORDS
from pipeline.profile.counting_words import MOST_COUNTERS, Words
from tests.conftest import SMALL

CONTRACT = parse_contract(SMALL)
SCHEMA = batch_schema(CONTRACT)
day = datetime.fromisoformat
_NUMBERS = st.none() | st.floats(-1e6, 1e6)
ROWS = st.fixed_dictionaries(
    {
        "flat id": st.text(min_size=1, max_size=3),
        "sold": st.none() | st.datetimes(day("1900-01-01"), day("2100-01-01")),
        "area": _NUMBERS,
        "class": st.none() | st.integers(1, 5).map(float),
        "größe des gartens": st.none() | st.just(0.1),
        "kind": st.none() | st.sampled_from(["Flat", "Villa"]),
        "district": st.none() | st.text(max_size=2),
        "state": st.none(),
        "lift": st.none() | st.booleans(),
        "rent": st.floats(1e9, 1e9 + 1e-3),  # a deviation that is nothing beside the mean
        "__split__": st.just("train"),
    }
)


def batch_of(rows, dictionary=False):
    batch = pa.RecordBatch.from_pylist(rows, schema=SCHEMA)
    if not dictionary:
        return batch
    coded = [column.dictionary_encode() if pa.types.is_string(column.type) else column for column in batch.columns]
    return pa.RecordBatch.from_arrays(coded, names=batch.schema.names)


def profile_of(*batches):
    profiler = Profiler(CONTRACT)
    for batch in batches:
        profiler.add(batch)
    return profiler.result()


def column_of(values, name="area"):
    """Return the profile of one column; the others are empty."""
    kind = SCHEMA.field(name).type
    columns = [pa.array(values, kind) if field.name == name else pa.nulls(len(values), field.type) for field in SCHEMA]
    return profile_of(pa.RecordBatch.from_arrays(columns, schema=SCHEMA)).columns[name]


def assert_same(one: Profile, other: Profile) -> None:
    """Whatever is counted is equal; means and deviations up to rounding."""
    assert one.rows == other.rows
    assert list(one.columns) == list(other.columns)
    for name, column in one.columns.items():
        theirs = other.columns[name]
        if not isinstance(column, NumbersProfile):
            assert column == theirs
            continue
        rounded = {"mean": None, "deviation": None}
        assert column.model_copy(update=rounded) == theirs.model_copy(update=rounded)
        if column.mean is not None:
            scale = max(abs(column.minimum), abs(column.maximum), 1e-300)
            assert column.mean == pytest.approx(theirs.mean, abs=1e-9 * scale)
            assert column.deviation == pytest.approx(theirs.deviation, abs=1e-9 * scale)


@settings(deadline=None)
@given(st.lists(ROWS, max_size=40), st.lists(st.integers(0, 40), max_size=4), st.booleans())
def test_the_profile_of_any_split_into_batches_is_the_profile_of_the_whole(rows, cuts, dictionary):
    whole = profile_of(batch_of(rows))
    edges = sorted(min(cut, len(rows)) for cut in [0, *cuts, len(rows)])
    parts = [batch_of(rows[start:end], dictionary) for start, end in zip([0, *edges], [*edges, len(rows)], strict=True)]
    assert_same(profile_of(*parts), whole)
    assert_same(merge([profile_of(part) for part in parts]), whole)


@settings(deadline=None)
@given(st.lists(ROWS, max_size=20))
def test_a_profile_survives_json_and_did_not_move_from_itself(rows):
    profile = profile_of(batch_of(rows))
    assert Profile.model_validate_json(profile.model_dump_json()) == profile
    assert moves(profile, profile) == []


def test_each_kind_of_column_is_described():
    assert column_of([1.0, None, 2.0, 6.0]) == NumbersProfile(
        rows=4, missing=1, minimum=1, maximum=6, mean=3, deviation=math.sqrt(14 / 3)
    )
    assert column_of(["Villa", None, "Flat", "Villa"], "kind") == WordsProfile(
        rows=4, missing=1, words={"Villa": 2, "Flat": 1}
    )
    times = [day("2020-03-01"), None, day("2020-01-01")]
    assert column_of(times, "sold") == TimesProfile(rows=3, missing=1, first=times[2], last=times[0])
    assert column_of([True, None, False, True], "lift") == TruthsProfile(rows=4, missing=1, true=2)


def test_columns_stand_in_the_order_of_the_contract_and_the_split_is_none_of_them():
    assert list(profile_of().columns) == list(CONTRACT.batch_columns)


@pytest.mark.parametrize("values", [[], [None, None]])
def test_a_column_without_values_has_no_mean(values):
    assert column_of(values) == NumbersProfile(rows=len(values), missing=len(values))


def test_a_small_deviation_beside_a_large_mean_is_not_lost():
    values = 1e9 + np.random.default_rng(1).normal(0, 1e-3, 10_000)
    batches = [pa.array(part) for part in np.array_split(values, 7)]
    parts = [merge([Profile(rows=len(part), columns={"x": column_of(part)})]) for part in batches]
    assert merge(parts).columns["x"].deviation == pytest.approx(values.std(), rel=1e-4)


def test_a_constant_column_has_no_deviation_however_it_is_cut():
    assert column_of([0.1, None, *[0.1] * 9]).deviation == 0
    assert column_of([0.1, None, *[0.1] * 9]).maximum == 0.1
    parts = [Profile(rows=n, columns={"x": column_of([0.1] * n)}) for n in (3, 7, 11)]
    assert (merge(parts).columns["x"].mean, merge(parts).columns["x"].deviation) == (0.1, 0)


def test_what_is_not_finite_counts_as_missing_and_the_largest_numbers_do_no_harm():
    strange = column_of([math.inf, 1.0, math.nan, -math.inf, None, 3.0])
    assert strange == NumbersProfile(rows=6, missing=4, minimum=1, maximum=3, mean=2, deviation=1)
    huge = column_of([1.7e308, 1.7e308, -1.7e308, 1.5e308])
    assert (huge.minimum, huge.maximum, huge.deviation) == (-1.7e308, 1.7e308, None)
    assert column_of([math.nan]) == NumbersProfile(rows=1, missing=1)


def test_only_the_most_frequent_words_are_named_and_the_rest_is_counted():
    words = [f"w{n:02}" for n in range(40) for _ in range(n + 1)]
    column = column_of(words, "district")
    assert list(column.words)[:2] == ["w39", "w38"]
    assert len(column.words) == KEPT_WORDS
    assert column.others == sum(range(1, 11))


def test_a_million_words_take_a_bounded_number_of_counters_and_the_frequent_ones_are_found():
    counter = Words()
    rng = np.random.default_rng(2)
    for part in range(5):
        rare = [f"{part}-{n}" for n in range(30_000)]
        counter.add(pa.array(rng.permutation([*rare, *["common"] * 3_000]).tolist()))
        assert len(counter._counts) <= MOST_COUNTERS
    column = counter.result()
    assert column.rows == 165_000
    assert 15_000 - column.rows / MOST_COUNTERS <= column.words["common"] <= 15_000
    assert sum(column.words.values()) + column.others == column.rows


def test_the_texts_of_a_key_are_counted_but_not_kept():
    assert column_of(["anna", "berta", "berta"], "flat id") == WordsProfile(rows=3, others=3)


def test_profiles_of_two_contracts_cannot_be_merged():
    with pytest.raises(ValueError, match=r"x is of several kinds \(numbers, truths\): the profiles are of two"):
        merge([Profile(columns={"x": NumbersProfile()}), Profile(columns={"x": TruthsProfile()})])


def test_no_profiles_are_merged_to_one_without_rows():
    assert merge([]) == Profile()


_OLD = NumbersProfile(rows=1000, minimum=1, maximum=5000, mean=180_212, deviation=80_000)
_WORDS = WordsProfile(rows=100, words={"North": 60, "South": 40})


@pytest.mark.parametrize(
    ("before", "after", "text", "size"),
    [
        (
            _OLD,
            _OLD.model_copy(update={"mean": 175_090, "missing": 12}),
            "mean 180,212 -> 175,090 (0.06 deviations down); missing 0 % -> 1.2 %",
            0.064,
        ),
        (_OLD, _OLD.model_copy(update={"maximum": 5050}), "range 1 .. 5,000 -> 1 .. 5,050", 0.0099),
        (
            NumbersProfile(rows=9, minimum=5, maximum=5, mean=5, deviation=0),
            NumbersProfile(rows=9, minimum=5, maximum=6, mean=5.5, deviation=0.5),
            "mean 5.000 -> 5.500 (it was always the same); range 5 .. 5 -> 5 .. 6",
            1,
        ),
        (
            WordsProfile(rows=100, words={"S": 60, "N": 40}),
            WordsProfile(rows=100, words={"S": 50, "West": 50}),
            "50 % of the words changed: West 0 % -> 50 %, N 40 % -> 0 %, S 60 % -> 50 %; new: West; gone: N",
            0.5,
        ),
        (
            _WORDS,
            WordsProfile(rows=100, words={"North": 60}, others=40),
            "40 % of the words changed: South 40 % -> 0 %",
            0.4,
        ),
        (
            TimesProfile(rows=5, first=day("2020-01-01"), last=day("2020-01-11")),
            TimesProfile(rows=5, first=day("2020-01-01"), last=day("2020-01-21")),
            "span 2020-01-01 .. 2020-01-11 -> 2020-01-01 .. 2020-01-21",
            0.5,
        ),
        (TruthsProfile(rows=50, true=20), TruthsProfile(rows=50, true=21), "true 40 % -> 42 %", 0.02),
        (TruthsProfile(rows=100_000), TruthsProfile(rows=100_000, missing=1), "missing 0 % -> under 0.1 %", 1e-5),
        (_OLD, _WORDS, "held numbers, holds words", 1),
    ],
)
def test_a_move_is_told_in_one_line(before, after, text, size):
    [move] = moves(Profile(columns={"x": before}), Profile(columns={"x": after}))
    assert move.text == text
    assert move.size == pytest.approx(size, rel=0.02)


@pytest.mark.parametrize(
    ("before", "after"),
    [
        (_OLD, _OLD.model_copy(update={"mean": 180_300})),
        (NumbersProfile(), _OLD.model_copy(update={"rows": 0})),
        (_WORDS, WordsProfile(rows=200, words={"North": 120, "South": 80})),
        (_WORDS, WordsProfile()),
    ],
)
def test_what_is_too_little_to_be_shown_is_no_move(before, after):
    assert moves(Profile(columns={"x": before}), Profile(columns={"x": after})) == []


def test_moves_are_told_the_largest_first_with_columns_that_come_and_go():
    before = Profile(columns={"a": _OLD, "b": TruthsProfile(rows=10), "c": _OLD})
    after = Profile(columns={"a": _OLD, "b": TruthsProfile(rows=10, true=1), "d": _OLD})
    assert [(move.column, move.kind, move.text) for move in moves(before, after)] == [
        ("c", "gone", "is gone"),
        ("d", "new", "is new"),
        ("b", "truths", "true 0 % -> 10 %"),
    ]
