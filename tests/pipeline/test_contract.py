import re
from collections.abc import Callable
from copy import deepcopy
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from pipeline.contract import Contract, ContractError, Window, load_contract, load_contracts, parse_contract
from pipeline.contract.words import fold

HERE = Path(__file__).parent
INVALID = sorted((HERE / "invalid_contracts").glob("*.yaml"))
GUIDE = HERE.parents[1] / "docs" / "contract.md"

MINIMAL: dict[str, Any] = {
    "name": "flats",
    "columns": {
        "id": {"type": "text"},
        "area": {"type": "number", "minimum": 5, "maximum": 500, "description": "Floor area"},
        "kind": {"type": "category", "categories": ["flat", "house"]},
    },
    "target": {"name": "rent", "minimum": 1},
    "ingestion": {"source": "flats.csv"},
    "training": {"candidates": {"ridge": {"kind": "ridge", "parameters": {"alpha": 1.0, "solver": "svd"}}}},
}


def changed(**sections: Any) -> Contract:
    return parse_contract({**deepcopy(MINIMAL), **sections})


def with_column(name: str, **keys: Any) -> Contract:
    return changed(columns={**MINIMAL["columns"], name: {**MINIMAL["columns"].get(name, {}), **keys}})


@pytest.mark.parametrize("path", INVALID, ids=lambda path: path.stem)
def test_an_invalid_contract_is_refused_with_the_message_that_its_first_line_expects(path: Path) -> None:
    first = path.read_text(encoding="utf-8").splitlines()[0]
    expected = first.removeprefix("# expect: ")
    assert expected not in ("", first), "each file begins with `# expect: <text of the message>`"

    with pytest.raises(ContractError) as refused:
        load_contract(path)

    assert expected in str(refused.value)
    assert str(path) in str(refused.value)


def test_every_fault_of_a_contract_is_named_at_once() -> None:
    with pytest.raises(ContractError) as refused:
        changed(split={"train": 2}, serving={"smoke_rows": 0}, owner=7)

    assert [line.split(": ")[1] for line in str(refused.value).splitlines()] == [
        "owner",
        "split.train",
        "serving.smoke_rows",
    ]


def test_words_that_are_no_texts_are_not_called_too_few_as_well() -> None:
    with pytest.raises(ContractError) as refused:
        with_column("kind", type="category", categories=[True, False])

    assert [line.split(": ")[1] for line in str(refused.value).splitlines()] == [
        "columns.kind.categories.0",
        "columns.kind.categories.1",
    ]


def test_the_default_contract_has_26_features_a_key_and_an_event_time(house_prices: Contract) -> None:
    assert len(house_prices.features) == 26
    assert len(house_prices.key) == 1
    assert house_prices.event_time is not None
    assert len(house_prices.batch_columns) == 26 + 1 + 1 + 1
    assert house_prices.target.name not in house_prices.columns


@pytest.mark.parametrize(
    "change",
    [
        lambda: with_column("area", minimum=6),
        lambda: with_column("area", unit="m2"),
        lambda: with_column("area", required=False),
        lambda: with_column("kind", categories=["flat", "house", "villa"]),
        lambda: with_column("kind", categories=["house", "flat"]),
        lambda: with_column("kind", open=True),
        lambda: with_column("floors", type="integer"),
        lambda: changed(split={"train": 0.6, "validation": 0.2, "test": 0.2}),
        lambda: changed(split={"salt": "another"}),
        lambda: changed(target={"name": "cost", "minimum": 1}),
    ],
)
def test_what_rows_mean_changes_both_hashes(change: Callable[[], Contract]) -> None:
    assert change().data_hash != changed().data_hash
    assert change().model_hash != changed().model_hash


@pytest.mark.parametrize(
    "change",
    [
        lambda: changed(training={"candidates": {"ridge": {"kind": "ridge"}}}),
        lambda: changed(training={**MINIMAL["training"], "seed": 7}),
        lambda: changed(target={"name": "rent", "minimum": 1, "transform": "log"}),
    ],
)
def test_how_a_model_is_fitted_changes_the_model_hash_only(change: Callable[[], Contract]) -> None:
    assert change().data_hash == changed().data_hash
    assert change().model_hash != changed().model_hash


@pytest.mark.parametrize(
    "change",
    [
        lambda: changed(title="Flats", description="What a flat costs", owner="somebody"),
        lambda: with_column("area", description="Area of all floors", example=70),
        lambda: with_column("area", minimum=5.0),
        lambda: changed(monitoring={"window_days": 3}, gate={"share_of_dummy": 0.5}),
        lambda: changed(
            training={"candidates": {"ridge": {"parameters": {"solver": "svd", "alpha": 1.0}, "kind": "ridge"}}}
        ),
    ],
)
def test_words_thresholds_and_the_order_of_keys_change_no_hash(change: Callable[[], Contract]) -> None:
    assert change().data_hash == changed().data_hash
    assert change().model_hash == changed().model_hash


def test_a_contract_survives_its_way_through_json(house_prices: Contract, small_contract: Contract) -> None:
    for contract in (house_prices, small_contract):
        assert Contract.model_validate_json(contract.model_dump_json()) == contract


def test_yaml_anchors_and_merge_keys_can_be_used(tmp_path: Path) -> None:
    path = tmp_path / "flats.yaml"
    path.write_text(
        "name: flats\n"
        "columns:\n"
        "  width: &length {type: number, unit: m, minimum: 0}\n"
        "  height: {<<: *length, minimum: 1}\n"
        "target: {name: rent}\n"
        "ingestion: {source: flats.csv}\n"
        "training: {candidates: {ridge: {kind: ridge}}}\n"
    )

    height = load_contract(path).features["height"]

    assert height.unit == "m"
    assert height.allowed == "a number of at least 1"


def test_a_file_must_be_called_as_its_contract_is(tmp_path: Path, house_prices: Contract) -> None:
    (tmp_path / "houses.yaml").write_text(house_prices.model_dump_json(), encoding="utf-8")

    with pytest.raises(ContractError, match=r"call the file house_prices\.yaml"):
        load_contracts(tmp_path)


def test_a_folder_without_contracts_is_named(tmp_path: Path) -> None:
    with pytest.raises(ContractError, match=f"{re.escape(str(tmp_path))}: holds no contract"):
        load_contracts(tmp_path)


@pytest.mark.parametrize("content", [None, b"\xff\xfe\x00"])
def test_a_file_that_cannot_be_read_is_named(tmp_path: Path, content: bytes | None) -> None:
    path = tmp_path / "flats.yaml"
    if content:
        path.write_bytes(content)

    with pytest.raises(ContractError, match=r"flats\.yaml: cannot be read"):
        load_contract(path)


def test_every_example_that_is_made_up_is_allowed_by_its_own_column() -> None:
    columns = {
        "free": {"type": "number"},
        "low": {"type": "number", "maximum": -3},
        "between": {"type": "number", "minimum": 2, "maximum": 3},
        "not quite whole": {"type": "integer", "minimum": 0.5},
        "few": {"type": "integer", "maximum": -0.5},
        "many": {"type": "integer"},
        "kind": {"type": "category", "categories": ["flat", "house"]},
        "lift": {"type": "boolean"},
    }
    contract = changed(columns=columns)

    assert {
        name: column.allows(contract.example()[name]) for name, column in contract.features.items()
    } == dict.fromkeys(columns, True)


def test_the_example_of_the_default_contract_is_allowed_by_it(house_prices: Contract) -> None:
    example = house_prices.example()

    assert [name for name, column in house_prices.features.items() if not column.allows(example[name])] == []


@pytest.mark.parametrize(
    ("words", "same"),
    [
        (("Terraced House", " terraced   HOUSE "), True),
        (("gro\u0308\u00dfe", "GRÖSSE"), True),  # decomposed, and the sharp s
        (("ﬁve", "five"), True),  # a ligature
        (("no break", "no\u00a0break"), True),
        (("flat", "flats"), False),
        (("Größe", "Grosse"), False),
    ],
)
def test_words_are_compared_without_case_spaces_and_spelling_of_unicode(words: tuple[str, str], same: bool) -> None:
    assert (fold(words[0]) == fold(words[1])) is same


@pytest.mark.parametrize(
    ("window", "name"),
    [
        (Window(), "all"),
        (Window(start=date(2006, 1, 1), end=date(2009, 1, 1)), "2006-01-01_2009-01-01"),
        (Window(start="2006-01-01"), "2006-01-01_end"),
        (Window(end=date(2009, 1, 1)), "begin_2009-01-01"),
        (Window(start=0, end=300), "rows-0_300"),
        (Window(start="300"), "rows-300_end"),
        (Window(end=300), "rows-begin_300"),
    ],
)
def test_a_window_has_a_name_for_files_and_survives_json(window: Window, name: str) -> None:
    assert window.id == name
    assert Window.model_validate(window.model_dump(mode="json")) == window


@pytest.mark.parametrize("edge", [True, "", "2006-1-1", "soon", "\uff11\uff12", 1.5, "2006-01-01T05:00:00"])
def test_an_edge_that_is_neither_a_date_nor_a_position_is_refused(edge: Any) -> None:
    with pytest.raises(ValidationError):
        Window(start=edge)


@pytest.mark.parametrize(
    ("one", "other", "overlap"),
    [
        (Window(start=0, end=300), Window(start=300, end=600), False),
        (Window(start=0, end=301), Window(start=300, end=600), True),
        (Window(end=300), Window(start=300), False),
        (Window(start=300), Window(start=900), True),
        (Window(), Window(start=0, end=1), True),
        (Window(start=date(2006, 1, 1), end=date(2007, 1, 1)), Window(start=date(2006, 12, 31)), True),
        (Window(end=date(2007, 1, 1)), Window(start=date(2007, 1, 1)), False),
    ],
)
def test_windows_are_half_open_and_overlap_is_symmetric(one: Window, other: Window, overlap: bool) -> None:
    assert one.overlaps(other) is overlap
    assert other.overlaps(one) is overlap


def test_windows_of_two_kinds_cannot_be_compared() -> None:
    with pytest.raises(ValueError, match="both have dates or both row positions"):
        Window(start=1).overlaps(Window(end=date(2006, 1, 1)))


def test_an_open_window_is_neither_by_position_nor_by_date() -> None:
    assert (Window().by_position, Window().by_date) == (False, False)
    assert (Window(start=0).by_position, Window(start=0).by_date) == (True, False)
    assert (Window(end=date(2007, 1, 1)).by_position, Window(end=date(2007, 1, 1)).by_date) == (False, True)


def test_the_guide_shows_a_complete_contract_that_can_be_loaded(tmp_path: Path) -> None:
    block = re.search(r"```yaml\n(# contracts/flats\.yaml\n.*?)```", GUIDE.read_text(encoding="utf-8"), re.DOTALL)
    assert block is not None
    path = tmp_path / "flats.yaml"
    path.write_text(block[1], encoding="utf-8")

    contract = load_contracts(tmp_path)["flats"]

    assert {column.type for column in contract.columns.values()} == {
        "number",
        "integer",
        "boolean",
        "category",
        "text",
        "date",
    }


def test_the_guide_explains_every_section_and_every_key() -> None:
    guide = GUIDE.read_text(encoding="utf-8")
    named = {word for dotted in re.findall(r"`([\w.]+)`", guide) for word in dotted.split(".")}

    assert sorted(_property_names(Contract.model_json_schema()) - named) == []


def _property_names(schema: Any) -> set[str]:
    if isinstance(schema, list):
        return set().union(*map(_property_names, schema))
    if not isinstance(schema, dict):
        return set()
    return set(schema.get("properties", {})).union(*map(_property_names, schema.values()))
