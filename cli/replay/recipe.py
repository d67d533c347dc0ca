"""How models of a replay are made: all candidates compete once, and the winner's recipe is fitted from then on.

So the three courses differ in when they train, and in nothing else; and where two of them would fit the same recipe to
the same data version, MLflow has the run already and nothing is fitted twice.
"""

from pipeline.contract import VOTE, Candidate, Contract
from pipeline.contract.base import Section
from pipeline.contract.training_section import Training
from pipeline.release_log import Release
from pipeline.settings import Settings
from serving.release import evidence, release
from training.errors import GateRefused
from training.evaluation.evaluate import evaluate
from training.fit import Fitted, fit_candidate
from training.gate.judge import judge
from training.package import package
from training.plan import Plan, plan
from training.register import register
from training.vote import fit_vote


class Recipe(Section):
    """The winner of the first training: a candidate of the contract with the parameters that it won with."""

    winner: str
    training: Training  # the winner alone or, where it is a vote, with its members

    def applied_to(self, contract: Contract) -> Contract:
        """Return the contract with this recipe in place of its contest."""
        return contract.model_copy(update={"training": self.training})


class Proven(Section):
    """What became of a challenger: a release, or why the gate refused it."""

    release: Release | None
    sentence: str


def compete(contract: Contract, settings: Settings, data_version: str, trials: int) -> tuple[Recipe, Plan, Fitted]:
    """Fit all candidates, each with `trials` sets of parameters, and return the winner's recipe and model.

    Raises:
        TrainingError: when a candidate cannot be fitted.
    """
    planned = plan(contract, settings, "contest", data_version, "the first model of a replay")
    fitted = _fit(contract, settings, planned, trials)
    winner = evaluate(contract, settings, planned, fitted).candidate
    best = next(one for one in fitted if one.candidate == winner)
    return _recipe(contract, fitted, winner), planned, best


def refit(contract: Contract, settings: Settings, recipe: Recipe, data_version: str) -> tuple[Plan, Fitted]:
    """Fit the recipe to a data version, unless a course did that before.

    Raises:
        TrainingError: when it cannot be fitted.
    """
    applied = recipe.applied_to(contract)
    planned = plan(applied, settings, f"refit-{data_version}", data_version, "a retraining of a replay")
    fitted = _fit(applied, settings, planned, trials=1)
    return planned, next(one for one in fitted if one.candidate == recipe.winner)


def put_live(contract: Contract, settings: Settings, planned: Plan, best: Fitted) -> Proven:
    """Prove a fitted model, let the gate judge it, and release it where it passes."""
    evaluated = evaluate(contract, settings, planned, [best])
    packaged = package(contract, settings, planned, evaluated)
    decision = judge(contract, settings, planned, evaluated, packaged)
    try:
        challenger = register(contract, settings, planned, evaluated, packaged, decision)
    except GateRefused:
        return Proven(release=None, sentence=decision.sentence)
    proposed = evidence(contract, settings, challenger.version, None)
    return Proven(release=release(settings, proposed), sentence=decision.sentence)


def _fit(contract: Contract, settings: Settings, planned: Plan, trials: int) -> list[Fitted]:
    """Fit all candidates with a number of trials, whatever the time: a replay must not depend on the machine."""
    votes = contract.training.votes
    alone = [name for name in planned.candidates if name not in votes]
    fitted = [fit_candidate(contract, settings, planned, name, trials) for name in alone]
    return fitted + [fit_vote(contract, settings, planned, name, fitted) for name in votes]


def _recipe(contract: Contract, fitted: list[Fitted], winner: str) -> Recipe:
    training = contract.training
    chosen = training.candidates[winner]
    found = {one.candidate: one.parameters for one in fitted}
    names = chosen.of if chosen.kind == VOTE else (winner,)
    candidates = {name: _settled(training.candidates[name], found[name]) for name in names}
    if chosen.kind == VOTE:
        candidates[winner] = chosen
    return Recipe(winner=winner, training=training.model_copy(update={"candidates": candidates}))


def _settled(candidate: Candidate, parameters: dict[str, object]) -> Candidate:
    return candidate.model_copy(update={"parameters": parameters, "search": {}})
