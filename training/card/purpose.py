"""What the model is for, and what it is not for, as the contract says it."""

from collections.abc import Iterator

from pipeline.contract import CategoryColumn, IntegerColumn, NumberColumn
from training.card.content import Bullets, Chapter, Subheading, Table
from training.card.facts import Facts
from training.card.wording import count, exactly, limits, listed, share


def purpose(facts: Facts) -> Chapter:
    """Return what goes in, what comes out, and where the model has no say."""
    return Chapter(
        "What it is for, and what not",
        [Table(("", ""), list(_uses(facts))), Subheading("Not for"), Bullets(list(_not_for(facts)))],
    )


def _kind(facts: Facts) -> str:
    name = facts.tags.get("candidate", "")
    candidate = facts.contract.training.candidates.get(name)
    if candidate is None:
        return name or "a candidate that is not recorded"
    return f"{name} (the mean of {listed(candidate.of)})" if candidate.of else f"{name} ({_plain(candidate.kind)})"


def _uses(facts: Facts) -> Iterator[tuple[str, str]]:
    contract, target = facts.contract, facts.contract.target
    yield "Purpose", contract.description or "The contract does not describe it."
    yield "Predicts", f"{target.name}: {target.description}" if target.description else target.name
    yield "Unit", target.unit or "none that the contract names"
    yield "Inputs", f"{count(len(contract.features), 'column')}, listed under Columns"
    yield "Answers with", f"a number and its {share(facts.evaluation.interval.level)} prediction interval"
    scale = ", fitted to the logarithm of the target" if target.transform == "log" else ""
    yield "Model", _kind(facts) + scale
    yield "Trained on", facts.data_version + _windows(facts.windows)
    if empty := [name for name, column in contract.features.items() if not column.required]:
        yield "May be empty", listed(empty)
    yield "Owner", contract.owner


def _not_for(facts: Facts) -> Iterator[str]:
    features, target = facts.contract.features, facts.contract.target
    required = [name for name, column in features.items() if column.required]
    open_lists = [name for name, column in features.items() if isinstance(column, CategoryColumn) and column.open]
    if required:
        yield f"Rows in which one of {count(len(required), 'required column')} is empty: they are refused."
    yield "Rows with a value that the contract does not allow: they are refused. Columns lists what is allowed."
    if open_lists:
        yield f"Words that the contract does not list: {listed(open_lists)} may hold them, with a warning."
    if any(isinstance(column, NumberColumn | IntegerColumn) for column in features.values()):
        yield "Numbers outside of what training saw: the answer has a warning, and nobody knows how far off it is."
    if allowed := limits(target.minimum, target.maximum, exactly):
        unit = f" {target.unit}" if target.unit else ""
        yield f"Cases whose {target.name} is not what the contract allows ({allowed}{unit}): the data holds none."
    yield f"Rows unlike those of {facts.data_version}: all numbers of this card are about rows like them."
    yield "Deciding by itself: this card measures errors; what may rest on them is for its owner to say."


def _windows(found: list[str]) -> str:
    if len(found) > 2:
        return f": {len(found):,} windows, from {found[0]} to {found[-1]}"
    return f": window {' and '.join(found)}" if found else ""


def _plain(kind: str) -> str:
    return kind.replace("_", " ")
