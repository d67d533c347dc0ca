"""Limits that know how many rows there are: chance stays below them as often as promised."""

import numpy as np
import pytest

from monitoring.drift.distances import jensen_shannon, wasserstein
from monitoring.drift.noise import numeric_noise, word_noise

POPULATIONS = {
    "even": lambda random, rows: random.normal(0, 1, rows),
    "skewed": lambda random, rows: random.lognormal(0, 1, rows),
    "tied": lambda random, rows: np.where(random.random(rows) < 0.85, 0.0, random.gamma(2, 50, rows).round()),
    "whole": lambda random, rows: random.poisson(1, rows).astype(float),
}


@pytest.mark.parametrize(("population", "rows"), zip(POPULATIONS, (200, 1000, 200, 1000), strict=True))
def test_chance_stays_below_the_limit_of_numbers_as_often_as_promised(population, rows):
    random, over = np.random.default_rng(0), 0
    for seed in range(40):
        reference, current = (np.sort(POPULATIONS[population](random, many)) for many in (900, rows))
        over += wasserstein(reference, current) > numeric_noise(reference, current, 0.05, seed)
    assert over <= 6


def test_chance_stays_below_the_limit_of_words_as_often_as_promised():
    random, over = np.random.default_rng(0), 0
    for seed in range(40):
        counts = [np.bincount(random.integers(0, 30, rows), minlength=30) for rows in (800, 100)]
        distance = jensen_shannon(counts[0] / 800, counts[1] / 100)
        over += float(distance) > word_noise(sum(counts).astype(float), 800, 100, 0.05, seed)
    assert over <= 6


@pytest.mark.parametrize("population", POPULATIONS)
def test_the_tail_beyond_what_is_drawn_is_neither_cut_off_nor_without_end(population):
    """Where five of a thousand distances lie is where the limit of that chance is; a far smaller one lies beyond."""
    random = np.random.default_rng(1)
    sides = [[np.sort(POPULATIONS[population](random, rows)) for rows in (500, 300)] for _ in range(1000)]
    there = float(np.quantile([wasserstein(*pair) for pair in sides], 0.995))
    limits = [np.mean([numeric_noise(*sides[seed], chance, seed) for seed in range(5)]) for chance in (5e-3, 1e-5)]
    assert 0.8 < there / limits[0] < 1.25
    assert 1.1 < limits[1] / limits[0] < 2.5


def test_more_rows_and_a_larger_chance_lower_the_limit():
    values = np.sort(np.random.default_rng(0).normal(size=2000))
    few = np.sort(np.random.default_rng(1).choice(values, 50))
    limits = [numeric_noise(values, rows, chance, 0) for rows, chance in ((few, 1e-4), (few, 0.05), (values, 0.05))]
    assert limits[0] > limits[1] > limits[2] > 0


def test_a_limit_is_the_same_each_time():
    values = np.sort(np.random.default_rng(0).normal(size=300))
    assert numeric_noise(values, values[:100], 0.01, 7) == numeric_noise(values, values[:100], 0.01, 7)
