import base64
import re

import pytest

from pipeline.contract import parse_contract
from tests.training.card.made_up import (
    IMAGES,
    LINES,
    PLOTS,
    RULES,
    SVG,
    TAGS,
    contract,
    decision,
    evaluation,
    group,
    made_card,
)
from tests.training.card.reading import seen, texts
from training.rules import rule

FACTS = {
    "title": ["Small flats: model card of version 7", "rent team", "data-v3.2.1"],
    "summary": [
        (
            "Predicts rent, in EUR, from 7 columns; on 452 test rows that neither fit nor choice has seen, it is off "
            "by 62.5 EUR on average (95 % interval 55.5 to 71.5 EUR), where always saying the median is off by 250 EUR."
        )
    ],
    "purpose": [
        "What a flat costs a month.",
        "vote (the mean of ridge, gradient_boosting), fitted to the logarithm of the target",
        "a number and its 90 % prediction interval",
        "one of 5 required columns is empty",
        "May be empty",
        "größe des gartens, state",
        "district may hold them, with a warning",
        "Cases whose rent is not what the contract allows (at least 1 EUR)",
        "Numbers outside of what training saw",
    ],
    "data": [
        *("nowhere.csv", "CC BY 4.0", "2020-01-01_2020-07-01", "2,100 train, 450 validation, 452 test"),
        "70 % train, 15 % validation, 15 % test, by a hash of its key (flat id)",
    ],
    "columns": [
        "5 to 1,000",
        "Flat, Terraced House, Villa",
        "North, South (others are accepted, with a warning)",
        "from low to high: poor, fair, good",
        "a date written as %Y-%m-%d, from 1900-01-01 to 2100-01-01",
        *("m2", "event time", "true or false", "at least 0"),
    ],
    "choice": [
        "5-fold cross-validation",
        *("61.2", "88.5", "0.931", "0.921", "-0.0123", "240", "1.2", "chosen"),
        "vote (mean of ridge, gradient_boosting)",
    ],
    "metrics": [
        *("Mean absolute error", "25.0 %", "62.5 EUR", "55.5 to 71.5 EUR"),
        *("Root mean squared error", "1,234 EUR", "1,101 to 1,403 EUR", "2,469 EUR", "50.0 %"),
        *("R²", "0.917", "0.882 to 0.942", "-0.0415"),
        *("Mean absolute log error", "0.0975", "0.088 to 0.107", "0.390"),
        *("Mean absolute percentage error", "9.8 %", "8.9 % to 10.8 %", "49.1 %"),
        *("Root mean squared log error", "0.137"),
    ],
    "interval": [
        "84.8 % (95 % interval 81.2 % to 88.1 %): fewer than promised, and by more than chance explains",
        "from 77.9 % to 128.4 % of the prediction",
        "332 EUR",
    ],
    "slices": [
        *("district = North 271", "0.0815", "91.1 %", "-16.4 %", "244 EUR judged"),
        *("district = South 152", "+30.8 %", "81.5 %", "382 EUR worst"),
        *("district = other 29", "0.212", "75.8 %", "638 EUR too small to judge"),
        "Worst group: district = South",
        "Most recent rows: the last 2 windows 71 0.113 +15.4 % 88.7 %",
        "Without any test row: area = under 50.",
    ],
    "robustness": [
        "Change under small perturbations is 0.0125, and must be at most 0.05",
        "of 452 rows",
        "Largest drop of a prediction as area rises is 0.1875, and must be at most 0.125: 0.0625 too much failed",
        "More area raises the prediction; up to 12.5 % the other way is tolerated.",
    ],
    "importance": ["area 0.214 0.202 to 0.226", "lift 0.001 -0.002 to 0.003", "may do as well (1): lift"],
    "explained": [
        "The largest error",
        "Predicted 1,875 EUR; true is 1,250 EUR: 625 EUR too high.",
        *("1,410", "area 171.5 m2 +512", "district South -61.5", "lift yes +14.5"),
    ],
    "gate": [
        "Promoted over version 6; all 3 rules passed.",
        "Held-out rows is 902, and must be at least 30 passed",
        "Small slices: 1 slice does not count: other",
        "+3 % (29) passed",
        "3 rules, all of which it passed.",
    ],
    "comparison": [
        "On 902 held-out rows of the last windows, since monitoring has found a shift",
        *("Version 6, which was live 0.114", "Version 7, this one 0.102"),
        "+10.6 % (95 % interval +4.2 % to +16.9 %)",
        "for sure 0.75 %",
    ],
    "limits": [
        "Not robust: largest drop of a prediction as area rises is 0.1875",
        "The prediction interval holds 84.8 % of the test rows, not 90 %",
        "The prediction interval holds least for district = South: 81.5 % of 152 test rows.",
        "It is worst for district = South: its mean absolute log error is 30.8 % above that of all rows",
        "It is worse on the most recent rows (the last 2 windows)",
        "Too small to judge, with fewer than 30 test rows: district = other.",
        "what the contract expects of a column, by up to: area 12.5 %",
        "It is fitted to logarithms",
    ],
    "lineage": [
        *(TAGS[name] for name in ("git_commit", "lock_hash", "contract_data_hash", "contract_model_hash", "libraries")),
        *(TAGS["bundle_digest"], "Seed 3", "the error was over its limit", "Colour of the shed green"),
        "mlops train reproduce 7 --model small",
    ],
}


@pytest.mark.parametrize("facts", FACTS.values(), ids=FACTS.keys())
def test_page_and_markdown_tell_every_fact(facts: list[str]) -> None:
    page, markdown = texts(made_card())
    assert [fact for fact in facts if fact not in page] == []
    unstacked = markdown.replace("): ", ") ").replace(": ", " ")  # small print stands behind a colon there
    assert [fact for fact in facts if fact.replace("): ", ") ").replace(": ", " ") not in unstacked] == []


def test_the_same_facts_give_the_same_card() -> None:
    assert made_card() == made_card()


def test_plots_stand_in_the_page_and_beside_the_markdown() -> None:
    both = seen(made_card())
    inside = [image["src"] for image in both["html"].all("img")]
    beside = [image["src"] for image in both["markdown"].all("img")]
    held = {base64.b64decode(str(source).removeprefix("data:image/svg+xml;base64,")) for source in inside}
    assert held == set(IMAGES.values())
    assert sorted(map(str, beside)) == sorted(f"plots/{name}.svg" for name in PLOTS)
    for form in both.values():
        assert all(len(str(image["alt"])) > 30 for image in form.all("img"))


def test_a_plot_that_a_fork_adds_stands_at_the_end() -> None:
    made = made_card(images={**IMAGES, "my error map.svg": SVG})
    assert "More plots" in texts(made)[0]
    assert "](plots/my%20error%20map.svg)" in made.markdown


def test_a_card_without_plots_shows_none() -> None:
    both = seen(made_card(images={}))
    assert [form.all("img") for form in both.values()] == [[], []]


def test_the_page_runs_nothing_and_fetches_nothing() -> None:
    page = seen(made_card())["html"]
    policy = [attributes["content"] for attributes in page.all("meta") if "http-equiv" in attributes]
    assert policy == ["default-src 'none'; style-src 'unsafe-inline'; img-src data:"]
    assert not {tag for tag, _ in page.elements} & {"script", "link", "iframe", "object", "svg", "form"}
    addresses = [attributes["href"] for attributes in page.all("a")]
    places = [f"#{attributes['id']}" for attributes in page.all("section") if "id" in attributes]
    assert addresses == places
    assert len(places) == 14


def test_failed_rules_stand_first_and_are_marked() -> None:
    rules = [*RULES, rule("Median latency of one row", 31.5, "at most", 20)]
    refused = decision(passed=False, rules=rules, sentence="Refused: median latency of one row is 31.5.")
    made = made_card(decision=refused)
    for text in texts(made):
        assert "efused" in text.split("Mean absolute error")[0]
        assert "4 rules, of which 1 refused it." in text
        assert text.index("Median latency of one row is 31.5, and must be at most 20") < text.index("Held-out rows is")
    assert '<section class="verdict refused">' in made.html
    row = r'<tr class="bad"><td class="">Median latency of one row is 31.5'
    assert re.search(row, made.html)


def test_a_first_model_is_compared_with_none() -> None:
    for text in texts(made_card(decision=decision(compared=None, sentence="Promoted as the first model."))):
        assert "No model was live to compare with: this is the first one" in text
        assert "It was compared with no other version that has been live." in text
        assert "Gain over version" not in text


def test_a_model_that_could_not_be_compared_is_not_called_the_first() -> None:
    by_limits = contract(gate={"incomparable": "limits"})
    alone = decision(compared=None)
    for made in (
        made_card(contract=by_limits, decision=alone),
        made_card(decision=decision(passed=False, compared=None)),
    ):
        for text in texts(made):
            assert "this is the first one" not in text
            assert "It was compared with no live model" in text


def test_what_is_not_defined_is_said_to_be_not_defined() -> None:
    unknown = evaluation(metrics={}, dummy={}, coverage=None, worst=None, recent=None, explained=[], importance=[])
    for text in texts(made_card(evaluation=unknown, candidates=[], tags={}, images={})):
        assert "how far it is usually off is not defined on 452 test rows" in text
        assert "The mean absolute error is not defined on the test rows." in text
        assert "The R² is not defined on the test rows." in text
        assert "Whether the prediction interval holds what it promises is not defined." in text
        assert "All rows are of one window" in text
        assert "No row was explained." in text
        assert "It was not measured." in text
        assert "The scores of the candidates are not recorded." in text
        assert "The commit of its code is not recorded." in text
        assert "The lock of its libraries is not recorded." in text
        assert "nan" not in text.lower().split()


def test_an_interval_that_is_not_defined_is_no_number() -> None:
    one = evaluation().metrics["mae"].model_copy(update={"low": None, "high": None})
    page, markdown = texts(made_card(evaluation=evaluation(metrics={"mae": one}, coverage=one)))
    assert "it is off by 62.5 EUR on average, where" in page
    assert "62.5 EUR not defined 250 EUR" in page
    assert "how sure that is, is not defined" in markdown


def test_a_contract_without_slices_and_expectations_is_told_of() -> None:
    plain = contract(gate={})
    bare = evaluation(slices=[], worst=None, robustness=[])
    for text in texts(made_card(contract=plain, evaluation=bare)):
        assert "The contract names no groups (gate.slices), so none were looked at apart." in text
        assert "No groups were looked at apart, so it is not known whether it is worse for some." in text
        assert "The contract states no expectations (gate.expectations)." in text
        assert "No rule of robustness was tried." in text
        assert "All test rows" in text


BARE = {
    "name": "bare",
    "columns": {"x": {"type": "number"}, "old": {"type": "integer", "unit": "year", "minimum": 1850, "maximum": 2030}},
    "target": {"name": "y"},
    "ingestion": {"source": "rows.csv"},
    "training": {"candidates": {"vote": {"kind": "ridge"}}},
}


def test_a_contract_without_units_keys_times_and_words_has_a_card() -> None:
    metrics = {name: evaluation().metrics[name] for name in ("mae", "rmse", "r2")}
    measured = evaluation(error="mae", metrics=metrics, slices=[], worst=None)
    for text in texts(made_card(contract=parse_contract(BARE), evaluation=measured)):
        assert "bare: model card of version 7" in text
        assert "Predicts y, from 2 columns; on 452 test rows" in text
        assert "it is off by 62.5 on average" in text
        assert "of all its features, as there is no key" in text
        assert "none: rows have no time of their own" in text
        assert "1850 to 2030" in text
        assert "mean absolute log error, root mean squared log error, mean absolute percentage error" in text
        assert "The contract does not describe it." in text
        assert "The licence of its data is not known." in text
        assert "Nobody owns it yet." in text
        assert "logarithm" not in text
        assert "EUR" not in text
        assert "None" not in text


def test_code_that_no_commit_holds_is_a_caveat() -> None:
    changed = {**TAGS, "git_commit": f"{TAGS['git_commit']}-dirty"}
    told = "It was made by code that no commit holds"
    assert told in texts(made_card(tags=changed))[0]
    assert told not in texts(made_card())[0]


def test_a_good_model_has_no_caveats_that_are_not_its_own() -> None:
    good = evaluation(
        coverage=evaluation().metrics["r2"].model_copy(update={"value": 0.902, "low": 0.88, "high": 0.92}),
        slices=[group("district", "North", 300, 0.09, 0.91)],
        worst=group("district", "North", 300, 0.09, 0.91),
        recent=group("window", "the last window", 71, 0.09, 0.9),
        robustness=[],
    )
    for text in texts(made_card(evaluation=good)):
        assert "It is worst for" not in text
        assert "It is worse on" not in text
        assert "holds least" not in text
        assert "Not robust" not in text
        assert "Too small to judge" not in text
        assert "): as promised" in text or ") as promised" in text


def test_many_windows_are_told_by_the_first_and_the_last() -> None:
    windows = [f"rows-{start}_{start + 10}" for start in range(0, 500, 10)]
    for text in texts(made_card(tags={**TAGS, "windows": ", ".join(windows)})):
        assert "data-v3.2.1: 50 windows, from rows-0_10 to rows-490_500" in text
        assert "rows-380_390, rows-390_400 and 10 more" in text


def test_many_groups_are_cut_to_the_largest() -> None:
    many = [group("district", f"d{rows:03}", rows) for rows in range(1, 101)]
    for text in texts(made_card(evaluation=evaluation(slices=many))):
        assert "district = d100" in text
        assert "district = d020" not in text
        assert "20 more groups with fewer rows: in evaluation.json" in text


def test_candidates_are_told_in_their_order() -> None:
    for text in texts(made_card()):
        chosen = text.split("How it was chosen")[-1]
        places = [chosen.index(line.candidate) for line in LINES]
        assert places == sorted(places)
