import numpy as np
import pytest
from scipy.spatial.distance import jensenshannon
from scipy.stats import wasserstein_distance

from monitoring.noise import jensen_shannon, numeric_noise, word_noise


def test_the_distance_of_words_is_scipys():
    one, other = np.array([0.5, 0.5, 0.0]), np.array([0.1, 0.2, 0.7])
    assert jensen_shannon(one, other) == pytest.approx(jensenshannon(one, other))


@pytest.mark.parametrize("rows", [60, 600])
def test_chance_stays_below_the_limit_of_numbers_as_often_as_promised(rows):
    """The limit stands at the 95th percentile where one column is looked at."""
    random = np.random.default_rng(0)
    over = 0
    for seed in range(100):
        reference, current = random.lognormal(0, 1, 800), random.lognormal(0, 1, rows)
        over += wasserstein_distance(reference, current) / reference.std() > numeric_noise(reference, current, 1, seed)
    assert over <= 12


def test_chance_stays_below_the_limit_of_words_as_often_as_promised():
    random = np.random.default_rng(0)
    over = 0
    for seed in range(100):
        counts = [np.bincount(random.integers(0, 30, rows), minlength=30) for rows in (800, 100)]
        distance = jensenshannon(counts[0] / 800, counts[1] / 100)
        over += distance > word_noise(sum(counts).astype(float), 800, 100, 1, seed)
    assert over <= 12


def test_more_rows_and_fewer_columns_lower_the_limit():
    random = np.random.default_rng(0)
    values = random.normal(size=2000)
    limits = [numeric_noise(values, values[:rows], columns, 0) for rows, columns in ((50, 30), (50, 1), (1000, 1))]
    assert limits[0] > limits[1] > limits[2] > 0
