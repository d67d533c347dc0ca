import xml.etree.ElementTree as ET
from typing import Any

import matplotlib as mpl
import numpy as np
import pytest

from pipeline.bundle.format import Interval
from pipeline.contract import Contract, parse_contract
from tests.training.evaluation.made import (
    BALANCE,
    INTERVAL,
    Numbers,
    as_part,
    balance,
    balances,
    flats,
    nowhere,
    small,
    true_profit,
    true_rent,
)
from training.data import Part
from training.evaluation.assess import assess
from training.evaluation.document import Evaluation
from training.evaluation.plots import plots

WIDE = Interval(level=0.9, scale="identity", half_width=2)
CONTRACT = small(slices={"kind": {}, "state": {}, "area": {"edges": [60, 120]}})
ALL = {"predicted_against_true", "residuals", "slices", "importance", "interval_coverage"}


def drawn(contract: Contract, part: Part, predict: Any, interval: Interval = INTERVAL) -> dict[str, bytes]:
    evaluation = assess(contract, predict, {"train": part, "validation": part, "test": part}, interval)
    return plots(contract, evaluation, part, predict(part.matrix))


def texts(image: bytes) -> list[str]:
    """The texts of an SVG image, which it must be."""
    return [node.text or "" for node in ET.fromstring(image).iter("{http://www.w3.org/2000/svg}text")]  # noqa: S314 (our own)


@pytest.fixture(scope="module")
def evaluation() -> Evaluation:
    part = flats(CONTRACT)
    return assess(CONTRACT, true_rent, {"train": part, "validation": part, "test": part}, INTERVAL)


@pytest.fixture(scope="module")
def images(evaluation: Evaluation) -> dict[str, bytes]:
    part = flats(CONTRACT)
    return plots(CONTRACT, evaluation, part, true_rent(part.matrix))


def test_every_plot_is_drawn(images: dict[str, bytes]) -> None:
    assert set(images) == {f"{name}.svg" for name in ALL}


def test_plots_say_in_text_what_they_show(images: dict[str, bytes]) -> None:
    assert {"Predicted against true values", "True rent (EUR)", "Predicted rent (EUR)", "90% interval"} <= set(
        texts(images["predicted_against_true.svg"])
    )
    assert {"kind", "Terraced House", "state", "missing", "under 60", "60 to 120", "rows"} <= set(
        texts(images["slices.svg"])
    )
    assert "größe des gartens" in texts(images["importance.svg"])
    assert {"all rows", "Villa", "90%"} <= set(texts(images["interval_coverage.svg"]))
    assert {"0%", "+10%", "-10%"} <= set(texts(images["residuals.svg"]))


def test_the_same_input_gives_the_same_bytes(evaluation: Evaluation, images: dict[str, bytes]) -> None:
    part = flats(CONTRACT)
    assert plots(CONTRACT, evaluation, part, true_rent(part.matrix)) == images


def test_settings_of_others_are_left_alone(images: dict[str, bytes]) -> None:
    assert mpl.rcParams["svg.fonttype"] == "path"
    assert mpl.rcParams["svg.hashsalt"] is None


def test_of_many_rows_some_points_are_drawn() -> None:
    image = drawn(small(), flats(small(), 2_000), true_rent)["predicted_against_true.svg"]
    points = [node for node in ET.fromstring(image).iter("{http://www.w3.org/2000/svg}use")]  # noqa: S314, C416 (our own)
    assert 1_400 < len(points) < 1_600
    assert len(image) < 300_000


def test_small_groups_have_no_coverage_of_their_own() -> None:
    contract = small(slices={"district": {}}, slice_rows=30)
    found = drawn(contract, flats(contract), true_rent)
    assert "other" in texts(found["slices.svg"])
    assert "other" not in texts(found["interval_coverage.svg"])


def more(matrix: Any) -> Numbers:
    return true_profit(matrix) + 1


def test_a_contract_without_slices_has_no_plot_of_them() -> None:
    found = drawn(balance(), balances(balance()), more, WIDE)
    assert set(found) == {f"{name}.svg" for name in ALL - {"slices"}}
    assert "Predicted - true profit ($)" in texts(found["residuals.svg"])


def test_many_groups_are_cut_to_the_largest() -> None:
    contract = small(slices={"area": {"edges": list(range(21, 199, 2))}})
    found = texts(drawn(contract, flats(contract, 500), true_rent)["slices.svg"])
    assert sum(" to " in text or " and more" in text or "under " in text for text in found) == 30


def test_rows_without_a_finite_prediction_are_left_out(evaluation: Evaluation) -> None:
    part = flats(CONTRACT)
    predicted = true_rent(part.matrix)
    predicted[:10] = [np.nan, np.inf, 0, -1, *[np.nan] * 6]
    assert "290" in texts(plots(CONTRACT, evaluation, part, predicted)["interval_coverage.svg"])
    assert plots(CONTRACT, evaluation, part, nowhere(part.matrix)) == {}


def test_letters_of_any_language_and_signs_of_mathematics_are_text() -> None:
    words = ["東京", "$a$ $b$", "Zürich <&>"]
    columns = BALANCE["columns"] | {"shop": {"type": "category", "categories": words}}
    contract = parse_contract(BALANCE | {"columns": columns, "gate": {"slices": {"shop": {}}}})
    part = as_part(contract, balances(balance()).frame.assign(shop=np.resize(words, 300)))
    assert set(words) <= set(texts(drawn(contract, part, more, WIDE)["slices.svg"]))


def test_a_single_row_is_drawn(evaluation: Evaluation) -> None:
    one = flats(CONTRACT).take(np.array([0]))
    assert set(plots(CONTRACT, evaluation, one, true_rent(one.matrix))) == {f"{name}.svg" for name in ALL}
