"""How likely a difference of means is by luck: beside drawn shuffles, and with skewed errors."""

import numpy as np
import pytest

from monitoring.performance.certainty import difference_of_means, ratio_of_means
from monitoring.performance.luck import apart_by_luck, higher_by_luck, moments, moments_by_group


def shuffled(one, other, draws=4000):
    """Draw the test: the share of shuffles whose first mean is so much higher."""
    both, random = np.concatenate([one, other]), np.random.default_rng(0)
    wanted = one.mean() - other.mean()
    made = [random.permutation(both) for _ in range(draws)]
    return np.mean([mixed[: len(one)].mean() - mixed[len(one) :].mean() >= wanted - 1e-12 for mixed in made])


@pytest.mark.parametrize("sizes", [(40, 400), (400, 40), (100, 100)])
@pytest.mark.parametrize("seed", range(3))
def test_chance_is_that_of_shuffling_both_sides(sizes, seed):
    random = np.random.default_rng(seed)
    one, other = (random.lognormal(0, 1, rows) for rows in sizes)
    assert higher_by_luck(moments(one), moments(other)) == pytest.approx(shuffled(one, other), abs=0.05)
    assert apart_by_luck(moments(one), moments(other)) == apart_by_luck(moments(other), moments(one))


@pytest.mark.parametrize(("held_out", "live"), [(45, 1000), (285, 10_000)])
def test_few_held_out_rows_of_skewed_errors_do_not_make_luck_sure(held_out, live):
    """By Welch's test 6 of 60 such pairs were called sure, of which chance should bring one in 1,600."""
    sure = 0
    for seed in range(60):
        random = np.random.default_rng(seed)
        few, many = (np.abs(random.normal(0, 0.5, rows)) * random.lognormal(0, 1.5, rows) for rows in (held_out, live))
        sure += higher_by_luck(moments(many), moments(few)) <= 0.000625
    assert sure <= 1


def test_an_error_that_grew_by_half_is_sure_nevertheless():
    random = np.random.default_rng(0)
    few, many = (np.abs(random.normal(0, 1, rows)) * random.lognormal(0, 0.5, rows) for rows in (285, 1000))
    assert higher_by_luck(moments(many * 1.5), moments(few)) < 1e-4
    assert higher_by_luck(moments(many), moments(few)) > 0.01
    assert higher_by_luck(moments(few), moments(many * 1.5)) > 0.99


@pytest.mark.parametrize("exact", [0.0, 3.0])
def test_held_out_errors_that_are_all_equal_are_an_answer_as_well(exact):
    few, many = np.full(285, exact), np.full(1000, exact)
    assert ratio_of_means(many, few, 0).chance == 1.0
    assert difference_of_means(many, few, 0).chance == 1.0
    assert ratio_of_means(many + 1, few, 0).chance < 1e-6
    assert difference_of_means(many - 1, few, 0).chance < 1e-6


def test_where_nearly_all_errors_are_zero_the_interval_is_unknown_and_the_chance_is_not():
    random = np.random.default_rng(1)
    few, many = (np.where(random.random(rows) < 0.02, 5.0, 0.0) for rows in (45, 400))
    grown = ratio_of_means(many, few, 0)
    assert grown.ends is None
    assert grown.chance > 0.01


def test_moments_of_groups_are_those_of_each_group_alone():
    random = np.random.default_rng(2)
    values, codes = random.lognormal(0, 1, 500), random.integers(0, 3, 500)
    for group, found in enumerate(moments_by_group(codes, values, 4)[:3]):
        alone = moments(values[codes == group])
        assert found.rows == alone.rows
        assert (found.mean, found.squares, found.cubes) == pytest.approx((alone.mean, alone.squares, alone.cubes))
        assert found.deviation == pytest.approx(values[codes == group].std(ddof=1))
    assert moments_by_group(codes, values, 4)[3].rows == 0
