from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
import pytest

from pipeline.bundle.format import Interval
from pipeline.contract import SPLIT, Contract, parse_contract
from pipeline.split import assign_splits
from tests.conftest import SMALL
from tests.training.conftest import as_published
from tests.training.gate.conftest import held_out
from training.evaluation.document import Evaluation
from training.gate.champion import Champion, IncomparableError, held_out_of, predictions_of
from training.gate.evidence import Evidence
from training.gate.gather import gather
from training.metrics import errors
from training.package import Packaged

Make = Callable[..., Champion]


@pytest.fixture(scope="module")
def frame(small_rows: Callable[..., pd.DataFrame]) -> pd.DataFrame:
    return small_rows(400, 0)


def contract_with(**changes: Any) -> Contract:
    """The small contract with other sections, or other columns; None leaves a column out."""
    content = {**SMALL, **{name: value for name, value in changes.items() if name in SMALL}}
    columns = {**content["columns"], **changes.get("column", {})}
    content["columns"] = {name: column for name, column in columns.items() if column is not None}
    return parse_contract({**content, **{name: changes[name] for name in ("split", "gate") if name in changes}})


def gathered(contract: Contract, frame: pd.DataFrame, champion: Champion) -> Evidence:
    rows = held_out(contract, frame)
    return gather(
        contract, evaluation(), packaged(), lambda matrix: np.full(len(matrix), 100.0), rows, champion, shift=False
    )


def evaluation() -> Evaluation:
    interval = Interval(level=0.9, scale="log", half_width=0.2)
    return Evaluation.model_construct(metrics={}, dummy={}, rows=1, interval=interval, robustness=[])


def packaged() -> Packaged:
    return Packaged(run_id="run", digest="d", bytes=1, parity=0.0, latency_ms=1.0, rows={})


def test_under_the_same_contract_all_held_out_rows_count(
    small_contract: Contract, frame: pd.DataFrame, make_champion: Make
) -> None:
    champion = make_champion(small_contract, frame)
    rows = held_out(small_contract, frame)
    assert held_out_of(champion, small_contract, rows).all()
    found = gathered(small_contract, frame, champion)
    assert found.rival is not None
    assert found.incomparable == ""
    assert len(found.errors) == len(found.rival.errors) == len(rows)
    said = champion.bundle.predict(rows.matrix)
    assert np.array_equal(found.rival.errors, errors(small_contract, rows.target, said))


def test_with_another_salt_the_rows_shrink_to_those_that_neither_was_fitted_on(
    small_contract: Contract, frame: pd.DataFrame, make_champion: Make
) -> None:
    before = contract_with(split={"salt": "before"})
    found = gathered(small_contract, frame, make_champion(before, frame))
    then = np.array(assign_splits(before, [frame["flat id"]]))
    now = np.array(assign_splits(small_contract, [frame["flat id"]]))
    both = (then != "train") & (now != "train")
    assert 0 < both.sum() < (now != "train").sum()
    assert found.rival is not None
    assert len(found.errors) == len(found.rival.errors) == both.sum()


def test_a_champion_fitted_on_less_is_asked_about_all_that_are_held_out(
    frame: pd.DataFrame, make_champion: Make
) -> None:
    before, now = contract_with(split={"train": 0.6, "validation": 0.2, "test": 0.2}), contract_with()
    champion = make_champion(before, frame)
    assert held_out_of(champion, now, held_out(now, frame)).all()


def test_other_shares_leave_out_the_rows_that_moved(frame: pd.DataFrame, make_champion: Make) -> None:
    before, now = contract_with(), contract_with(split={"train": 0.5, "validation": 0.25, "test": 0.25})
    rows = held_out(now, frame)
    found = held_out_of(make_champion(before, frame), now, rows)
    then = as_published(before, frame).set_index("flat id")[SPLIT]
    assert np.array_equal(found, (then[rows.frame["flat id"]] != "train").to_numpy())
    assert 0 < (~found).sum() < len(found)


def test_without_a_key_the_champions_own_features_say_what_it_was_fitted_on(
    frame: pd.DataFrame, make_champion: Make
) -> None:
    keyless = {"flat id": None}
    before = contract_with(column={**keyless, "lift": None})
    now = contract_with(column=keyless)
    rows = held_out(now, frame)
    found = held_out_of(make_champion(before, frame.drop(columns="lift")), now, rows)
    then = as_published(before, frame)[SPLIT]
    expected = then[as_published(now, frame)[SPLIT] != "train"]
    assert sorted(found) == sorted(expected != "train")
    assert 0 < found.sum() < len(found)


def test_a_champion_reads_rows_by_its_own_encoder(frame: pd.DataFrame, make_champion: Make) -> None:
    turned = {"type": "category", "categories": ["Villa", "Flat", "Terraced House"]}
    before = contract_with(column={"kind": turned, "lift": None})
    now = contract_with()
    champion, rows = make_champion(before, frame), held_out(now, frame)
    said = predictions_of(champion, now, rows)
    own = held_out(before, frame)  # the key is the same, and so are the splits
    assert np.array_equal(said, champion.bundle.predict(own.matrix))
    assert np.abs(said / rows.target - 1).mean() < 0.2


def test_a_word_that_came_later_is_unknown_to_the_champion(frame: pd.DataFrame, make_champion: Make) -> None:
    now = contract_with(column={"district": {"type": "category", "categories": ["North", "South", "East End"]}})
    found = gathered(now, frame, make_champion(contract_with(), frame))
    assert found.rival is not None


SMALLER = {"type": "category", "categories": ["Flat", "Terraced House"]}
# The champion's columns, and what today's contract has in their place.
INCOMPARABLE: dict[str, tuple[dict[str, Any], str]] = {
    "a column that is gone": ({"column": {"lift": None, "class": None}}, "needs columns that are gone: class, lift"),
    "another unit": (
        {"column": {"area": {"type": "number", "unit": "square feet", "minimum": 5}}},
        "version 3 reads 'area' in m2, which today is 'area' in square feet",
    ),
    "another target": (
        {"target": {"name": "rent", "unit": "USD", "minimum": 1, "transform": "log"}},
        "version 3 predicts 'rent' in EUR, and today's target is 'rent' in USD",
    ),
    "no key": ({"column": {"flat id": None}}, "version 3 needs columns that are gone: flat id"),
    "a key of another type": (
        {"column": {"flat id": {"type": "integer", "role": "key"}}},
        "version 3 tells its training rows by 'flat id' as text, which today is integer",
    ),
}


@pytest.mark.parametrize(("changes", "said"), INCOMPARABLE.values(), ids=INCOMPARABLE.keys())
def test_a_champion_that_cannot_be_compared_says_why(
    frame: pd.DataFrame, make_champion: Make, changes: dict[str, Any], said: str
) -> None:
    now = contract_with(**changes)
    champion = make_champion(contract_with(), frame)
    rows = frame.assign(**{"flat id": range(len(frame))})
    found = gathered(now, rows.drop(columns=[name for name in rows if name not in now.batch_columns]), champion)
    assert found.rival is None
    assert said in found.incomparable
    assert len(found.errors) == len(held_out(now, rows))


def test_a_value_that_the_champions_contract_refuses_is_named(frame: pd.DataFrame, make_champion: Make) -> None:
    few = frame[frame["kind"] != "Villa"]
    champion = make_champion(contract_with(column={"kind": SMALLER}), few)
    with pytest.raises(
        IncomparableError, match=r"version 3 cannot read today's rows: column 'kind': 'Villa' is not in"
    ):
        predictions_of(champion, contract_with(), held_out(contract_with(), frame))


def test_without_a_key_such_a_value_is_refused_too(frame: pd.DataFrame, make_champion: Make) -> None:
    now, few = contract_with(column={"flat id": None}), frame[frame["kind"] != "Villa"]
    champion = make_champion(contract_with(column={"flat id": None, "kind": SMALLER}), few)
    with pytest.raises(IncomparableError, match="column 'kind': 'Villa' is not in the list"):
        held_out_of(champion, now, held_out(now, frame))


def test_a_champion_whose_error_is_not_defined_is_not_compared(frame: pd.DataFrame, make_champion: Make) -> None:
    linear = {"target": {"name": "rent", "unit": "EUR", "minimum": 1}}
    champion = make_champion(contract_with(**linear), frame)
    wide = frame.assign(area=np.where(np.arange(len(frame)) % 2, frame["area"], 5.0), **{"class": 1})
    found = gathered(contract_with(**linear), wide, champion)
    assert found.rival is None
    assert "the error of version 3 is not defined on" in found.incomparable


def test_a_champion_that_saw_every_row_is_not_compared(frame: pd.DataFrame, make_champion: Make) -> None:
    now, before = contract_with(), contract_with(split={"salt": "before"})
    champion = make_champion(before, frame)
    then = as_published(before, frame)
    found = gathered(now, frame[(then[SPLIT] == "train") | (as_published(now, frame)[SPLIT] == "train")], champion)
    assert found.rival is None
    assert "version 3 was fitted on every row that is held out today" in found.incomparable
