"""What is lived in a replay: the results of its steps, which are kept, and a period made of them."""

from dataclasses import dataclass
from typing import Literal

from cli.replay.asked import Asked
from cli.replay.periods import Period
from cli.replay.recipe import Recipe
from cli.replay.result import Errors, Line
from cli.replay.steps import Steps
from cli.replay.watch import Watched
from cli.replay.world import World
from ingestion.validate import Validated
from monitoring.retraining.past import Attempt
from pipeline.contract import Contract
from pipeline.contract.base import Section
from pipeline.release_log import Release
from pipeline.settings import Settings


class First(Section):
    """How a replay begins: the recipe, and the model that is live before the first period."""

    recipe: Recipe
    release: Release
    rows: int


class Answered(Section):
    """How a period's rows were answered; `valid` is None where it has none."""

    valid: Validated | None
    errors: Errors


class Learnt(Section):
    """The newest data version once the truth that was due has come."""

    data_version: str


class Retrained(Section):
    """What is live from the next period on, and the training that made it so, if there was one."""

    live: Release
    attempt: Attempt | None = None
    outcome: str = ""


class Rival(Section):
    """The model of the course that retrains every period, from the next period on."""

    run_id: str
    data_version: str


@dataclass(frozen=True)
class Life:
    """What all periods share."""

    contract: Contract
    settings: Settings  # the replay's own
    asked: Asked
    world: World
    first: First
    steps: Steps


@dataclass(frozen=True)
class Turn:
    """A period that was lived."""

    period: Period
    live: Release  # that answered in it
    answered: Answered
    learnt: Learnt
    watched: Watched
    retrained: Retrained
    rival: Rival

    def line(self) -> Line:
        """Return what the table says of it."""
        attempt, decision = self.retrained.attempt, self.watched.decision
        outcome: Literal["released", "refused", ""] = ""
        if attempt:
            outcome = "released" if attempt.outcome == "released" else "refused"
        return Line(
            number=self.period.number,
            start=self.period.title,
            rows=self.answered.valid.rows if self.answered.valid else 0,
            shifted=self.period.shifted,
            errors=self.answered.errors,
            version=self.live.version,
            labelled_rows=self.watched.labelled_rows,
            data_version=self.learnt.data_version,
            verdict=self.watched.verdict.status,
            reasons=tuple(reason.sentence for reason in self.watched.verdict.reasons),
            asked=decision.asked,
            held_back=decision.kind != "none" and not decision.asked,
            decision=decision.reason,
            retraining=outcome,
            outcome=self.retrained.outcome,
        )
