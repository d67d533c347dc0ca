"""The trials of the gate, that they try what they say; on few models, which are quick to fit."""

from dataclasses import replace

import pytest

from benchmarks.gate import dullest, sparsest
from benchmarks.gate_trials import History, predictions, read_history, split_anew, try_gate


@pytest.fixture(scope="module")
def history() -> History:
    found = read_history()
    gate = found.contract.gate.model_copy(update={"limits": {}})  # what the kind of model must reach is not on trial
    return replace(found, contract=found.contract.model_copy(update={"gate": gate}))


def test_every_trial_has_its_own_split_of_the_same_rows(history: History) -> None:
    first, second = (split_anew(history, number) for number in range(2))
    for resplit in (first, second):
        assert len(resplit.train) + len(resplit.held_out) == len(history.frame)
        assert 0.2 < len(resplit.held_out) / len(history.frame) < 0.4
    key = list(first.contract.key)
    assert not first.held_out.frame[key].equals(second.held_out.frame[key])


def test_the_gate_promotes_what_is_better_and_refuses_the_same_again(history: History) -> None:
    resplit = split_anew(history, 0)
    dummy, ridge = (predictions(resplit, candidate) for candidate in ("dummy", "ridge"))
    better, same = try_gate(resplit, dummy, ridge), try_gate(resplit, ridge, ridge)
    assert better.promoted
    assert better.gain > 0.3
    assert better.refused == ()
    assert not same.promoted
    assert same.gain == 0
    assert same.refused == ("the lower bound of the gain over version 1",)


def test_a_champion_may_lack_columns(history: History) -> None:
    resplit, without = split_anew(history, 0), sparsest(history)
    assert len(set(without)) == len(set(dullest(history))) == 6
    assert set(without) | set(dullest(history)) < set(history.contract.features)
    trial = try_gate(resplit, predictions(resplit, "ridge", without=without), predictions(resplit, "ridge"))
    assert trial.gain > 0
