"""A made-up model version: its contract, evaluation and decision, with numbers that are easy to find again."""

from typing import Any

from pipeline.bootstrap import Estimate
from pipeline.bundle.format import Interval
from pipeline.contract import Contract, parse_contract
from tests.conftest import SMALL
from training.card import Card, card
from training.evaluation.document import Contribution, Evaluation, Explained, Importance, SliceResult
from training.gate.decision import Compared, Decision
from training.leaderboard import Line
from training.rules import Rule, rule

GATE = {
    "slices": {"district": {}, "area": {"edges": [50, 100]}},
    "expectations": {"area": {"direction": "increasing", "tolerance": 0.125}},
    "minimum_gain": 0.0075,
}
TEXTS = {
    "description": "What a flat costs a month.",
    "owner": "rent team",
    "licence": "CC BY 4.0",
    "gate": GATE,
}
TAGS = {
    "data_version": "data-v3.2.1",
    "reason": "the error was over its limit",
    "candidate": "vote",
    "seed": "3",
    "git_commit": "c0ffee" * 6 + "c0ff",
    "lock_hash": "10c4" * 16,
    "contract_data_hash": "da7a" * 4,
    "contract_model_hash": "30de1" * 3,
    "bundle_digest": "b00d1e" * 10,
    "libraries": "numpy 2.3.1, scikit-learn 1.9.0",
    "gate": "Passed.",
    "windows": "2020-01-01_2020-07-01",
    "rows_train": "2100",
    "rows_validation": "450",
    "rows_test": "452",
    "colour_of_the_shed": "green",
}
LINES = [
    Line(candidate="vote", mae=61.25, rmse=88.5, r2=0.9312, seconds=0.4),
    Line(candidate="ridge", mae=64.75, rmse=91.5, r2=0.9211, seconds=1.25),
    Line(candidate="dummy", mae=240.5, rmse=310.5, r2=-0.0123, seconds=0.01),
]
SVG = b'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 4 3"><circle r="1" cx="2" cy="1"/></svg>'
PLOTS = ("predicted_against_true", "residuals", "slices", "importance", "interval_coverage")
IMAGES = {f"{name}.svg": SVG.replace(b"circle", f'circle id="{name}"'.encode()) for name in PLOTS}


def contract(**changes: Any) -> Contract:
    """Return the small contract with slices, expectations and a vote."""
    candidates = {**SMALL["training"]["candidates"], "vote": {"kind": "vote", "of": ["ridge", "gradient_boosting"]}}  # type: ignore[index]
    training = {**SMALL["training"], "candidates": candidates}  # type: ignore[dict-item]
    return parse_contract({**SMALL, **TEXTS, "training": training, **changes})


def estimate(value: float, low: float | None, high: float | None) -> Estimate:
    return Estimate(value=value, low=low, high=high)


def group(column: str, name: str, rows: int, error: float = 0.1, coverage: float = 0.9) -> SliceResult:
    if not rows:
        return SliceResult(column=column, group=name, rows=0, metrics={}, coverage=None, width=None)
    metrics = {"mae": 600 * error, "mean_abs_log_error": error}
    return SliceResult(column=column, group=name, rows=rows, metrics=metrics, coverage=coverage, width=3000 * error)


WORST = group("district", "South", 152, 0.1275, 0.815)
SLICES = [
    group("district", "North", 271, 0.0815, 0.911),
    WORST,
    group("district", "other", 29, 0.2125, 0.7585),
    group("area", "under 50", 0),
    group("area", "50 to 100", 402, 0.0925, 0.8965),
    group("area", "100 and more", 50, 0.0875, 0.9),
]
ROBUSTNESS = [
    rule("Change under small perturbations", 0.0125, "at most", 0.05, note="of 452 rows"),
    rule("Largest drop of a prediction as area rises", 0.1875, "at most", 0.125),
]
EXPLAINED = Explained(
    title="The largest error",
    actual=1250.0,
    predicted=1875.0,
    base=1410.0,
    contributions=[
        Contribution(feature="area", value="171.5 m2", effect=512.0),
        Contribution(feature="district", value="South", effect=-61.5),
        Contribution(feature="lift", value="yes", effect=14.5),
    ],
)


def evaluation(**changes: Any) -> Evaluation:
    """Return an evaluation on 452 test rows."""
    made = Evaluation(
        error="mean_abs_log_error",
        rows=452,
        metrics={
            "mae": estimate(62.5, 55.5, 71.5),
            "rmse": estimate(1234.5, 1101.4, 1402.6),
            "r2": estimate(0.9175, 0.8825, 0.9415),
            "mean_abs_log_error": estimate(0.0975, 0.0885, 0.1075),
            "mape": estimate(0.0985, 0.0895, 0.1085),
            "rmsle": estimate(0.1365, 0.1215, 0.1525),
        },
        dummy={"mae": 250.0, "rmse": 2469.0, "r2": -0.0415, "mean_abs_log_error": 0.39, "mape": 0.4915},
        interval=Interval(level=0.9, scale="log", half_width=0.25),
        coverage=estimate(0.8475, 0.8125, 0.8815),
        width=331.5,
        slices=SLICES,
        worst=WORST,
        recent=group("window", "the last 2 windows", 71, 0.1125, 0.887),
        robustness=ROBUSTNESS,
        importance=[
            Importance(feature="area", increase=0.2137, low=0.2016, high=0.2256),
            Importance(feature="lift", increase=0.0006, low=-0.0016, high=0.0026),
        ],
        explained=[EXPLAINED],
    )
    return made.model_copy(update=changes)


COMPARED = Compared(
    champion=6,
    error="mean_abs_log_error",
    deciding="recent",
    rows=902,
    champion_error=0.1135,
    challenger_error=0.1015,
    gain=estimate(0.1057, 0.0421, 0.1693),
)
RULES = [
    rule("Held-out rows", 902, "at least", 30),
    Rule(name="small slices", passed=True, value=1, limit=None, sentence="1 slice does not count: other (+3 % (29))"),
    rule("Surely gained over version 6", 0.0365, "at least", 0.0075, note="on 902 rows"),
]


def decision(**changes: Any) -> Decision:
    """Return a decision that promotes the challenger over version 6."""
    made = Decision(
        passed=True, rules=RULES, sentence="Promoted over version 6; all 3 rules passed.", compared=COMPARED
    )
    return made.model_copy(update=changes)


def made_card(**changes: Any) -> Card:
    """Return the card of version 7 of all this, with some of it changed."""
    facts: dict[str, Any] = {
        "contract": contract(),
        "version": 7,
        "tags": TAGS,
        "evaluation": evaluation(),
        "decision": decision(),
        "candidates": LINES,
        "images": IMAGES,
    }
    return card(**{**facts, **changes})
