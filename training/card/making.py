"""How the model came about: how it was chosen, from what data, and how to make it again."""

from collections.abc import Iterator

from pipeline.split import SPLITS
from training.card.columns import columns_table
from training.card.content import Cell, Chapter, Code, Command, Paragraph, State, Table
from training.card.facts import NOT_RECORDED, Facts
from training.card.wording import count, exactly, listed, number, share
from training.leaderboard import Line

# Tags with a chapter of their own, and what the others are called.
_ELSEWHERE = ("gate", "windows", *(f"rows_{split}" for split in SPLITS))
_TAGS = {
    "candidate": "Candidate",
    "reason": "Why it was trained",
    "data_version": "Data version",
    "git_commit": "Commit of the code",
    "lock_hash": "Hash of the locks",
    "contract_data_hash": "Contract: hash of columns, target and split",
    "contract_model_hash": "Contract: hash of these and of training",
    "seed": "Seed",
    "bundle_digest": "Digest of the bundle",
    "code_hash": "Hash of the code",
    "python": "Python",
    "platform": "Platform",
    "libraries": "Libraries",
}
_WINDOWS = 40  # that are named
_WORDS = ("candidate", "reason", "python", "platform", "libraries")  # which nobody copies


def choice(facts: Facts) -> Chapter:
    """Return the candidates, best first, and which of them was chosen."""
    title = "How it was chosen"
    if not facts.candidates:
        return Chapter(title, [Paragraph("The scores of the candidates are not recorded.")])
    chosen = facts.tags.get("candidate")
    rows = [_candidate(facts, line, line.candidate == chosen) for line in facts.candidates]
    unit = f" ({facts.contract.target.unit})" if facts.contract.target.unit else ""
    head = (
        *("Candidate", f"Mean absolute error{unit}", f"Root mean squared error{unit}"),
        *("R²", "Seconds to tune and fit", "State"),
    )
    tuning = facts.contract.training.tuning
    note = (
        f"By {tuning.folds}-fold cross-validation within the training rows, with up to "
        f"{count(tuning.trials, 'set')} of parameters for each candidate. Test rows had no part in it."
    )
    return Chapter(title, [Table(head, rows, numbers=(1, 2, 3, 4))], note)


def _candidate(facts: Facts, line: Line, chosen: bool) -> list[Cell]:
    kind = facts.contract.training.candidates.get(line.candidate)
    made = f" (mean of {listed(kind.of)})" if kind and kind.of else ""
    scores = (number(value) for value in (line.mae, line.rmse, line.r2))
    return [line.candidate + made, *scores, f"{line.seconds:,.1f}", State("chosen" if chosen else "")]


def data(facts: Facts) -> Chapter:
    """Return where the rows come from, under which terms, and how they were split."""
    return Chapter("Data", [Table(("", ""), list(_origin(facts)))])


def _origin(facts: Facts) -> Iterator[tuple[str, str]]:
    contract, split = facts.contract, facts.contract.split
    yield "Source", contract.ingestion.source
    yield "Licence", contract.licence
    yield "Data version", facts.tags.get("data_version", NOT_RECORDED)
    if facts.windows:
        yield "Windows", listed(facts.windows, _WINDOWS)
    yield "Event time", contract.event_time or "none: rows have no time of their own"
    rows = {name: facts.tags[f"rows_{name}"] for name in SPLITS if f"rows_{name}" in facts.tags}
    if rows:
        yield "Rows", ", ".join(f"{_rows(found)} {name}" for name, found in rows.items())
    shares = ", ".join(f"{share(getattr(split, name))} {name}" for name in SPLITS)
    by = f"of its key ({listed(contract.key)})" if contract.key else "of all its features, as there is no key"
    yield "Split", f"{shares}, by a hash {by}: a row stays in its split while data grows"


def _rows(written: str) -> str:
    return exactly(float(written)) if written.isdecimal() else written


def columns(facts: Facts) -> Chapter:
    """Return every column with its unit and what may stand in it."""
    return Chapter("Columns", [columns_table(facts.contract)])


def lineage(facts: Facts) -> Chapter:
    """Return what the version was made from, and the command that makes it again."""
    again = (
        "This trains again from exactly these, and says whether metrics and predictions are equal. Where this checkout "
        "is another, it prints the commands that set the right one up, and stops:"
    )
    command = f"mlops train reproduce {facts.version} --model {facts.contract.name}"
    return Chapter(
        "Where it comes from, and how to make it again",
        [Table(("", ""), list(_tags(facts))), Paragraph(again), Command(command)],
    )


def _tags(facts: Facts) -> Iterator[tuple[str, Cell]]:
    yield "Model", f"{facts.contract.name}, version {facts.version}"
    for name, title in _TAGS.items():
        found = facts.tags.get(name, NOT_RECORDED)
        yield title, found if name in _WORDS or found == NOT_RECORDED else Code(found)
    for name in sorted(set(facts.tags) - {*_TAGS, *_ELSEWHERE}):
        yield name.replace("_", " ").capitalize(), facts.tags[name]
