import numpy as np
import pytest

from pipeline.bootstrap import lower_bound
from training.gate.compare import corrected, gain, worsening


def test_a_gain_is_a_share_of_the_champions_mean_error() -> None:
    champion, challenger = np.array([1.0, 3.0]), np.array([1.0, 2.0])
    assert gain(champion, challenger) == pytest.approx(0.25)
    assert worsening(champion, challenger) == pytest.approx(-0.25)
    assert np.isnan(gain(np.zeros(2), np.zeros(2)))


def test_rows_are_compared_in_pairs() -> None:
    """Hard rows are hard for both: what they have in common is no doubt about the gain."""
    rng = np.random.default_rng(0)
    champion = rng.lognormal(0, 1, 200)
    challenger = 0.95 * champion * rng.lognormal(0, 0.02, 200)
    paired = lower_bound(gain, champion, challenger, confidence=0.975)
    apart = lower_bound(gain, champion, rng.permutation(challenger), confidence=0.975)
    assert paired is not None
    assert apart is not None
    assert paired > 0.04
    assert apart < 0


def test_a_bound_holds_as_often_as_it_says() -> None:
    """Of challengers that gain nothing, about one in forty has a lower bound above zero."""
    rng = np.random.default_rng(0)
    bounds = [
        lower_bound(gain, rng.lognormal(0, 0.5, 100), rng.lognormal(0, 0.5, 100), confidence=0.975) for _ in range(200)
    ]
    assert sum(bound is not None and bound > 0 for bound in bounds) <= 12


def test_several_judgements_share_the_chance_of_being_wrong() -> None:
    assert corrected(0.975, 1) == pytest.approx(0.975)
    assert corrected(0.975, 25) == pytest.approx(0.999)
    assert corrected(0.975, 0) == pytest.approx(0.975)
