"""Distances, shares and profiles: the numbers behind the verdict."""

import numpy as np
import pandas as pd
import pytest
from scipy.spatial.distance import jensenshannon
from scipy.stats import fisher_exact, wasserstein_distance

from monitoring.drift.chances import allowed, for_drift, for_quality
from monitoring.drift.distances import cohens_h, jensen_shannon, stability_index, tenths, wasserstein
from monitoring.drift.profiles import profile
from monitoring.drift.refused import refusals
from monitoring.drift.shares import by_chance, changed
from monitoring.evidently.sampling import MOST_ROWS, drawn


def test_the_distance_of_words_is_scipys():
    one, other = np.array([0.5, 0.5, 0.0]), np.array([0.1, 0.2, 0.7])
    assert jensen_shannon(one, other) == pytest.approx(jensenshannon(one, other))


@pytest.mark.parametrize("sizes", [(1, 5), (50, 50), (300, 7), (1000, 400)])
def test_the_distance_of_numbers_is_scipys_over_the_deviation(sizes):
    random = np.random.default_rng(0)
    one, other = np.sort(random.poisson(3, sizes[0] + 1) + 0.5), np.sort(random.normal(3, 2, sizes[1]))
    assert wasserstein(one, other) == pytest.approx(wasserstein_distance(one, other) / np.std(one))


@pytest.mark.parametrize("unit", [1e-9, 1.0, 1e9])
@pytest.mark.parametrize("skewed", [False, True])
def test_a_shift_by_half_a_deviation_is_one_half_in_any_unit(unit, skewed):
    random = np.random.default_rng(0)
    values = np.sort(random.lognormal(9, 1, 500) if skewed else random.normal(0, 1, 500)) * unit
    assert wasserstein(values, values + 0.5 * np.std(values)) == pytest.approx(0.5)


def test_the_stability_index_is_zero_for_equals_and_finite_for_empty_tenths():
    values = np.sort(np.random.default_rng(0).normal(size=1000))
    assert stability_index(*tenths(values, values)) == pytest.approx(0)
    assert 0.2 < stability_index(*tenths(values, values + 0.5)) < 0.35  # a textbook's 0.25 is a shift of one half
    assert np.isfinite(stability_index(*tenths(values, values + 100)))
    assert len(tenths(np.zeros(10), np.zeros(4))[0]) == 2  # all ties


def test_cohens_h_grows_with_the_share():
    assert cohens_h(np.array([0.1]), np.array([0.2]))[0] == pytest.approx(0.284, abs=0.001)
    assert cohens_h(np.array([0.2]), np.array([0.1]))[0] < 0


@pytest.mark.parametrize(("before", "now"), [(4, 9), (0, 6), (30, 4), (3, 3), (190, 100), (200, 100), (0, 0)])
def test_chance_is_never_called_less_than_by_fishers_exact_test(before, now):
    """Of 200 and 100 rows: the conditional test of rare kinds errs on the careful side."""
    exact = fisher_exact([[before, 200 - before], [now, 100 - now]]).pvalue
    likely = by_chance(np.array([float(before)]), np.array([float(now)]), 200, 100)[0]
    assert exact * 0.4 <= likely <= 1
    assert likely <= max(30 * exact, 0.05) or exact > 0.01


@pytest.mark.parametrize(
    ("before", "now", "rows", "noticed"),
    [
        (200, 200, 1000, True),  # a tenth has doubled
        (200, 115, 1000, False),  # it grew by little
        (200, 20, 100, False),  # doubled, in so few rows that chance may do it
        (0, 12, 1000, True),  # new, in a hundredth of the rows
        (0, 4, 1000, False),
        (2000, 900, 1000, True),  # what all rows held, a tenth has lost
    ],
)
def test_a_share_has_changed_where_it_matters_and_is_no_accident(before, now, rows, noticed):
    effect, limit, found = changed(np.array([float(before)]), np.array([float(now)]), 2000, rows, 0.15, 1e-4)
    assert found[0] == noticed
    assert limit >= 0.15
    assert not noticed or abs(effect[0]) >= limit


def test_the_chance_of_a_report_is_shared_out(small_contract, house_prices):
    assert allowed(1) * 4 == pytest.approx(0.01)
    assert for_drift(house_prices) < for_drift(small_contract) < allowed(1)
    assert for_quality(small_contract) < for_drift(small_contract)


def test_a_profile_counts_without_missing_values():
    numbers = profile(pd.Series([3.0, np.nan, 1.0, 3.0]), numeric=True)
    assert (numbers.rows, numbers.missing, numbers.filled, numbers.holding(3.0)) == (4, 1, 3, 2)
    assert numbers.single is None
    words = profile(pd.Series(["a", None, "a"], dtype="str"), numeric=False)
    assert (words.single, words.holding("a"), words.holding("b")) == ("a", 2, 0)
    assert profile(pd.Series([np.nan]), numeric=True).single is None


def test_rows_are_drawn_the_same_each_time_and_only_from_many():
    many = pd.DataFrame({"place": np.arange(MOST_ROWS + 5)})
    assert drawn(many[:10], 1) is not many
    assert len(drawn(many[:10], 1)) == 10
    one = drawn(many, 1)
    assert len(one) == MOST_ROWS
    assert one["place"].is_monotonic_increasing
    pd.testing.assert_frame_equal(one, drawn(many, 1))
    assert not one.index.equals(drawn(many, 2).index)


def test_refusals_know_the_sample_size(small_contract):
    """Five of two hundred are a finding, five of ten thousand an accident."""
    found = [refusals(small_contract, {"area": {"range": 5}}, rows).judged[0] for rows in (200, 10_000)]
    assert [item.noticed for item in found] == [True, False]
    assert found[0].known is None
    assert refusals(small_contract, {}, 100).rows == 100
