"""The error to expect of answers without truth: it follows what is asked, and is silent where it knows too little."""

import numpy as np
import pytest

from monitoring.performance.estimate import Source, expected_error


def source(n: int, seed: int, level: float = 0.0, growth: float = 1.0) -> Source:
    """Return rows whose error grows with the prediction's level, as that of prices does."""
    random = np.random.default_rng(seed)
    prediction = random.lognormal(5 + level, 0.4, n)
    return Source(prediction, np.abs(random.normal(0, 0.1 * growth, n)) * prediction)


NOBODY = source(0, 0)


def test_where_every_truth_has_arrived_there_is_nothing_to_expect():
    assert expected_error(np.empty(0), NOBODY, source(500, 1), 100) is None


@pytest.mark.parametrize("level", [-0.3, 0.0, 0.3])
def test_it_follows_a_shift_of_what_is_asked(level):
    """The mean of the held-out error is the same for all three levels, and is up to a third beside the truth."""
    near, held = 0, 0
    for seed in range(20):
        waiting = source(2000, 100 + seed, level)
        found = expected_error(waiting.prediction, NOBODY, source(1000, seed), 100)
        truth = float(waiting.absolute.mean())
        near += abs(found.mae / truth - 1) < 0.15
        held += found.ends.low <= truth <= found.ends.high
    assert (found.source, found.rows, found.source_rows, found.silent) == ("held-out rows", 2000, 1000, "")
    assert near >= 19
    assert held >= 16


def test_it_is_nearer_to_the_truth_than_the_held_out_error():
    waiting, known = source(5000, 2, 0.3), source(2000, 3)
    truth, plain = waiting.absolute.mean(), known.absolute.mean()
    found = expected_error(waiting.prediction, NOBODY, known, 100)
    assert abs(found.mae - truth) < abs(plain - truth) / 3


def test_judged_answers_are_the_source_once_there_are_enough_and_know_of_a_changed_relation():
    waiting, held_out = source(1000, 1, growth=2.0), source(1000, 2)
    few, enough = source(99, 3, growth=2.0), source(400, 3, growth=2.0)
    before = expected_error(waiting.prediction, few, held_out, 100)
    after = expected_error(waiting.prediction, enough, held_out, 100)
    assert (before.source, after.source) == ("held-out rows", "judged answers")
    assert before.mae < 0.6 * waiting.absolute.mean()  # the limit of the method: held-out rows do not know of it
    assert after.mae == pytest.approx(waiting.absolute.mean(), rel=0.15)


@pytest.mark.parametrize(
    ("waiting", "held_out", "why"),
    [
        (source(300, 1), source(40, 2), "only 40 rows with their truth are at hand"),
        (source(300, 1), NOBODY, "only 0 rows with their truth are at hand"),
        (source(300, 1, level=2.0), source(1000, 2), "lie beyond all of those whose truth is known"),
        (Source(np.full(300, 150.0), np.ones(300)), source(200, 2), "too few rows with their truth are like them"),
    ],
)
def test_where_there_is_too_little_to_go_by_it_says_so_and_nothing_else(waiting, held_out, why):
    found = expected_error(waiting.prediction, NOBODY, held_out, 100)
    assert (found.mae, found.ends, found.rows) == (None, None, 300)
    assert why in found.silent


@pytest.mark.parametrize("waiting", [np.array([150.0]), np.full(500, 150.0)])
def test_one_row_and_equal_predictions_are_no_failure(waiting):
    found = expected_error(waiting, NOBODY, source(1000, 2), 100)
    assert found.mae is not None
    flat = Source(np.full(200, 150.0), np.full(200, 5.0))
    assert expected_error(waiting, NOBODY, flat, 100).mae == pytest.approx(5.0)
